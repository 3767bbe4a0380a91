//! Timelines written by hand, and what is told of them.

use std::convert::Infallible;
use std::sync::Arc;

use shared::{Address, BlockHash, TxId};

use super::*;
use crate::timeline::entry::{About, Begun, FORMAT, Reorganised};
use crate::timeline::state::State;

/// A timeline in the making. Blocks are named by a number, of which the hash is made.
struct Tale {
    at: u64,
    entries: Vec<Entry>,
}

fn hash(block: u8) -> BlockHash {
    let mut bytes = [0; 32];
    bytes[31] = block;
    BlockHash(bytes)
}

fn payment(n: u8) -> TxId {
    TxId([n; 32])
}

fn miner(node: u16) -> Address {
    Address([u8::try_from(node).unwrap() + 1; 32])
}

impl Tale {
    /// Six nodes that hold the genesis block, block 0.
    fn new() -> Self {
        let mut tale = Self { at: 1_000_000, entries: Vec::new() };
        let version = "0.1.0".to_owned();
        let genesis = Some(hash(0));
        let begun = Begun {
            format: FORMAT,
            number: 1,
            version,
            genesis,
            simulated: true,
            seed: Some(1),
            nodes: 6,
            continued: false,
            whole: 0,
        };
        tale.network(What::Begun(begun));
        for node in 0..6 {
            let peer = Some(format!("peer-{node}"));
            tale.node(node, What::Ready { miner: Some(miner(node)), peer, id: None, address: None });
        }
        tale
    }

    fn wait(&mut self, ms: u64) -> &mut Self {
        self.at += ms;
        self
    }

    fn network(&mut self, what: What) -> &mut Self {
        self.entries.push(Entry::network(self.at, what));
        self
    }

    fn node(&mut self, node: u16, what: What) -> &mut Self {
        self.entries.push(Entry::node(self.at, node, what));
        self
    }

    fn split(&mut self, groups: &[&[u16]]) -> &mut Self {
        self.network(What::Split { groups: groups.iter().map(|group| group.to_vec()).collect() })
    }

    /// The block joins these nodes' chains on top of what they hold, one a millisecond.
    fn joins(&mut self, block: u8, height: u32, by: u16, nodes: &[u16]) -> &mut Self {
        for node in nodes {
            let about = About { miner: Some(miner(by)), ..About::default() };
            self.node(*node, What::Connected { height, hash: hash(block), transactions: 0, about }).wait(1);
        }
        self
    }

    fn side(&mut self, block: u8, height: u32, by: u16, previous: u8, nodes: &[u16]) -> &mut Self {
        for node in nodes {
            let about = About { miner: Some(miner(by)), previous: Some(hash(previous)), ..About::default() };
            self.node(*node, What::Side { height, hash: hash(block), about }).wait(1);
        }
        self
    }

    fn leaves(&mut self, block: u8, height: u32, better: u8, node: u16) -> &mut Self {
        self.node(node, What::Disconnected { height, hash: hash(block), better: hash(better) })
    }

    fn stories(&self) -> Vec<Story> {
        self.told(&Stretch::whole(Clock::Since(1_000_000)))
    }

    fn told(&self, wanted: &Stretch) -> Vec<Story> {
        explain(self.entries.iter().cloned().map(Ok::<_, Infallible>), wanted).unwrap()
    }

    /// The sentences of one kind.
    fn of(&self, kind: &str) -> Vec<String> {
        self.stories().into_iter().filter(|story| story.kind == kind).map(|story| story.text).collect()
    }
}

/// Both halves mine; node 4 takes part in a chain of two blocks, nodes 0 to 2 in one of one.
fn split_and_healed() -> Tale {
    let mut tale = Tale::new();
    tale.wait(100).split(&[&[0, 1, 2], &[3, 4, 5]]);
    tale.wait(1_000).joins(0xa1, 1, 0, &[0, 1, 2]);
    tale.node(0, What::Confirmed { id: payment(7), block: hash(0xa1), height: 1, position: 0 });
    tale.wait(1_000).joins(0xb1, 1, 3, &[3, 4, 5]);
    tale.wait(1_000).joins(0xb2, 2, 4, &[4, 3, 5]);
    tale.wait(500).network(What::Healed);
    for node in [2, 0, 1] {
        tale.wait(5).leaves(0xa1, 1, 0xb2, node).joins(0xb1, 1, 3, &[node]).joins(0xb2, 2, 4, &[node]);
        for id in [7, 8] {
            tale.node(node, What::Pooled { id: payment(id), returned: true });
        }
    }
    tale
}

#[test]
fn a_split_is_the_cause_of_what_follows_when_it_is_healed() {
    let tale = split_and_healed();
    let stories = tale.stories();
    let reorgs: Vec<&Story> = stories.iter().filter(|story| story.kind == "reorganised").collect();
    let [story] = reorgs.as_slice() else { panic!("{stories:#?}") };
    assert_eq!(
        story.text,
        "nodes 0-2 left a1000000… for b2000000…: one block more work, mined by nodes 3-4 while the network was split \
         (0-2 | 3-5); 2 transactions went back to their pools"
    );
    assert_eq!(
        story.details,
        [
            "the two branches part after block 0 (00000000…)",
            "block 1 (a1000000…, mined by node 0) was first had by nodes 0-2 at 1.100 s to +2 ms",
            "block 2 (b2000000…, mined by node 4) was first had by nodes 3-5 at 3.106 s to +2 ms, \
             by nodes 0-2 at 3.615 s to +14 ms",
        ]
    );
    assert_eq!((story.nodes.as_slice(), story.change.as_ref().unwrap().cause), (&[0, 1, 2][..], "split"));
    let texts: Vec<&str> = stories.iter().map(|story| story.text.as_str()).collect();
    assert_eq!(
        texts[..4],
        [
            "the network began with 6 nodes",
            "nodes 0-5 are ready",
            "the network was split: 0-2 | 3-5",
            "the network was healed"
        ]
    );
}

#[test]
fn one_node_alone_is_told_as_in_the_singular() {
    let mut tale = Tale::new();
    tale.split(&[&[4], &[0, 1, 2, 3, 5]]).joins(0xa1, 1, 4, &[4]);
    tale.wait(500).joins(0xb1, 1, 0, &[0, 1, 2, 3, 5]).joins(0xb2, 2, 0, &[0, 1, 2, 3, 5]);
    tale.network(What::Healed).leaves(0xa1, 1, 0xb2, 4).joins(0xb1, 1, 0, &[4]).joins(0xb2, 2, 0, &[4]);
    tale.node(4, What::Pooled { id: payment(1), returned: true })
        .node(4, What::Pooled { id: payment(2), returned: true });
    assert_eq!(
        tale.of("reorganised"),
        ["node 4 left a1000000… for b2000000…: one block more work, mined by node 0 while the network was split \
          (4 | 0-3, 5); 2 transactions went back to its pool"]
    );
}

#[test]
fn a_tie_is_a_race_until_a_block_more_settles_it() {
    let mut tale = Tale::new();
    tale.wait(100).joins(0xa1, 1, 0, &[0, 1, 2]).joins(0xb1, 1, 5, &[5, 4]);
    tale.side(0xb1, 1, 5, 0, &[0, 1, 2]).side(0xa1, 1, 0, 0, &[4, 5]);
    tale.wait(2_000).joins(0xb2, 2, 4, &[4, 5]);
    for node in 0..3 {
        tale.leaves(0xa1, 1, 0xb2, node).joins(0xb1, 1, 5, &[node]).joins(0xb2, 2, 4, &[node]);
    }
    assert_eq!(
        tale.of("reorganised"),
        [
            "nodes 0-2 left a1000000… for b2000000…: one block more work, mined by nodes 4-5; nodes 0 and 5 had each found \
          a block 1, 3 ms apart, before either had the other's"
        ]
    );
    // What stayed beside a chain is told, what was taken later is not told twice.
    assert_eq!(
        tale.of("side"),
        [
            "nodes 4-5 put block 1 (a1000000…, mined by node 0) beside their chains: it has no more work than block 1 (b1000000…, \
          mined by node 5), which was there 5 ms before"
        ]
    );
}

#[test]
fn a_block_beside_several_tips_is_told_once() {
    let mut tale = Tale::new();
    tale.wait(10).joins(0xa1, 1, 0, &[0]).joins(0xb1, 1, 1, &[1]).joins(0xc1, 1, 2, &[2]);
    tale.side(0xc1, 1, 2, 0, &[0, 1]);
    assert_eq!(
        tale.of("side"),
        [
            "nodes 0-1 put block 1 (c1000000…, mined by node 2) beside their chains: it has no more work than what they had"
        ]
    );
}

#[test]
fn whoever_keeps_blocks_back_is_named() {
    let mut tale = Tale::new();
    tale.wait(100).joins(0xc1, 1, 5, &[5]).wait(900).joins(0xc2, 2, 5, &[5]).wait(900).joins(0xc3, 3, 5, &[5]);
    tale.wait(900).joins(0xc4, 4, 5, &[5]);
    for block in 1..4 {
        tale.wait(100).joins(0xa0 + block, u32::from(block), u16::from(block), &[0, 1, 2, 3, 4]);
    }
    for node in 0..5 {
        for block in (1..4).rev() {
            tale.leaves(0xa0 + block, u32::from(block), 0xc4, node);
        }
        for block in 1..5 {
            tale.joins(0xc0 + block, u32::from(block), 5, &[node]);
        }
    }
    assert_eq!(
        tale.of("reorganised"),
        [
            "nodes 0-4 left a3000000… for c4000000…: one block more work, mined by node 5, which kept 4 blocks to itself \
          for 3.0 s; 3 blocks were undone"
        ]
    );
}

#[test]
fn slow_links_and_nodes_that_were_away_are_causes() {
    let rule: crate::network::LinkRule = serde_json::from_str(r#"{"delay_ms": 300}"#).unwrap();
    let fork = |tale: &mut Tale| {
        tale.joins(0xb1, 1, 3, &[3]).wait(100).joins(0xb2, 2, 3, &[3]);
    };
    let reorg = |tale: &mut Tale| {
        tale.leaves(0xa1, 1, 0xb2, 0).joins(0xb1, 1, 3, &[0]).joins(0xb2, 2, 3, &[0]);
        tale.of("reorganised").remove(0)
    };
    let mut slow = Tale::new();
    slow.network(What::Links { rules: vec![rule] }).joins(0xa1, 1, 0, &[0]);
    fork(&mut slow);
    let text = "node 0 left a1000000… for b2000000…: one block more work, mined by node 3 while ";
    assert_eq!(reorg(&mut slow), format!("{text}links were slow (between all nodes: 300 ms later)"));

    let mut away = Tale::new();
    away.joins(0xa1, 1, 0, &[0]).node(0, What::Paused).wait(10);
    fork(&mut away);
    away.node(0, What::Resumed);
    assert_eq!(reorg(&mut away), format!("{text}node 0 was paused"));
}

#[test]
fn the_work_is_told_where_there_are_not_more_blocks() {
    let mut tale = Tale::new();
    tale.joins(0xa1, 1, 0, &[0]).joins(0xa2, 2, 0, &[0]).leaves(0xa2, 2, 0xb1, 0).leaves(0xa1, 1, 0xb1, 0);
    tale.joins(0xb1, 1, 9, &[0]);
    // Nobody knows who mined it, or why.
    let told = "node 0 left a2000000… for b1000000…: more work in fewer blocks (1 instead of 2); 2 blocks were undone";
    assert_eq!(tale.of("reorganised"), [told]);
}

#[test]
fn what_a_node_says_of_the_change_itself_is_used() {
    let mut tale = Tale::new();
    let told = |from, to| {
        let text = format!(
            r#"{{"at": 1000001, "node": 1, "event": "reorganised", "from": "{from}", "to": "{to}", "fork": 0,
                "left": 4, "joined": 5, "returned": 2}}"#,
        );
        serde_json::from_str::<Entry>(&text).unwrap()
    };
    tale.entries.push(told(hash(0xa1), hash(0xb2)));
    let text = "node 1 left a1000000… for b2000000…: one block more work; 4 blocks were undone; 2 transactions went back \
                to its pool";
    assert_eq!(tale.of("reorganised"), [text]);
    // Together with the blocks that belong to it, before or after, it is one change.
    for first in [true, false] {
        let mut tale = Tale::new();
        tale.joins(0xa1, 1, 0, &[1]);
        if first {
            tale.entries.push(told(hash(0xa1), hash(0xb2)));
        }
        tale.leaves(0xa1, 1, 0xb2, 1).joins(0xb1, 1, 2, &[1]).joins(0xb2, 2, 2, &[1]);
        if !first {
            tale.entries.push(told(hash(0xa1), hash(0xb2)));
        }
        let texts = tale.of("reorganised");
        assert!(texts.len() == 1 && texts[0].contains("mined by node 2; 4 blocks were undone"), "{texts:?}");
    }
}

#[test]
fn a_dropped_payment_comes_with_the_one_that_was_confirmed_in_its_place() {
    let mut tale = Tale::new();
    tale.wait(10);
    for node in 0..3 {
        tale.node(node, What::Pooled { id: payment(0x11), returned: false });
        tale.joins(0xa1, 1, 5, &[node]);
        tale.node(node, What::Confirmed { id: payment(0x22), block: hash(0xa1), height: 1, position: 0 });
        let reason = "another transaction with its nonce is confirmed".to_owned();
        tale.node(node, What::Dropped { id: payment(0x11), reason });
    }
    // Nothing was confirmed when this one was.
    tale.wait(5_000).node(3, What::Pooled { id: payment(0x44), returned: false });
    tale.node(3, What::Dropped { id: payment(0x33), reason: "the pool is full".to_owned() });
    assert_eq!(
        tale.of("dropped"),
        [
            "nodes 0-2 dropped transaction 11111111…: another transaction with its nonce is confirmed; block 1 \
             (a1000000…, mined by node 5) had just confirmed 22222222…",
            "node 3 dropped transaction 33333333…: the pool is full",
        ]
    );
}

#[test]
fn orphans_penalties_gaps_and_alarms_are_told() {
    let mut tale = Tale::new();
    let peer = || Some("peer-5".to_owned());
    tale.node(3, What::Orphan { hash: hash(0xb2), parent: hash(0xb1), peer: peer() });
    for node in 0..2 {
        let fault = "a block without its work".to_owned();
        tale.node(node, What::Penalty { peer: peer(), fault, banned: true });
    }
    tale.node(2, What::Gap { asked: 5, next: 9, reason: "the entries before are no longer kept".to_owned() });
    tale.node(4, What::Contradicted { height: 3, hash: hash(0xa3), better: hash(0xb4) });
    tale.network(What::Lost { entries: 3 });
    let told: Vec<String> = tale.stories().into_iter().skip(2).map(|story| story.text).collect();
    assert_eq!(
        told,
        [
            "node 3 got a block (b2000000…) by node 5 before the one below it, b1000000…, and asked for that",
            "nodes 0-1 held a fault against node 5: a block without its work, and banned it",
            "the journal of node 2 has a gap of 4 entries: the entries before are no longer kept",
            "alarm: block 3 (a3000000…) left the chain of node 4 for b4000000…, although the log is signed up to it",
            "3 entries are missing here: the file could not be written",
        ]
    );
}

#[test]
fn a_stretch_a_node_and_all_can_be_asked_for() {
    let tale = split_and_healed();
    let whole = Stretch::whole(Clock::Since(0));
    let kinds = |wanted: &Stretch| tale.told(wanted).iter().map(|story| story.kind).collect::<Vec<_>>();
    assert_eq!(kinds(&Stretch { from: 1_003_000, ..whole }), ["healed", "reorganised"]);
    assert_eq!(kinds(&Stretch { to: 1_000_500, ..whole }), ["begun", "ready", "split"]);
    assert_eq!(kinds(&Stretch { node: Some(4), ..whole }), ["begun", "ready", "split", "healed"]);
    let all = tale.told(&Stretch { all: true, ..whole });
    let texts: Vec<&str> = all.iter().map(|story| story.text.as_str()).collect();
    assert!(
        texts.contains(&"block 1 (b1000000…, mined by node 3) joined the chain of nodes 0-5 within 1.5 s"),
        "{texts:#?}"
    );
}

#[test]
fn the_replay_has_what_every_node_held_at_every_moment() {
    let tale = split_and_healed();
    let mut state = State::default();
    let mut held = Vec::new();
    for entry in &tale.entries {
        state.apply(entry);
        held.push(state.nodes.get(&2).map(|node| (node.height, node.tip.unwrap())));
    }
    held.dedup();
    let [genesis, a1, b1, b2] =
        [(0, 0), (1, 0xa1), (1, 0xb1), (2, 0xb2)].map(|(height, block)| Some((height, hash(block))));
    assert_eq!(held, [None, genesis, a1, genesis, b1, b2]);
    assert_eq!(state.nodes[&2].pool.len(), 2);
    assert_eq!(state.chain(5).collect::<Vec<_>>(), [hash(0xb2), hash(0xb1), hash(0)]);
    assert!(state.groups.is_empty());
}

/// The journal of a node that was killed is read on when it runs again, and tells of a pool that is gone by then.
#[test]
fn a_restart_empties_the_pool_where_the_journal_tells_of_it() {
    let mut tale = Tale::new();
    let pooled = |n| What::Pooled { id: payment(n), returned: false };
    tale.node(1, pooled(1)).node(1, What::Ended { how: "ended by SIGKILL".to_owned(), wanted: true });
    // The last words of its first process are heard after that has ended.
    tale.node(1, pooled(2));
    let mut state = State::default();
    tale.entries.iter().for_each(|entry| state.apply(entry));
    assert_eq!(state.nodes[&1].pool, Arc::default());
    let before = tale.entries.len();
    tale.node(1, What::Started { pid: None }).node(1, pooled(3)).node(1, What::Restarted).node(1, pooled(4));
    tale.entries[before..].iter().for_each(|entry| state.apply(entry));
    assert_eq!(state.nodes[&1].pool, Arc::new([payment(4)].into()));
}

#[test]
fn a_block_that_is_shown_late_is_told_from_a_race() {
    let change = |tale: &mut Tale| {
        tale.leaves(0xa1, 1, 0xb2, 1).joins(0xb1, 1, 5, &[1]).joins(0xb2, 2, 5, &[1]);
        tale.of("reorganised").remove(0)
    };
    let text = "node 1 left a1000000… for b2000000…: one block more work, mined by node 5, which ";
    // Node 5 has node 0's block already when its own two come out.
    let mut answered = Tale::new();
    answered.joins(0xa1, 1, 0, &[0, 1, 5]).leaves(0xa1, 1, 0xb2, 5);
    answered.joins(0xb1, 1, 5, &[5]).joins(0xb2, 2, 5, &[5]);
    assert_eq!(
        change(&mut answered),
        format!("{}showed 2 blocks only when it had the other one", text.replace("node 1", "nodes 1, 5"))
    );
    // It is known when it found them.
    let mut withheld = Tale::new();
    let about = About { miner: Some(miner(5)), previous: Some(hash(0)), ..About::default() };
    withheld.node(5, What::Mined { height: 1, hash: hash(0xb1), about }).wait(2_000);
    withheld.joins(0xa1, 1, 0, &[0, 1]).wait(1_000).joins(0xb1, 1, 5, &[5]).joins(0xb2, 2, 5, &[5]);
    assert_eq!(change(&mut withheld), format!("{text}kept 2 blocks to itself for 3.0 s"));
}

#[test]
fn a_preferred_miner_is_no_more_work() {
    let mut tale = Tale::new();
    tale.joins(0xa1, 1, 0, &[1]);
    let work = Some(shared::Work::from(9));
    let told = Reorganised {
        from: hash(0xa1),
        from_work: work,
        to: hash(0xb1),
        to_work: work,
        fork: Some(0),
        left: 1,
        joined: 1,
        returned: 0,
        from_miner: None,
        to_miner: None,
    };
    tale.node(1, What::Reorganised(told)).leaves(0xa1, 1, 0xb1, 1).joins(0xb1, 1, 5, &[1]);
    let text = "node 1 left a1000000… for b1000000…: as much work, of a miner that is preferred, mined by node 5";
    assert_eq!(tale.of("reorganised"), [text]);
}

/// A clock that was set back, or a file that somebody put together, is no reason to fail.
#[test]
fn time_never_goes_back_in_what_is_told() {
    let mut tale = Tale::new();
    tale.wait(5_000).node(1, What::Paused);
    tale.at = 10;
    tale.node(2, What::Paused).node(1, What::Resumed);
    let stories = tale.stories();
    let paused: Vec<_> = stories.iter().filter(|story| story.kind == "paused").collect();
    assert!(matches!(paused.as_slice(), [story] if story.nodes == [1, 2] && story.at == story.until), "{stories:#?}");
    assert!(stories.windows(2).all(|pair| pair[0].at <= pair[1].at));
}

/// A node whose journal breaks off in the middle of a change of branches has moved on when it is heard of again.
#[test]
fn a_gap_ends_the_change_of_branches_that_it_is_in() {
    let mut tale = Tale::new();
    tale.joins(0xa1, 1, 0, &[1]).leaves(0xa1, 1, 0xb3, 1).joins(0xb1, 1, 2, &[1]);
    tale.node(1, What::Gap { asked: 5, next: 9, reason: "no longer kept".to_owned() });
    tale.node(1, What::Held { height: 4, tip: hash(0xb4), pool: Vec::new() });
    tale.joins(0xb5, 5, 3, &[1]).node(1, What::Pooled { id: payment(1), returned: true });
    assert_eq!(
        tale.of("reorganised"),
        ["node 1 left a1000000… for b3000000…: more work in as many blocks (1), mined by node 2"]
    );
    let mut state = State::default();
    tale.entries.iter().for_each(|entry| state.apply(entry));
    assert_eq!((state.nodes[&1].height, state.nodes[&1].tip), (5, Some(hash(0xb5))));
}

/// The first lines of another file say once more what holds, also in the middle of a change of branches.
#[test]
fn where_another_file_begins_nothing_happens() {
    let mut whole = split_and_healed();
    whole.node(5, What::Paused);
    // The lines in between have numbers as well.
    let unnumbered = |stories: Vec<Story>| -> Vec<Story> {
        stories.into_iter().map(|story| Story { number: 0, last: 0, ..story }).collect()
    };
    let expected = unnumbered(whole.stories());
    for cut in 1..whole.entries.len() {
        let mut tale = Tale::new();
        let mut state = State::default();
        whole.entries[..cut].iter().for_each(|entry| state.apply(entry));
        let repeated = state.told_whole(state.at);
        let What::Begun(begun) = whole.entries[0].what.clone() else { panic!() };
        let begun = Begun { continued: true, whole: repeated.len() as u64, ..begun };
        let begun = Entry::network(state.at, What::Begun(begun));
        let (first, rest) = whole.entries.split_at(cut);
        tale.entries = [first, &[begun], &repeated, rest].concat();
        assert_eq!(unnumbered(tale.stories()), expected, "after {cut} entries");
    }
}

/// Of two nodes that come during a split, one in a group of its own and one with others, causes know where they are.
#[test]
fn nodes_that_come_during_a_split_are_in_it() {
    let mut tale = Tale::new();
    tale.split(&[&[0, 1, 2], &[3, 4, 5]]).wait(100).split(&[&[0, 1, 2], &[3, 4, 5], &[6, 7]]);
    for node in [6, 7] {
        tale.node(node, What::Ready { miner: Some(miner(node)), peer: None, id: None, address: None });
    }
    tale.joins(0xa1, 1, 6, &[6, 7]).joins(0xb1, 1, 0, &[0]).joins(0xb2, 2, 0, &[0]).network(What::Healed);
    for node in [6, 7] {
        tale.leaves(0xa1, 1, 0xb2, node).joins(0xb1, 1, 0, &[node]).joins(0xb2, 2, 0, &[node]);
    }
    assert_eq!(
        tale.of("reorganised"),
        ["nodes 6-7 left a1000000… for b2000000…: one block more work, mined by node 0 while the network was split \
          (0-2 | 3-5 | 6-7)"]
    );
}
