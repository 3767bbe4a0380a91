//! A room of two people on two nodes: what they say to one another, and what nobody else gets to see of it.

use serde_json::{Value, json};

use crate::driver::{Driver, Look, Page, WIDE, downloaded};
use crate::network::mine_at;
use crate::support::{LIMIT, Network, wait_for};
use crate::wallet::{address, at, sign_up};

const HOSTILE: &str =
    "<img src=x onerror=\"document.title='taken'\"><script>document.title='taken'</script> \u{202e}gnp";
/// Word by word nowhere but in the room.
const SECRET: &str = "The titration sheet is due on Friday";

/// Messages of a long room: more than are read around one.
const MANY: usize = 140;
/// An expression: the box that messages scroll in.
const BOX: &str = "document.querySelector('#messages')";
/// An expression: how many messages are drawn.
const DRAWN: &str = "document.querySelectorAll('.said').length";

/// The node that mines here.
const MINER: u16 = 2;

/// Mines a block, once at least so many transactions have come to the node that does it.
fn confirm(network: &Network, least: usize) {
    let waiting = || network.node(MINER, "/transactions/pending").json()["transactions"].as_array().unwrap().len();
    wait_for("transactions to confirm", LIMIT, || (waiting() >= least).then_some(()));
    mine_at(network, MINER, 1);
}

/// Signs up on a page of a node and takes a display name; gives the account's address.
async fn join(page: &Page, network: &Network, node: u16, name: &str) -> String {
    sign_up(page, network, node, name).await;
    let address = address(page).await;
    page.open(&at(network, node, "chat")).await;
    page.fill("#profile-name", name).await;
    page.press("#profile-submit").await;
    page.until("document.querySelector('#new-room')").await;
    address
}

/// Opens a room with one other person, found by the name that the chain knows; gives its id.
async fn found_room(page: &Page, name: &str, other: &str) -> String {
    page.press("#new-room").await;
    page.fill("#room-name", name).await;
    choose(page, "#room-members", other).await;
    page.press("#new-room-form-submit").await;
    page.reads("#room h1", name).await;
    page.value("document.querySelector('#room').dataset.room").await.as_str().unwrap().to_owned()
}

/// Looks somebody up, and takes the one who is found.
async fn choose(page: &Page, field: &str, name: &str) {
    page.fill(field, name).await;
    page.reads("[data-person]", name).await;
    page.press("[data-person]").await;
}

/// Writes a message, sends it by the Enter key, and waits until the node has it.
async fn say(page: &Page, words: &str) {
    page.fill("#message-text", &format!("{words}\n")).await;
    page.until("document.querySelector('#message-text').value === '' && !document.querySelector('.ghost')").await;
}

/// An expression: a message with these words is seen once, in one of these states (all of them if empty).
fn said(words: &str, state: &str) -> String {
    let states = if state.is_empty() { String::new() } else { format!("[data-state={state}]") };
    format!(
        "[...document.querySelectorAll('.said:not(.ghost){states} .said-text')]\
         .filter((it) => it.textContent.includes({words:?})).length === 1"
    )
}

/// An expression: somewhere on the page are these words.
fn reads_anywhere(words: &str) -> String {
    format!("document.documentElement.textContent.includes({words:?})")
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver"]
async fn two_people_chat_in_two_browsers_and_nobody_else_reads_it() {
    let folder = tempfile::tempdir().unwrap();
    let network = Network::start(folder.path(), &[]);
    let driver = Driver::start();
    let (anna, ben) = (driver.browser(WIDE).await, driver.browser(WIDE).await);
    let annas = join(&anna, &network, 0, "anna").await;
    let bens = join(&ben, &network, 1, "ben").await;
    confirm(&network, 2);

    // What one says is seen before a block has it, and every block confirms it once more.
    let room = found_room(&anna, "Chemistry", "ben").await;
    confirm(&network, 1);
    say(&anna, SECRET).await;
    ben.press("[data-page=overview]").await;
    ben.reads("#unread", "1").await;
    ben.press("[data-page=chat]").await;
    ben.reads(&format!("[data-room=\"{room}\"]"), SECRET).await;
    ben.press(&format!("a[data-room=\"{room}\"]")).await;
    ben.until(&said(SECRET, "pending")).await;
    ben.until("document.querySelector('#unread').hidden").await;
    confirm(&network, 1);
    for page in [&anna, &ben] {
        page.until(&said(SECRET, "confirmed")).await;
    }
    mine_at(&network, MINER, 1);
    ben.reads(".said .mark-words", "confirmed (2)").await;

    // An answer has with it what it answers, and leads there.
    ben.press(".said .reply").await;
    ben.reads("#replying", SECRET).await;
    say(&ben, "I have 24.35").await;
    anna.until(&said("I have 24.35", "")).await;
    anna.reads(".said button.quote", SECRET).await;
    anna.press(".said button.quote").await;
    anna.until("document.querySelector('.said.lit')").await;

    // Whatever is written stays text, and addresses open only on purpose.
    say(&ben, HOSTILE).await;
    anna.until(&said("<img src=x onerror=", "")).await;
    anna.until(&said("⟨202E⟩gnp", "")).await;
    say(&ben, "see https://example.org/a?b").await;
    anna.press(".web").await;
    anna.reads("#link-address", "https://example.org/a?b").await;
    anna.until("document.querySelector('#link-open').rel === 'noopener noreferrer'").await;
    anna.press("dialog button").await;
    for page in [&anna, &ben] {
        assert_eq!(page.value("document.querySelectorAll('main img[src=x], main script').length").await, 0);
        assert_ne!(page.value("document.title").await, "taken");
        page.fits().await;
    }
    anna.picture("chat-room").await;

    // A draft outlives the page.
    anna.fill("#message-text", "not sent yet").await;
    anna.reload().await;
    anna.until("document.querySelector('#message-text')?.value === 'not sent yet'").await;
    anna.fill("#message-text", "").await;

    // What one may read is found, and taken along as a file.
    anna.press("#open-search").await;
    anna.fill("#room-search", "titration").await;
    anna.reads("#found", SECRET).await;
    anna.press("#open-people").await;
    anna.press("#export-room").await;
    let export = std::fs::read_to_string(downloaded(driver.downloads(), ".json").await).unwrap();
    assert!(export.contains(SECRET));

    // The same safety number on both sides.
    ben.press("#open-people").await;
    let mut numbers = Vec::new();
    for (page, other) in [(&anna, &bens), (&ben, &annas)] {
        let groups = format!("[data-member=\"{other}\"] .groups");
        page.until(&format!("document.querySelectorAll('{groups} li').length === 12")).await;
        numbers.push(page.text(&groups).await);
    }
    assert_eq!(numbers[0], numbers[1]);
    assert_eq!(numbers[0].len(), 60);

    nobody_else_reads(&network, &driver, &anna, &room).await;
    a_removed_member_reads_no_more(&network, &anna, &ben, &bens).await;
    for page in [anna, ben] {
        page.close().await;
    }
    network.stop();
}

/// Another node has the whole chain: its pages show that somebody said something, and not what.
async fn nobody_else_reads(network: &Network, driver: &Driver, anna: &Page, room: &str) {
    confirm(network, 1);
    anna.until(&said(SECRET, "confirmed")).await;
    let message =
        anna.value("document.querySelector('.said .mark-words').getAttribute('href').split('/').at(-1)").await;
    let outsider = driver.browser(WIDE).await;
    join(&outsider, network, 3, "mallory").await;
    outsider.until("document.querySelector('#rooms .empty')").await;
    for place in [
        format!("chat/{room}"),
        format!("transaction/{}", message.as_str().unwrap()),
        "ledger".to_owned(),
        "blocks".to_owned(),
    ] {
        outsider.open(&at(network, 3, &place)).await;
        outsider.reload().await;
        outsider
            .until("document.querySelector('main').textContent.length > 20 && !document.querySelector('.loading')")
            .await;
        for words in [SECRET, "Chemistry", "24.35"] {
            assert_eq!(outsider.value(&reads_anywhere(words)).await, false, "{place}: {words}");
        }
    }
    outsider.close().await;
}

/// Whoever is removed keeps what was said until then, and gets nothing of what is said after it.
async fn a_removed_member_reads_no_more(network: &Network, anna: &Page, ben: &Page, bens: &str) {
    anna.press(&format!("[data-member=\"{bens}\"] summary")).await;
    anna.press(&format!("[data-remove=\"{bens}\"]")).await;
    anna.press("dialog .main").await;
    anna.until("document.querySelector('[data-change][data-what=remove]')").await;
    confirm(network, 1);
    ben.until("document.querySelector('#standing')").await;
    ben.until(&said(SECRET, "")).await;
    say(anna, "without Ben now").await;
    confirm(network, 1);
    anna.until(&said("without Ben now", "confirmed")).await;
    ben.reload().await;
    ben.until(&said(SECRET, "")).await;
    assert_eq!(ben.value(&reads_anywhere("without Ben now")).await, false);
}

/// Asks the chat of a node in the name of its practice account.
fn order(network: &Network, node: u16, path: &str, body: &Value) -> Value {
    let answer = network.order_at(node, path, body);
    assert_eq!(answer.status, 202, "{path}: {}", String::from_utf8_lossy(&answer.body));
    answer.json()
}

/// Founds a room of two practice accounts, with a third one known; gives where its messages are.
fn practice_room(network: &Network) -> String {
    for (node, name) in [(0, "Anna"), (1, "Ben"), (2, "Clara Müller")] {
        order(network, node, "/chat/profile", &json!({ "name": name }));
    }
    confirm(network, 3);
    let known = || network.node(0, "/chat/people").json()["people"].as_array().unwrap().len();
    wait_for("everybody is known", LIMIT, || (known() == 3).then_some(()));
    let founded = order(network, 0, "/chat/rooms", &json!({ "name": "Chemistry, year 11", "members": ["Ben"] }));
    let room = founded["id"].as_str().unwrap().to_owned();
    confirm(network, 1);
    // The other node takes part as soon as it has the block.
    wait_for("the room is there", LIMIT, || {
        let rooms = network.node(1, "/chat/rooms").json()["rooms"].clone();
        (rooms[0]["standing"] == "member").then_some(())
    });
    format!("/chat/rooms/{room}/messages")
}

/// Two practice accounts talk in a room, and invite a third.
fn talk(network: &Network) {
    let said = practice_room(network);
    let say = |node: u16, text: &str, reply: &Value| {
        // On another node it takes a moment until what was said before is there to be answered.
        let knows = || network.node(node, &said).json()["messages"].to_string().contains(reply.as_str().unwrap_or(""));
        wait_for("the message is there", LIMIT, || knows().then_some(()));
        order(network, node, &said, &json!({ "text": text, "reply_to": reply }))["id"].clone()
    };
    let asked = say(1, "Did anybody write down the second reading? I have 24.35 ml.", &Value::Null);
    say(0, "24.35 as well, see https://example.org/titration?run=2", &asked);
    confirm(network, 2);
    say(1, &"averylongword".repeat(20), &Value::Null);
    say(1, "Then I put it into the table,\nwith the mean below.", &Value::Null);
    order(network, 0, &said.replace("/messages", "/members"), &json!({ "member": "Clara Müller", "history": true }));
}

/// Who looks something up far back gets there at once, reads on from there, and is told what is said meanwhile.
#[tokio::test]
#[ignore = "needs chromium and chromedriver"]
async fn the_beginning_of_a_long_room_is_one_step_away() {
    let folder = tempfile::tempdir().unwrap();
    let network = Network::start(folder.path(), &[]);
    let driver = Driver::start();
    let room = practice_room(&network);
    for number in 1..=MANY {
        order(&network, 0, &room, &json!({ "text": format!("number {number:03}") }));
    }
    confirm(&network, MANY);
    let page = driver.browser(WIDE).await;
    page.open(&at(&network, 0, "chat")).await;
    page.press(".room-entry").await;
    page.until(&said(&format!("number {MANY}"), "confirmed")).await;

    // What lies between is not read.
    page.press("#open-search").await;
    page.fill("#room-search", "number 005").await;
    page.reads("#found", "number 005").await;
    page.press(".hit").await;
    page.reads(".said.lit", "number 005").await;
    page.until(&format!("!({})", said(&format!("number {MANY}"), ""))).await;
    assert!(page.value(DRAWN).await.as_u64().unwrap() <= 100);

    // What is said meanwhile is counted, and moves nothing.
    let place = page.value(&format!("{BOX}.scrollTop")).await;
    order(&network, 1, &room, &json!({ "text": "said meanwhile" }));
    page.reads("#to-newest", "1 new message").await;
    assert_eq!(page.value(&format!("{BOX}.scrollTop")).await, place);

    // Reading goes on where the page ends, without a message twice or left out.
    page.value(&format!("{BOX}.scrollTop = {BOX}.scrollHeight")).await;
    page.until(&format!("{DRAWN} > {MANY}")).await;
    let words = "[...document.querySelectorAll('.said-text')].map((it) => it.textContent)";
    let told: Vec<String> = serde_json::from_value(page.value(words).await).unwrap();
    let wanted = (1..=MANY).map(|number| format!("number {number:03}")).chain(["said meanwhile".to_owned()]);
    assert_eq!(told, wanted.collect::<Vec<_>>());

    page.value(&format!("{BOX}.scrollTop = 0")).await;
    page.press("#to-newest").await;
    page.until(&said("said meanwhile", "pending")).await;
    page.until("document.querySelector('#to-newest').hidden").await;
    page.until("document.querySelector('#unread').hidden").await;
    page.close().await;
    network.stop();
}

/// The chat on a projector and on a phone, by day and by night.
#[tokio::test]
#[ignore = "needs chromium and chromedriver"]
async fn the_chat_fits_every_screen() {
    let folder = tempfile::tempdir().unwrap();
    let network = Network::start(folder.path(), &[]);
    let driver = Driver::start();
    talk(&network);
    for (width, height) in [(1440, 900), (390, 844)] {
        for dark in [false, true] {
            let page = driver.browser(Look { width, height }).await;
            let name = |of: &str| format!("node-chat{of}-{width}{}", if dark { "-dark" } else { "" });
            page.open_in(&at(&network, 0, "chat"), dark).await;
            page.reads(".room-entry", "Chemistry").await;
            page.fits().await;
            page.picture(&name("")).await;
            page.press(".room-entry").await;
            page.until(&said("with the mean below", "")).await;
            page.fits().await;
            page.picture(&name("-room")).await;
            for panel in ["people", "search"] {
                page.press(&format!("#open-{panel}")).await;
                page.until("!document.querySelector('.chat-side').hidden").await;
                page.fits().await;
                page.picture(&name(&format!("-{panel}"))).await;
            }
            for (place, seen) in [("chat/new", "#room-name"), ("chat/profile", "#profile-name")] {
                page.open(&at(&network, 0, place)).await;
                page.until(&format!("document.querySelector({seen:?})")).await;
                page.fits().await;
                page.picture(&name(&place.replace("chat/", "-"))).await;
            }
            // Somebody who has not chosen a name yet.
            page.open_in(&at(&network, 3, "chat"), dark).await;
            page.until("document.querySelector('#profile-name')").await;
            page.fits().await;
            page.picture(&name("-first")).await;
            page.close().await;
        }
    }
    network.stop();
}
