//! Every page as it looks on a projector and on a phone, by day and by night: nothing sticks out, and the pictures are
//! kept for people to look at.

use crate::driver::{Driver, Look};
use crate::network::{mine_at, page_of};
use crate::support::Network;
use crate::wallet::at;

#[tokio::test]
#[ignore = "needs chromium and chromedriver"]
async fn every_page_fits_every_screen() {
    let folder = tempfile::tempdir().unwrap();
    let network = Network::start(folder.path(), &[]);
    let driver = Driver::start();
    mine_at(&network, 0, 3);
    let to = network.node(1, "/wallet").json()["address"].as_str().unwrap().to_owned();
    let record = serde_json::json!({ "topic": "invoices", "record": { "number": 17, "total": "12.50" } });
    assert_eq!(network.order_at(0, "/records", &record).status, 202);
    network.order_at(0, "/wallet/send", &serde_json::json!({ "to": to, "amount": 2_500_000 }));
    mine_at(&network, 0, 1);
    let pages = [
        "",
        "blocks",
        "block/4",
        "pool",
        "peers",
        "mine",
        "wallet",
        "wallet/send",
        "wallet/receive",
        "wallet/sign-up",
        "wallet/log-in",
        "wallet/restore",
        "ledger",
        "ledger/add",
        "check",
    ];
    for (width, height) in [(1440, 900), (390, 844)] {
        for dark in [false, true] {
            let page = driver.browser(Look { width, height }).await;
            let name = |of: &str| format!("{of}-{width}{}", if dark { "-dark" } else { "" });
            for place in pages {
                page.open_in(&at(&network, 0, place), dark).await;
                page.until("document.querySelector('main')?.textContent.length > 20").await;
                page.fits().await;
                let of = if place.is_empty() { "overview".to_owned() } else { place.replace('/', "-") };
                page.picture(&name(&format!("node-{of}"))).await;
            }
            page.open_in(&page_of(&network), dark).await;
            page.reads("#sentence", "6 nodes").await;
            for tab in ["feed", "do", "lessons", "figures"] {
                page.press(&format!("#tab-{tab}")).await;
                page.fits().await;
                page.picture(&name(&format!("network-{tab}"))).await;
            }
            page.close().await;
        }
    }
    network.stop();
}
