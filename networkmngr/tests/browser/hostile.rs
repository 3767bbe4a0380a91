//! What strangers write stays text.

use serde_json::json;

use crate::driver::{Driver, WIDE};
use crate::network::{mine_at, page_of};
use crate::support::Network;
use crate::wallet::at;

const MARKUP: &str = "<img src=x onerror=\"document.title='taken'\"><script>document.title='taken'</script>";

#[tokio::test]
#[ignore = "needs chromium and chromedriver"]
async fn markup_in_records_topics_and_names_is_shown_and_never_run() {
    let folder = tempfile::tempdir().unwrap();
    let network = Network::start(folder.path(), &[]);
    let driver = Driver::start();
    let page = driver.browser(WIDE).await;
    mine_at(&network, 0, 1);
    let record = json!({ "topic": "<b>bold</b>", "record": { MARKUP: MARKUP } });
    let filed = network.order_at(0, "/records", &record);
    assert_eq!(filed.status, 202, "{}", String::from_utf8_lossy(&filed.body));
    mine_at(&network, 0, 1);
    let id = filed.json()["id"].as_str().unwrap().to_owned();

    for place in ["ledger", &format!("transaction/{id}"), "block/2", "pool"] {
        page.open(&at(&network, 0, place)).await;
        page.until("document.querySelector('main').textContent.length > 20").await;
        let made = page.value("document.querySelectorAll('main img[src=x], main script, main b').length").await;
        assert_eq!(made, 0, "{place}");
        assert_ne!(page.value("document.title").await, "taken", "{place}");
    }
    page.open(&at(&network, 0, "ledger")).await;
    page.reads("#records", "<img src=x").await;
    page.reads("#topics", "<b>bold</b>").await;

    // A scenario's name on the network's page.
    page.open(&page_of(&network)).await;
    let scenario = format!("name = {MARKUP:?}\n[network]\nnodes = 2\n[[step]]\nmine = 1\n");
    let run = network.order("/runs", json!({ "scenario": scenario, "engine": "simulated" }))();
    assert_eq!(run.status, 202, "{}", String::from_utf8_lossy(&run.body));
    page.press("#tab-lessons").await;
    page.reads("#runs", "<img src=x").await;
    assert_eq!(page.value("document.querySelectorAll('main img[src=x]').length").await, 0);
    assert_ne!(page.value("document.title").await, "taken");
    page.close().await;
    network.stop();
}
