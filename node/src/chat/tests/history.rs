//! The same chain and keys give the same rooms, in whatever order and however often the chain changed on the way.

use rand::{RngExt as _, seq::SliceRandom as _};
use shared::Millis;

use super::town::{GENESIS, Town, account};
use crate::chat::{
    desk::Desk,
    envelope::GroupId,
    outbox::SETTLED,
    shelf::{Shelf, ShelfError},
    text::Text,
};

/// Everything about rooms that follows from chain and pool.
pub(super) fn told(desk: &Desk) -> String {
    // Those that are only wanted follow from the outbox.
    let known = desk.rooms().into_iter().filter(|group| desk.expected(group).now().is_some());
    let rooms = known.map(|group| {
        let members: Vec<_> = desk.confirmed(&group).epochs().iter().map(|epoch| (epoch.id, epoch.at)).collect();
        let said = desk.all(&group).filter(|seen| seen.transaction.is_some());
        let said: Vec<_> = said.map(|seen| (seen.id, seen.author, seen.text.clone(), seen.transaction)).collect();
        let relation = desk.relation(&group);
        format!("{group} {:?} {relation:?} {:?} {members:?} {said:?}", desk.name(&group), desk.readable_from(&group))
    });
    rooms.collect::<Vec<_>>().join("\n")
}

/// One random step of the town.
fn step(town: &mut Town, groups: &mut Vec<GroupId>) {
    let person = town.rng.random_range(0..town.desks.len());
    let other = town.rng.random_range(0..town.desks.len());
    let other = town.address(other);
    let group = groups.get(town.rng.random_range(0..groups.len().max(1))).copied();
    let flag = town.rng.random_bool(0.5);
    let Town { desks, rng, .. } = town;
    let desk = &mut desks[person];
    // Whoever may not do what they try is refused.
    match (rng.random_range(0..19), group) {
        (0, _) if groups.len() > 6 => {}
        (0, _) | (_, None) => groups.extend(desk.found("room", &[other], rng)),
        (1, Some(group)) => drop(desk.invite(&group, other, flag, rng)),
        (2, Some(group)) => drop(desk.remove(&group, other, rng)),
        (3, Some(group)) => drop(desk.leave(&group, rng)),
        (4, Some(group)) => drop(desk.appoint(&group, other, flag, rng)),
        (5, Some(group)) => drop(desk.rotate(&group, rng)),
        (6..=9, Some(group)) => {
            drop(desk.say(&group, Text::written(rng.random::<u32>().to_string(), None, Millis(1), rng)))
        }
        (10 | 11, _) => town.gossip(),
        (12 | 13, _) => drop(town.send(person)),
        (14..=16, _) => town.mine(),
        (17, _) => copy(town),
        (_, _) => {
            let depth = town.rng.random_range(0..3).min(town.blocks.len() - 2);
            let mut gone = town.undo(depth);
            gone.retain(|_| town.rng.random_bool(0.9));
            town.pool.extend(gone);
            let Town { pool, rng, .. } = town;
            pool.shuffle(rng);
            town.gossip();
        }
    }
}

/// Somebody signs what somebody, or they themselves, sent before.
fn copy(town: &mut Town) {
    let sent: Vec<_> = town.blocks.concat().into_iter().chain(town.pool.clone()).collect();
    let payload = sent[town.rng.random_range(0..sent.len())].payload.clone();
    let forger = account(town.rng.random_range(1..5));
    let signed = town.sign(&forger, payload);
    town.pool.push(signed);
}

#[test]
fn however_the_chain_came_about_it_gives_the_same_rooms() {
    let mut town = Town::of(4);
    let mut groups = Vec::new();
    for turn in 0..1_500 {
        step(&mut town, &mut groups);
        if turn % 20 == 0 {
            town.gossip();
            for (seed, desk) in (1..).zip(&town.desks) {
                let (now, fresh) = (told(desk), told(&town.newcomer(seed)));
                let differing: Vec<_> = now.lines().zip(fresh.lines()).filter(|(one, other)| one != other).collect();
                assert!(now == fresh, "after {turn} turns: {differing:#?}");
            }
        }
    }
    // All comes to rest: nobody sends the same for ever.
    town.settle();
    let read = |person| groups.iter().map(|group| town.reads(person, group).len()).sum::<usize>();
    let said: usize = (0..4).map(read).sum();
    assert!(said > 20, "{said} messages were read");
}

#[test]
fn once_all_is_quiet_every_member_reads_all_that_was_not_taken_back_and_nothing_twice() {
    let mut town = Town::of(3);
    let group = town.room(3);
    let founded = town.blocks.len();
    let mut said = Vec::new();
    for turn in 0..60 {
        let text = format!("text {turn}");
        town.say(turn % 3, &group, &text);
        said.push(text);
        match town.rng.random_range(0..4) {
            0 => town.settle(),
            1 => {
                town.exchange();
                town.mine();
            }
            2 => {
                let depth = town.rng.random_range(0..3).min(town.blocks.len() - founded);
                let mut gone = town.undo(depth);
                gone.retain(|_| town.rng.random_bool(0.7));
                town.pool.extend(gone);
            }
            _ => {}
        }
    }
    town.settle();
    said.sort();
    for person in 0..3 {
        let mut read = town.reads(person, &group);
        read.sort();
        assert_eq!(read, said);
    }
}

#[test]
fn the_outbox_lets_go_of_what_lies_deep() {
    let mut town = Town::of(2);
    let group = town.room(2);
    town.say(0, &group, "deep");
    town.settle();
    assert_eq!(town.desks[0].shelf().outbox.len(), 3, "profile, founding, text");
    (0..SETTLED).for_each(|_| town.mine());
    assert!(town.desks[0].shelf().outbox.is_empty());
    assert_eq!(town.reads(1, &group), ["deep"]);
}

#[test]
fn a_restart_goes_on_with_what_was_kept() {
    let mut town = Town::of(2);
    let group = town.room(2);
    let waiting = town.say(0, &group, "kept");
    let secret = *account(1).keys.exchange();
    let owner = town.address(0);
    let bytes = town.desks[0].shelf().seal(&secret, &GENESIS, &owner, &mut town.rng);
    let shelf = Shelf::open(&bytes, &secret, &GENESIS, &owner).unwrap();
    assert_eq!(shelf, town.desks[0].shelf());
    // It reads the chain anew, and sends.
    town.desks[0] = town.newcomer_with(1, shelf);
    town.settle();
    assert_eq!(town.reads(1, &group), ["kept"]);
    assert!(town.desks[1].message(&group, &waiting).is_some());
    assert_eq!(Shelf::open(&bytes, &[0; 32], &GENESIS, &owner), Err(ShelfError::Damaged));
    let mut newer = bytes.clone();
    newer[4] = 2;
    assert_eq!(Shelf::open(&newer, &secret, &GENESIS, &owner), Err(ShelfError::Version));
    for index in (0..bytes.len()).filter(|index| *index != 4) {
        let mut damaged = bytes.clone();
        damaged[index] ^= 1;
        assert_eq!(Shelf::open(&damaged, &secret, &GENESIS, &owner), Err(ShelfError::Damaged));
    }
}
