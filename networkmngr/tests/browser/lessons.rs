//! A lesson on the network's page, from the question to the answer.

use crate::driver::{Driver, WIDE};
use crate::network::page_of;
use crate::support::Network;

#[tokio::test]
#[ignore = "needs chromium and chromedriver"]
async fn a_lesson_asks_runs_and_explains() {
    let folder = tempfile::tempdir().unwrap();
    let network = Network::start(folder.path(), &[]);
    let driver = Driver::start();
    let page = driver.browser(WIDE).await;
    page.open(&page_of(&network)).await;
    page.press("#tab-lessons").await;
    page.until("document.querySelectorAll('[data-lesson]').length >= 6").await;
    page.press("[data-lesson=\"1\"] summary").await;
    page.press("[data-lesson=\"1\"] input[type=radio]").await;
    page.press("[data-start=\"1\"]").await;
    page.until("document.querySelector('#run')?.dataset.state === 'passed'").await;
    page.until("document.querySelector('#run-answer')?.dataset.right").await;
    assert!(page.text("#run-because").await.len() > 40);
    page.picture("network-lesson").await;
    // A run is kept; loaded anew the page shows the live network or the run, whichever it was.
    page.reload().await;
    page.until("document.querySelector('#sentence')?.textContent.length > 0").await;
    page.close().await;
    network.stop();
}
