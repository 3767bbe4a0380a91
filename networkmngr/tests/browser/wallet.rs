//! An account of one's own: signing up, being paid, paying.

use crate::driver::{Driver, Page, WIDE};
use crate::network::mine_at;
use crate::support::Network;

const PASSWORD: &str = "four random words here";

/// Where a node's pages are.
pub(crate) fn at(network: &Network, node: u16, page: &str) -> String {
    format!("http://127.0.0.1:{}/#/{page}", network.port_of(node))
}

/// Signs up on a page of a node, with the words written down and confirmed.
pub(crate) async fn sign_up(page: &Page, network: &Network, node: u16, name: &str) {
    page.open(&at(network, node, "wallet/sign-up")).await;
    page.fill("#sign-up-name", name).await;
    page.fill("#sign-up-password", PASSWORD).await;
    page.fill("#sign-up-again", PASSWORD).await;
    page.press("#sign-up-submit").await;
    page.until("document.querySelectorAll('#words li strong').length === 24").await;
    let words = page.value("[...document.querySelectorAll('#words li strong')].map((it) => it.textContent)").await;
    page.press("#words-written").await;
    page.until("document.querySelectorAll('.asked-word').length > 0").await;
    let places =
        page.value("[...document.querySelectorAll('.asked-word')].map((it) => Number(it.dataset.place))").await;
    for place in places.as_array().unwrap() {
        let place = usize::try_from(place.as_u64().unwrap()).unwrap();
        page.fill(&format!("#word-{place}"), words[place - 1].as_str().unwrap()).await;
    }
    page.press("#confirm-words-submit").await;
    page.reads("#wallet-name", name).await;
}

/// The address of the account that a page has logged in.
pub(crate) async fn address(page: &Page) -> String {
    let address = "/nm1[a-z0-9]{50,}/.exec(document.querySelector('.owner')?.textContent)?.[0]";
    page.until(address).await;
    page.value(address).await.as_str().unwrap().to_owned()
}

/// Has the practice account of a node pay one coin and more, and the payment confirmed.
pub(crate) fn fund(network: &Network, node: u16, to: &str, units: u64) {
    mine_at(network, node, 1);
    let sent = network.order_at(node, "/wallet/send", &serde_json::json!({ "to": to, "amount": units }));
    assert_eq!(sent.status, 202, "{}", String::from_utf8_lossy(&sent.body));
    mine_at(network, node, 1);
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver"]
async fn two_people_pay_each_other_in_two_browsers() {
    let folder = tempfile::tempdir().unwrap();
    let network = Network::start(folder.path(), &[]);
    let driver = Driver::start();
    let (anna, ben) = (driver.browser(WIDE).await, driver.browser(WIDE).await);
    sign_up(&anna, &network, 0, "anna").await;
    sign_up(&ben, &network, 1, "ben").await;
    let (annas, bens) = (address(&anna).await, address(&ben).await);

    // What comes in is seen as it happens, first pending, then confirmed.
    fund(&network, 0, &annas, 3_000_000);
    anna.reads("#balance [data-balance=confirmed]", "3").await;

    anna.open(&at(&network, 0, "wallet/send")).await;
    // One wrong character is seen while typing.
    let mut wrong = bens.clone();
    wrong.replace_range(10..11, if &bens[10..11] == "q" { "p" } else { "q" });
    anna.fill("#send-to", &wrong).await;
    anna.until("document.querySelector('#send-to').dataset.state === 'wrong'").await;
    anna.fill("#send-to", &bens).await;
    anna.until("document.querySelector('#send-to').dataset.state === 'good'").await;
    anna.fill("#send-amount", "1.25").await;
    // Not without the password.
    anna.fill("#send-password", "another password").await;
    anna.press("#send-form-submit").await;
    anna.until("document.querySelector('#send-form-wrong').textContent.length > 0").await;
    anna.until("!document.querySelector('#send-form-submit').disabled").await;
    anna.fill("#send-password", PASSWORD).await;
    anna.press("#send-form-submit").await;
    anna.reads("#sent [data-status-of]", "pending").await;
    anna.picture("wallet-sent").await;

    // Ben sees it coming, and loads his page anew in the middle of it.
    ben.open(&at(&network, 1, "wallet")).await;
    ben.until("document.querySelector('#history [data-status=pending]')").await;
    ben.reload().await;
    ben.until("document.querySelector('#history [data-status=pending]')").await;
    mine_at(&network, 2, 1);
    ben.until("document.querySelector('#history [data-status=confirmed]')").await;
    anna.until("document.querySelector('#sent [data-status=confirmed]')").await;
    ben.reads("#balance [data-balance=confirmed]", "1.25").await;

    // His address as a picture that a phone reads, and nobody but Anna pays with her account.
    ben.open(&at(&network, 1, "wallet/receive")).await;
    ben.until(&format!("document.querySelector('#qr')?.dataset.text.toLowerCase().includes({bens:?})")).await;
    for page in [anna, ben] {
        page.fits().await;
        page.close().await;
    }
    network.stop();
}

/// The node goes, and comes back, while its page is open.
#[tokio::test]
#[ignore = "needs chromium and chromedriver"]
async fn a_payment_taken_back_is_shown_so_and_the_page_outlives_its_node() {
    let folder = tempfile::tempdir().unwrap();
    let network = Network::start(folder.path(), &[]);
    let driver = Driver::start();
    let page = driver.browser(WIDE).await;
    mine_at(&network, 0, 1);
    let to = network.node(1, "/wallet").json()["address"].as_str().unwrap().to_owned();
    let sent = network.order_at(0, "/wallet/send", &serde_json::json!({ "to": to, "amount": 5 })).json();
    let id = sent["id"].as_str().unwrap();
    page.open(&at(&network, 0, &format!("transaction/{id}"))).await;
    page.until(&format!("document.querySelector('[data-status-of=\"{id}\"][data-status=pending]')")).await;
    mine_at(&network, 0, 1);
    page.until(&format!("document.querySelector('[data-status-of=\"{id}\"][data-status=confirmed]')")).await;

    let answer = network.order("/reorg", serde_json::json!({ "depth": 1, "leave_out": [id] }))();
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    page.until("document.querySelector('#story [data-state=retracted]')").await;
    page.picture("transaction-retracted").await;

    network.post("/nodes/0/kill");
    page.until("document.querySelector('#live').dataset.state === 'waiting'").await;
    network.post("/nodes/0/restart");
    page.until("document.querySelector('#live').dataset.state === 'live'").await;
    // What it had acknowledged was offered again, and the next block can have it.
    mine_at(&network, 0, 1);
    page.until(&format!("document.querySelector('[data-status-of=\"{id}\"][data-status=confirmed]')")).await;
    page.close().await;
    network.stop();
}
