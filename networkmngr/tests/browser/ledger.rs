//! A shop's books: a record, its receipt, and the check of it.

use serde_json::{Value, json};

use crate::driver::{Driver, WIDE, downloaded};
use crate::network::mine_at;
use crate::support::Network;
use crate::wallet::at;

#[tokio::test]
#[ignore = "needs chromium and chromedriver"]
async fn a_record_is_filed_and_its_receipt_checked_in_the_browser() {
    let folder = tempfile::tempdir().unwrap();
    let network = Network::start(folder.path(), &[]);
    let driver = Driver::start();
    let page = driver.browser(WIDE).await;
    mine_at(&network, 0, 1);
    page.open(&at(&network, 0, "ledger/add")).await;
    page.fill("#record-topic", "invoices").await;
    page.press("#record-as-json").await;
    page.fill("#record-json", r#"{"number": 17, "total": "12.50"}"#).await;
    page.press("#record-submit").await;
    page.until("document.querySelector('#filed [data-status=pending]')").await;
    // The node signs for what lies deep enough.
    mine_at(&network, 0, 8);
    page.until("document.querySelector('#filed [data-status=confirmed]')").await;

    page.open(&at(&network, 0, "ledger")).await;
    page.reads("#topics", "invoices").await;
    page.reads("#records article", "12.50").await;
    page.press("#filed-transaction, #records article a[href^=\"#/transaction/\"]").await;
    page.press("a[data-receipt][data-ready]").await;
    let receipt = downloaded(driver.downloads(), ".json").await;

    page.open(&at(&network, 1, "check")).await;
    page.give_file("#receipt-file", &receipt).await;
    page.until("document.querySelector('#verdict').dataset.holds === 'true'").await;
    page.until("!document.querySelector('.step[data-outcome=bad]')").await;
    page.picture("receipt-holds").await;

    // One digit of it changed, as somebody would who cheats.
    let mut receipt: Value = serde_json::from_slice(&std::fs::read(&receipt).unwrap()).unwrap();
    let bytes = receipt["transaction"].as_str().unwrap();
    let (kept, last) = bytes.split_at(bytes.len() - 1);
    receipt["transaction"] = json!(format!("{kept}{}", if last == "7" { "8" } else { "7" }));
    let forged = folder.path().join("forged.json");
    std::fs::write(&forged, receipt.to_string()).unwrap();
    page.give_file("#receipt-file", &forged).await;
    page.until("document.querySelector('#verdict').dataset.holds === 'false'").await;
    page.until("document.querySelector('.step[data-outcome=bad]')").await;
    page.picture("receipt-forged").await;
    page.close().await;
    network.stop();
}
