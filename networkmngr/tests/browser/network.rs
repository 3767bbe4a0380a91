//! The network's page: what a class does in its first hour.

use crate::driver::{Driver, WIDE};
use crate::support::{LIMIT, Network, wait_for};

/// The page of the manager.
pub(crate) fn page_of(network: &Network) -> String {
    format!("http://127.0.0.1:{}/", network.port_of(0) - 1)
}

/// So many blocks by one node, one after the other.
pub(crate) fn mine_at(network: &Network, node: u16, blocks: u32) {
    for _ in 0..blocks {
        let answer = network.order_at(node, "/mine", &serde_json::Value::Null);
        assert_eq!(answer.status, 201, "{}", String::from_utf8_lossy(&answer.body));
    }
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver"]
async fn a_split_is_seen_as_a_fork_that_closes_when_it_is_healed() {
    let folder = tempfile::tempdir().unwrap();
    let network = Network::start(folder.path(), &[]);
    let driver = Driver::start();
    let page = driver.browser(WIDE).await;
    page.open(&page_of(&network)).await;
    page.reads("#sentence", "6 nodes").await;

    // Every node mines, until somebody says stop.
    page.press("#quick-continuous").await;
    page.until("Number(/block (\\d+)/.exec(document.querySelector('#sentence').textContent)?.[1]) >= 3").await;
    page.press("#quick-stop").await;
    // A tie that stopping leaves is mined out first.
    wait_for("the job is over", LIMIT, || {
        let status = network.get("/status");
        let over = matches!(status["job"]["state"].as_str(), Some("done" | "stopped"));
        (over && status["agreement"]["agree"] == true).then_some(())
    });
    page.reads("#sentence", "All 6 nodes agree").await;

    page.press("#quick-split").await;
    page.reads("#sentence", "split").await;
    mine_at(&network, 0, 1);
    mine_at(&network, 3, 2);
    let two_tips = "new Set([...document.querySelectorAll('#sentence')].flatMap((it) => \
                    it.textContent.match(/block \\d+/g) ?? [])).size === 2";
    page.until(two_tips).await;
    page.picture("network-split").await;

    // In the middle of it: the page loaded anew, and another person's browser.
    page.reload().await;
    page.until(two_tips).await;
    let other = driver.browser(WIDE).await;
    other.open(&page_of(&network)).await;
    other.until(two_tips).await;

    other.press("#quick-heal").await;
    for page in [&page, &other] {
        page.reads("#sentence", "All 6 nodes agree").await;
    }

    // Why: in a sentence, and on demand with both branches.
    let story = "[data-story][data-text*=\"while the network was split\"]";
    page.press(&format!("{story} summary")).await;
    for branch in ["left", "joined"] {
        page.until(&format!("document.querySelector({story:?}).querySelector('[data-branch={branch}] [data-block]')"))
            .await;
    }
    page.picture("network-healed").await;

    // Back to an earlier moment, and to the present again.
    let middle = page.value(
        "String((Number(document.querySelector('#time-slider').min) + \
                             Number(document.querySelector('#time-slider').max)) / 2)",
    );
    page.set("#time-slider", middle.await.as_str().unwrap()).await;
    page.until("document.querySelector('#timebar').dataset.live === 'false'").await;
    page.press("#time-live").await;
    page.until("document.querySelector('#timebar').dataset.live === 'true'").await;

    // A node dies, and comes back.
    page.press("#nodes [data-node=\"5\"]").await;
    page.press("[data-order=kill]").await;
    page.reads("#node-dialog", "down").await;
    page.press("[data-order=restart]").await;
    page.reads("#node-dialog", "running").await;
    page.press("#node-close").await;
    page.reads("#sentence", "All 6 nodes agree").await;
    page.fits().await;
    page.close().await;
    other.close().await;
    network.stop();
}
