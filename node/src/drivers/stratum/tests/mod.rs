//! Sessions as a miner meets them.

mod miner;

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};
use shared::Bits;

use self::miner::*;
use super::{difficulty::Difficulty, jobs::KEPT, session::Session};
use crate::machine::event::{Event, Request, RequestId};

#[test]
fn a_share_that_a_miner_puts_together_as_described_is_a_block_that_pays_it() {
    let user = format!("{GUEST}.garage");
    let mut miner = Miner::working(EASY, &user);
    let job = miner.job();
    assert_eq!((job.coinb2.len(), job.branch.len(), job.clean), (0, 0, true));
    let (guess, hash) = job.search(&miner.extranonce1, Guess { extranonce2: 0x0102_0304, ..job.guess() }, is_block);
    assert_eq!(miner.submit_as(&user, &job.id, guess), Ok(json!(true)));
    let block = miner.found.pop().expect("a block");
    assert_eq!(block.hash().to_string(), data_encoding::HEXLOWER.encode(&hash));
    assert_eq!(block.coinbase().miner, GUEST);
    assert_eq!(block.coinbase().extra, [&miner.extranonce1[..], &[1, 2, 3, 4]].concat());
    assert_eq!(block.header().to_bytes().to_vec(), job.header(&miner.extranonce1, guess));
    let hash = block.hash();
    let next = miner.host.take(block).expect("new work");
    assert_eq!(miner.host.machine.tip().hash, hash);
    miner.is_offered(next);
    let next = miner.job();
    assert_eq!((next.previous, next.clean), (hash.0.to_vec(), true));
}

/// The worked example of docs/mining.md.
#[test]
fn the_example_of_the_document_is_what_is_told_and_hashed() {
    let document = include_str!("../../../../../docs/mining.md");
    let told = |name: &str| {
        let line = document.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
        line.unwrap_or_else(|| panic!("docs/mining.md has no line {name:?}")).to_owned()
    };
    let mut miner = Miner::working(EASY, &GUEST.to_string());
    let notify = miner.heard("mining.notify").remove(0);
    let job = Job::read(&notify);
    let (guess, hash) = job.search(&miner.extranonce1, Guess { extranonce2: 1, ..job.guess() }, is_block);
    let hex = |bytes: &[u8]| data_encoding::HEXLOWER.encode(bytes);
    let coinbase = [&job.coinb1[..], &miner.extranonce1, &[0, 0, 0, 1]].concat();
    assert_eq!(told("mining.notify"), notify.to_string());
    assert_eq!(told("extranonce1"), hex(&miner.extranonce1));
    assert_eq!(told("coinbase"), hex(&coinbase));
    assert_eq!(told("header"), hex(&job.header(&miner.extranonce1, guess)));
    assert_eq!(told("hash"), hex(&hash));
    let share =
        json!([GUEST.to_string(), job.id, "00000001", format!("{:08x}", guess.time), format!("{:08x}", guess.nonce)]);
    assert_eq!(told("mining.submit"), share.to_string());
    assert_eq!(miner.ask("mining.submit", share), Ok(json!(true)));
    assert_eq!(miner.found.len(), 1);
}

/// The groups of four bytes of the previous block's hash are in reverse, as in every description: the zeros of a hash
/// that meets a target stand at its end.
#[test]
fn bitcoins_genesis_block_is_told_as_every_pool_tells_it() {
    let genesis = "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f".parse().unwrap();
    let told = "0a8ce26f72b3f1b646a2a6c14ff763ae65831e939c085ae10019d66800000000";
    assert_eq!(super::wire::swapped(&genesis), told);
}

#[test]
fn who_names_no_address_mines_for_the_host_and_a_misspelt_address_is_refused() {
    let mut miner = Miner::working(EASY, "me");
    let job = miner.job();
    let guess = miner.solve(&job, job.guess());
    assert_eq!(miner.submit(&job, guess), Ok(json!(true)));
    assert_eq!(miner.found[0].coinbase().miner, HOST);
    let mut misspelt = GUEST.to_string();
    misspelt.replace_range(20..21, if &misspelt[20..21] == "q" { "p" } else { "q" });
    assert_eq!(miner.ask("mining.authorize", json!([misspelt, ""])), Err(24));
    assert_eq!(miner.ask("mining.authorize", json!([GUEST.to_string(), ""])), Err(24), "the connection pays another");
    assert_eq!(miner.ask("mining.authorize", json!(["also me", ""])), Ok(json!(true)));
    assert_eq!(miner.ask("mining.authorize", json!(["long".repeat(100), ""])), Err(24));
}

#[test]
fn each_mistake_has_its_number() {
    let mut miner = Miner::silent(HARD);
    let offer = miner.host.offer();
    let guess = Guess::default();
    assert_eq!(miner.submit_as("me", "00000001", guess), Err(25));
    miner.subscribe();
    assert_eq!(miner.submit_as("me", "00000001", guess), Err(24));
    assert_eq!(miner.ask("mining.authorize", json!(["me", "x"])), Ok(json!(true)));
    assert_eq!(miner.submit_as("me", "00000001", guess), Err(21), "no job was given yet");
    miner.is_offered(offer);
    let job = miner.job();
    assert_eq!(miner.submit_as("you", &job.id, job.guess()), Err(24));
    assert_eq!(miner.submit_as("me", "00000002", job.guess()), Err(21));
    assert_eq!(miner.submit_as("me", "none", job.guess()), Err(21));
    let (bad, _) = job.search(&miner.extranonce1, job.guess(), |hash| hash[..2] != [0, 0]);
    assert_eq!(miner.submit(&job, bad), Err(23));
    for (early, late) in [(job.time - 1, job.time + 121), (0, u32::MAX)] {
        assert_eq!(miner.submit(&job, Guess { time: early, ..job.guess() }), Err(20));
        assert_eq!(miner.submit(&job, Guess { time: late, ..job.guess() }), Err(20));
    }
    for params in
        [json!([]), json!(null), json!(["me"]), json!(["me", job.id, "00", "00", "00"]), json!([1, 2, 3, 4, 5])]
    {
        assert_eq!(miner.ask("mining.submit", params), Err(20));
    }
    let rolled = Guess { version: Some(0x2000_0000 | 0x2000), ..job.guess() };
    assert_eq!(miner.submit(&job, rolled), Err(20), "version rolling was not asked for");
    assert_eq!(miner.ask("mining.get_transactions", json!([])), Err(20));
    miner.says(b"GET / HTTP/1.1");
    assert_eq!(miner.told.pop().unwrap()["error"][0], 20);
    assert!(!miner.over && miner.found.is_empty());
}

#[test]
fn a_share_counts_once_whatever_the_job_is_called() {
    let mut miner = Miner::working(EASY, "me");
    let job = miner.job();
    let guess = miner.solve(&job, job.guess());
    assert_eq!(miner.submit(&job, guess), Ok(json!(true)));
    assert_eq!(miner.submit(&job, guess), Err(22));
    miner.waits(30);
    let renewed = miner.job();
    assert_ne!(renewed.id, job.id);
    assert_eq!(miner.submit(&renewed, guess), Err(22), "it is the same header");
    let further = miner.solve(&renewed, Guess { nonce: guess.nonce + 1, ..guess });
    assert_eq!(miner.submit(&renewed, further), Ok(json!(true)));
    assert_eq!(miner.found.len(), 1, "the template was solved");
}

#[test]
fn a_job_is_over_with_its_block_and_not_with_a_change_of_the_pool() {
    let mut miner = Miner::working(EASY, "me");
    let first = miner.job();
    let again = miner.host.offer();
    miner.is_offered(again);
    let second = miner.job();
    assert!(!second.clean, "it is on the same block");
    let guess = miner.solve(&first, first.guess());
    assert_eq!(miner.submit(&first, guess), Ok(json!(true)), "an older template is as good as any");
    let block = miner.found.pop().unwrap();
    let next = miner.host.take(block).unwrap();
    miner.is_offered(next);
    assert!(miner.job().clean);
    let late = miner.solve(&second, second.guess());
    assert_eq!(miner.submit(&second, late), Err(21));
}

#[test]
fn jobs_are_renewed_with_the_time_and_only_so_many_are_kept() {
    let mut miner = Miner::working(EASY, "me");
    let first = miner.job();
    miner.waits(29);
    assert!(miner.heard("mining.notify").is_empty());
    miner.waits(1);
    let renewed = miner.job();
    assert_eq!((renewed.time, renewed.clean, &renewed.previous), (first.time + 30, false, &first.previous));
    let guess = miner.solve(&first, first.guess());
    assert_eq!(miner.submit(&first, guess), Ok(json!(true)));
    let forward = miner.solve(&renewed, Guess { time: renewed.time + 120, ..renewed.guess() });
    assert_eq!(miner.submit(&renewed, forward), Ok(json!(true)), "the time may be rolled");
    for _ in 2..KEPT {
        let another = miner.host.offer();
        miner.is_offered(another);
    }
    let guess = miner.solve(&first, Guess { nonce: guess.nonce + 1, ..guess });
    assert_eq!(miner.submit(&first, guess), Ok(json!(true)));
    let another = miner.host.offer();
    miner.is_offered(another);
    let guess = miner.solve(&first, Guess { extranonce2: 1, ..first.guess() });
    assert_eq!(miner.submit(&first, guess), Err(21));
}

#[test]
fn bits_of_the_version_are_rolled_within_the_mask() {
    let mut miner = Miner::working(EASY, "me");
    let extensions = json!([["version-rolling", "minimum-difficulty"], { "version-rolling.mask": "ffffffff" }]);
    let agreed = miner.ask("mining.configure", extensions).unwrap();
    assert_eq!(agreed["version-rolling"], true);
    assert_eq!(agreed["version-rolling.mask"], "1fffe000");
    assert_eq!(agreed["minimum-difficulty"], false);
    let job = miner.job();
    let rolled = miner.solve(&job, Guess { version: Some(job.version | 0x0abc_e000), ..job.guess() });
    assert_eq!(miner.submit(&job, rolled), Ok(json!(true)));
    assert_eq!(miner.found.pop().unwrap().header().version, 0x0abc_e001);
    let beyond = json!(["me", job.id, "00000000", format!("{:08x}", job.time), "00000000", "20000000"]);
    assert_eq!(miner.ask("mining.submit", beyond), Err(20));
    let narrow = json!([["version-rolling"], { "version-rolling.mask": "0000e000" }]);
    assert_eq!(miner.ask("mining.configure", narrow).unwrap()["version-rolling.mask"], "0000e000");
    assert_eq!(miner.submit(&job, Guess { version: Some(0x0001_0000), ..rolled }), Err(20));
    for wrong in [json!([]), json!([["version-rolling"], { "version-rolling.mask": "e000" }])] {
        assert_eq!(miner.ask("mining.configure", wrong), Err(20));
    }
}

/// A proof that is no share would be lost.
#[test]
fn shares_are_never_harder_than_a_block_and_easier_ones_make_none() {
    let mut miner = Miner::working(HARD, "me");
    assert_eq!(miner.heard("mining.set_difficulty"), [json!([1.0 / 65_536.0])]);
    assert_eq!(miner.ask("mining.suggest_difficulty", json!([1e6])), Ok(json!(true)));
    assert!(miner.heard("mining.set_difficulty").is_empty(), "it is as hard as it may be");
    let old = miner.job();
    assert_eq!(miner.ask("mining.suggest_difficulty", json!([2.5e-10])), Ok(json!(true)));
    assert_eq!(miner.heard("mining.set_difficulty"), [json!([2f64.powi(-32)])]);
    let job = miner.job();
    let (share, _) = job.search(&miner.extranonce1, job.guess(), |hash| hash[0] > 0 && hash[0] < 0xff);
    assert_eq!(miner.submit(&job, share), Ok(json!(true)));
    let (share, _) = old.search(&miner.extranonce1, Guess { nonce: share.nonce + 1, ..share }, |hash| hash[0] < 0xff);
    assert_eq!(miner.submit(&old, share), Ok(json!(true)), "the new difficulty may be used for old jobs at once");
    assert!(miner.found.is_empty());
    for wrong in [json!([]), json!([0]), json!([-1]), json!(["1"])] {
        assert_eq!(miner.ask("mining.suggest_difficulty", wrong), Err(20));
    }
}

#[test]
fn a_miner_that_finds_nothing_gets_easier_shares() {
    let mut miner = Miner::working(Bits(0x1b00_ffff), "me");
    assert_eq!(miner.heard("mining.set_difficulty"), [Difficulty::FIRST.to_json()].map(|number| json!([number])));
    miner.job();
    miner.waits(60);
    let easier = miner.heard("mining.set_difficulty");
    assert!(easier[0][0].as_f64().unwrap() < 2f64.powi(-12), "{easier:?}");
    let jobs = miner.heard("mining.notify");
    assert_eq!(jobs.len(), 1, "a new difficulty holds from the next job on, so there is one");
}

#[test]
fn who_floods_with_what_is_wrong_is_let_go_and_an_honest_miner_is_not() {
    let mut miner = Miner::working(EASY, "me");
    let job = miner.job();
    let mut from = job.guess();
    for _ in 0..5_000 {
        from = miner.solve(&job, from);
        assert_eq!(miner.submit(&job, from), Ok(json!(true)));
        from.nonce += 1;
        miner.told.clear();
    }
    assert!(!miner.over);
    for line in [&b"nonsense"[..], br#"{"id":1,"method":"mining.submit","params":["me","1"]}"#] {
        let mut miner = Miner::working(EASY, "me");
        let many = (0..1_000).take_while(|_| {
            miner.says(line);
            !miner.over
        });
        assert!((50..=150).contains(&many.count()));
    }
}

#[test]
fn who_does_not_introduce_itself_or_falls_silent_is_let_go() {
    let mut miner = Miner::silent(EASY);
    miner.subscribe();
    miner.waits(29);
    assert!(!miner.over);
    miner.waits(1);
    assert!(miner.over);
    let mut miner = Miner::working(EASY, "me");
    miner.waits(14 * 60);
    assert!(!miner.over);
    miner.says(b"");
    miner.waits(14 * 60);
    assert!(!miner.over);
    miner.waits(60);
    assert!(miner.over);
}

#[test]
fn answers_keep_the_id_of_their_question_whatever_it_is() {
    for id in [json!(null), json!("seven"), json!(7.5), json!([1])] {
        let mut miner = Miner::silent(EASY);
        miner.says(json!({ "id": id, "method": "mining.extranonce.subscribe", "params": [] }).to_string().as_bytes());
        assert_eq!(miner.told, [json!({ "id": id, "result": true, "error": null })]);
        miner.told.clear();
        miner.says(br#"{"id":1,"result":true,"error":null}"#);
        assert!(miner.told.is_empty(), "an answer is not answered");
    }
}

/// Work that is given to two sessions is not the same work.
#[test]
fn miners_with_extranonces_of_their_own_search_different_headers() {
    let mut one = Miner::working(EASY, "me");
    let job = one.job();
    let mut other = Session::new(one.host.network.clone(), HOST, [0, 0, 0, 8], one.host.now);
    let mut out = Vec::new();
    other.line(br#"{"id":1,"method":"mining.subscribe","params":[]}"#, one.host.now, &mut out);
    let told: Value = serde_json::from_slice(&out).unwrap();
    let extranonce1 = bytes(&told["result"][1]);
    assert_ne!(extranonce1, one.extranonce1);
    let headers = [&extranonce1, &one.extranonce1].map(|extranonce1| job.header(extranonce1, job.guess()));
    assert_eq!(BTreeSet::from(headers).len(), 2);
}

/// A machine whose own miner works as well has no other work for others.
#[test]
fn the_own_miner_may_work_beside() {
    let mut host = Host::new(EASY);
    host.after(Event::Request { id: RequestId(1), request: Request::SetMining(true) });
    assert!(host.after(Event::MinersOutside { present: true }).is_some());
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
        "[0-9a-f]{8}".prop_map(Value::from),
        Just(json!("me")),
        Just(json!("00000001")),
        Just(json!("version-rolling")),
    ];
    leaf.prop_recursive(3, 24, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::hash_map("[a-z.-]{0,24}", inner, 0..4).prop_map(|map| map.into_iter().collect()),
        ]
    })
}

fn any_line() -> impl Strategy<Value = Vec<u8>> {
    let methods = prop::sample::select(vec![
        "mining.subscribe",
        "mining.authorize",
        "mining.configure",
        "mining.submit",
        "mining.suggest_difficulty",
        "mining.extranonce.subscribe",
        "client.get_version",
    ]);
    let question = (any_json(), methods, prop::collection::vec(any_json(), 0..7))
        .prop_map(|(id, method, params)| json!({ "id": id, "method": method, "params": params }).to_string().into());
    prop_oneof![3 => question, 1 => any_json().prop_map(|json| json.to_string().into()), 1 => any::<Vec<u8>>()]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_line_causes_a_panic_and_every_answer_is_a_line_of_json(lines in prop::collection::vec(any_line(), 1..40)) {
        let mut miner = Miner::working(EASY, "me");
        for line in lines {
            miner.says(&line);
            miner.waits(1);
        }
    }
}
