//! The past is the same from wherever it is read.

use shared::{BlockHash, TxId};

use super::*;
use crate::timeline::entry::{About, Begun, FORMAT, What};
use crate::timeline::file::{FILE, Writer};

const NODES: u16 = 3;

fn hash(n: u32) -> BlockHash {
    let mut bytes = [0; 32];
    bytes[..4].copy_from_slice(&n.to_be_bytes());
    BlockHash(bytes)
}

fn connected(at: u64, node: u16, height: u32, block: u32, previous: u32) -> Entry {
    let about = About { previous: Some(hash(previous)), work: Some(u64::from(block).into()), ..About::default() };
    Entry::node(at, node, What::Connected { height, hash: hash(block), transactions: 0, about })
}

/// A timeline of so many blocks; node 2 leaves a block for another one at each hundredth height.
fn write(folder: &Path, heights: u32) -> Vec<State> {
    let begun = Begun {
        format: FORMAT,
        number: 1,
        version: "0.1.0".to_owned(),
        genesis: Some(hash(0)),
        simulated: false,
        seed: None,
        nodes: NODES,
        continued: false,
        whole: 0,
    };
    let (mut writer, _) = Writer::resume(folder, 0, begun).unwrap();
    let mut states = vec![State::default(), writer.state().clone()];
    let mut append = |entry: Entry| {
        writer.append(entry);
        states.push(writer.state().clone());
    };
    for height in 1..=heights {
        let at = u64::from(height) * 1_000;
        for node in 0..NODES {
            if height % 100 == 0 && node == 2 {
                append(connected(at, node, height, 1_000_000 + height, height - 1));
                let what = What::Disconnected { height, hash: hash(1_000_000 + height), better: hash(height) };
                append(Entry::node(at + 1, node, what));
                append(Entry::node(at + 1, node, What::Pooled { id: TxId(hash(height).0), returned: true }));
            }
            append(connected(at + 2, node, height, height, height - 1));
        }
    }
    writer.flush().unwrap();
    states
}

#[test]
fn any_moment_is_the_same_from_any_place() {
    let dir = tempfile::tempdir().unwrap();
    let states = write(dir.path(), 600);
    let history = History::with_step(&dir.path().join(FILE), 10_000);
    let last = states.len() as u64 - 1;
    for round in 0..2 {
        for number in [0, 1, 2, 900, 901, 17, last, last + 5] {
            let state = history.state_at(Moment::Entry(number)).unwrap();
            assert_eq!(state, states[usize::try_from(number.min(last)).unwrap()], "{number} in round {round}");
        }
        let state = history.state_at(Moment::Time(300_001)).unwrap();
        assert_eq!((state.at, state.nodes[&0].height, state.nodes[&2].height), (299_002, 299, 299));
        let state = history.state_at(Moment::Time(300_002)).unwrap();
        assert_eq!((state.at, state.nodes[&0].height, state.nodes[&2].height), (300_002, 300, 300));
        assert!(state.tree[&hash(1_000_300)].seen.contains_key(&2));
    }
    let places = history.lock().kept.len();
    assert!((10..=MOST).contains(&places), "{places}");
    assert_eq!(history.beginning().unwrap(), Beginning { number: 1, at: 0, simulated: false });
    for from in [0, 1, 700, last, last + 1] {
        let lines = history.lines(from, 3).unwrap();
        let numbers: Vec<u64> = lines.iter().map(|line| line.number).collect();
        let wanted: Vec<u64> = (from.max(1)..from.max(1) + 3).filter(|number| *number <= last).collect();
        assert_eq!(numbers, wanted);
    }
}

#[test]
fn places_stay_few_however_long_a_file_is() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), 600);
    let history = History::with_step(&dir.path().join(FILE), 500);
    history.state_at(Moment::Entry(u64::MAX)).unwrap();
    assert!((MOST / 2..=MOST).contains(&history.lock().kept.len()));
}

#[test]
fn stories_are_paged_both_ways_without_gaps_or_doubles() {
    let dir = tempfile::tempdir().unwrap();
    let last = write(dir.path(), 600).len() as u64 - 1;
    let history = History::with_step(&dir.path().join(FILE), 10_000);
    let all = history.stories(Page::From(0), 500).unwrap();
    assert_eq!((all.from, all.to), (1, last));
    let told = |stories: &[Story]| stories.iter().map(|story| (story.number, story.text.clone())).collect::<Vec<_>>();
    let whole = told(&all.stories);
    let mut reorganised = all.stories.iter().filter(|story| story.kind == "reorganised");
    assert_eq!(reorganised.clone().count(), 6, "{whole:#?}");
    let change = reorganised.next_back().and_then(|story| story.change.clone()).unwrap();
    assert_eq!((change.left_blocks[0].hash, change.joined_blocks[0].hash), (hash(1_000_600), hash(600)));
    assert_eq!((change.returned_ids, change.joined_blocks[0].first), (vec![TxId(hash(600).0)], Some(600_002)));

    let mut back = Vec::new();
    let mut before = last + 1;
    while before > 1 {
        let page = history.stories(Page::Before(before), 2).unwrap();
        back.splice(0..0, told(&page.stories));
        before = page.from;
    }
    assert_eq!(back, whole);
    let (mut forward, mut from) = (Vec::new(), 1);
    while from <= last {
        let page = history.stories(Page::From(from), 2).unwrap();
        let new = page.stories.iter().filter(|story| story.number >= from).cloned().collect::<Vec<_>>();
        forward.extend(told(&new));
        from = page.to + 1;
    }
    assert_eq!(forward, whole);
}
