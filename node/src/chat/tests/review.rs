//! What went wrong once: the smallest story of each.

use super::town::{GENESIS, Town, account};
use crate::chat::{
    desk::{Relation, SeenState},
    envelope::{Envelope, GroupId, Rotation},
    key::{EpochKey, Setting},
    outbox::SETTLED,
    seal,
};

fn members(town: &Town, group: &GroupId) -> Vec<usize> {
    let now = town.desks[0].confirmed(group).now().unwrap();
    (0..town.desks.len()).filter(|person| now.seat(&town.address(*person)).is_some()).collect()
}

/// The rotation that the first person is about to send.
fn next_rotation(town: &mut Town) -> Box<Rotation> {
    let errand = town.desks[0].due(&mut town.rng).pop().unwrap();
    let Ok(Envelope::Rotation(rotation)) = Envelope::of(&errand.payload) else { panic!("a rotation") };
    rotation
}

#[test]
fn what_is_said_right_after_asking_for_a_removal_is_not_for_whoever_goes() {
    let mut town = Town::of(3);
    let group = town.room(3);
    let gone = town.address(2);
    town.desks[0].remove(&group, gone, &mut town.rng).unwrap();
    let id = town.say(0, &group, "not for three");
    assert!(matches!(town.state(0, &group, &id), SeenState::Waiting(_)));
    town.settle();
    assert_eq!(town.reads(1, &group), ["not for three"]);
    assert!(town.reads(2, &group).is_empty());
}

#[test]
fn two_nodes_of_an_account_do_not_fight_over_its_name() {
    let mut town = Town::of(1);
    let second_node = town.newcomer(1);
    town.desks.push(second_node);
    town.desks[1].publish("elsewhere", &mut town.rng).unwrap();
    town.settle();
    for desk in &town.desks {
        assert_eq!(desk.profile().map(|(name, _)| name), Some("elsewhere"), "the newest");
    }
    (0..SETTLED).for_each(|_| town.mine());
    assert!(town.desks.iter().all(|desk| desk.shelf().outbox.is_empty()));
}

#[test]
fn an_old_name_can_be_taken_again() {
    let mut town = Town::of(1);
    for name in ["other", "person 1", "other"] {
        town.desks[0].publish(name, &mut town.rng).unwrap();
        town.settle();
        assert!(matches!(town.desks[0].profile(), Some((of, SeenState::Confirmed(_))) if of == name));
    }
}

#[test]
fn a_change_of_what_only_waits_is_not_forgotten() {
    let mut town = Town::of(3);
    let group = town.room(2);
    let (second, third) = (town.address(1), town.address(2));
    town.desks[0].appoint(&group, second, true, &mut town.rng).unwrap();
    town.settle();
    town.desks[1].invite(&group, third, true, &mut town.rng).unwrap();
    town.send(1);
    town.gossip();
    // The third is only in the pool's room; the removal is taken, and has to happen.
    town.desks[0].remove(&group, third, &mut town.rng).unwrap();
    town.exchange();
    town.settle();
    assert_eq!(members(&town, &group), [0, 1]);
    assert!(town.desks[0].changes(&group).is_empty());
}

#[test]
fn an_admin_who_was_given_no_key_can_make_another_one() {
    let mut town = Town::of(2);
    let group = town.room(2);
    let second = town.address(1);
    town.desks[0].appoint(&group, second, true, &mut town.rng).unwrap();
    town.settle();
    let wanted = town.desks[0].rotate(&group, &mut town.rng).unwrap();
    let mut rotation = next_rotation(&mut town);
    assert!(town.desks[0].cancel(&group, &wanted));
    let setting = Setting::of(&GENESIS, &group, &rotation.origin);
    let other_key = EpochKey::from_bytes(&[1; 32]);
    for seat in rotation.members.iter_mut().filter(|seat| seat.address == second) {
        seat.seal = seal::seal(&other_key, &setting, &second, &seat.receiving, &mut town.rng).unwrap();
    }
    let forged = town.sign(&account(1), Envelope::Rotation(rotation).to_payload(None));
    town.mine_block(vec![forged]);
    let id = town.say(1, &group, "here again");
    town.desks[1].rotate(&group, &mut town.rng).unwrap();
    town.settle();
    assert!(matches!(town.state(1, &group, &id), SeenState::Confirmed(_)));
    assert_eq!(town.reads(0, &group), ["here again"]);
    assert_eq!(town.desks[0].name(&group), Some("kitchen"));
}

#[test]
fn a_member_for_whom_nothing_can_be_encrypted_does_not_hold_up_the_rest() {
    let mut town = Town::of(4);
    let group = town.room(3);
    let fourth = town.address(3);
    town.desks[0].invite(&group, fourth, true, &mut town.rng).unwrap();
    let mut rotation = next_rotation(&mut town);
    rotation.members.iter_mut().filter(|seat| seat.address == fourth).for_each(|seat| seat.receiving = [0; 32]);
    let forged = town.sign(&account(1), Envelope::Rotation(rotation).to_payload(None));
    town.mine_block(vec![forged]);
    town.settle();
    assert_eq!(members(&town, &group), [0, 1, 2, 3]);
    town.desks[2].leave(&group, &mut town.rng).unwrap();
    town.settle();
    assert_eq!(members(&town, &group), [0, 1, 3]);
    town.say(1, &group, "we go on");
    town.settle();
    assert_eq!(town.reads(0, &group), ["we go on"]);
}

#[test]
fn who_came_back_can_leave_again() {
    let mut town = Town::of(3);
    let group = town.room(3);
    let back = town.address(2);
    for _ in 0..2 {
        town.desks[2].leave(&group, &mut town.rng).unwrap();
        town.settle();
        assert_eq!(members(&town, &group), [0, 1]);
        assert_eq!(town.desks[2].relation(&group), Some(Relation::Left));
        town.desks[0].invite(&group, back, true, &mut town.rng).unwrap();
        town.settle();
        assert_eq!(members(&town, &group), [0, 1, 2]);
    }
}

#[test]
fn the_last_ones_departure_is_let_go_like_others() {
    let mut town = Town::of(1);
    let group = town.room(1);
    town.desks[0].leave(&group, &mut town.rng).unwrap();
    town.settle();
    (0..SETTLED).for_each(|_| town.mine());
    assert!(town.desks[0].shelf().outbox.is_empty());
}

#[test]
fn a_departure_that_a_removal_came_before_is_let_go() {
    let mut town = Town::of(2);
    let group = town.room(2);
    let gone = town.address(1);
    town.desks[0].remove(&group, gone, &mut town.rng).unwrap();
    town.send(0);
    // The second does not know of it yet, and cannot send.
    town.desks[1].leave(&group, &mut town.rng).unwrap();
    town.mine();
    (0..SETTLED).for_each(|_| town.mine());
    assert!(town.desks[1].shelf().outbox.is_empty());
}

#[test]
fn what_waited_in_vain_makes_room_for_what_waits() {
    let mut town = Town::of(2);
    let group = town.room(2);
    // The second, who is no admin, copies a rotation as often as rotations are kept that come too early.
    town.desks[0].rotate(&group, &mut town.rng).unwrap();
    let copied = Envelope::Rotation(next_rotation(&mut town)).to_payload(None);
    let copies = (0..64).map(|_| town.sign(&account(2), copied.clone())).collect();
    town.mine_block(copies);
    town.settle();
    // Two more, which stand in the wrong order after a reorganisation.
    for _ in 0..2 {
        town.desks[0].rotate(&group, &mut town.rng).unwrap();
        town.settle();
    }
    let present = town.desks[1].confirmed(&group).now().unwrap().id;
    let mut gone = town.undo(2);
    gone.reverse();
    town.mine_block(gone);
    assert_eq!(town.desks[1].confirmed(&group).now().unwrap().id, present);
}

#[test]
fn whoever_leaves_makes_no_rotation_after_that_again_and_again() {
    let mut town = Town::of(3);
    let group = town.room(3);
    let second = town.address(1);
    town.desks[0].appoint(&group, second, true, &mut town.rng).unwrap();
    town.settle();
    town.desks[2].leave(&group, &mut town.rng).unwrap();
    town.send(2);
    town.mine();
    // It is the first one's turn to give the room a key without the third.
    town.desks[0].leave(&group, &mut town.rng).unwrap();
    assert_eq!(town.send(0), 1, "the departure alone");
    town.gossip();
    assert_eq!(town.send(0), 0);
    town.settle();
    assert_eq!(town.desks[1].confirmed(&group).now().unwrap().rotation().addresses().collect::<Vec<_>>(), [second]);
}

#[test]
fn what_was_asked_for_before_leaving_is_done_before() {
    let mut town = Town::of(3);
    let group = town.room(2);
    let (second, third) = (town.address(1), town.address(2));
    town.desks[0].appoint(&group, second, true, &mut town.rng).unwrap();
    town.settle();
    town.desks[0].invite(&group, third, true, &mut town.rng).unwrap();
    town.desks[0].leave(&group, &mut town.rng).unwrap();
    town.settle();
    assert_eq!(members(&town, &group), [1, 2]);
    assert!(town.desks[0].changes(&group).is_empty());
}

#[test]
fn a_removal_that_only_waits_counts_though_it_is_taken_back_behind_it() {
    let mut town = Town::of(3);
    let group = town.room(3);
    let gone = town.address(2);
    // One rotation puts the third out and the next one lets them in again; both wait.
    for step in 0..2 {
        match step {
            0 => town.desks[0].remove(&group, gone, &mut town.rng).unwrap(),
            _ => town.desks[0].invite(&group, gone, true, &mut town.rng).unwrap(),
        };
        town.exchange();
        town.mine();
    }
    town.pool = town.undo(2);
    town.gossip();
    assert_eq!(town.desks[2].expected(&group).epochs().len(), 3);
    town.say(2, &group, "once");
    assert_eq!(town.send(2), 0);
    town.settle();
    assert_eq!(town.reads(1, &group), ["once"]);
}

#[test]
fn whoever_puts_themselves_out_leaves() {
    let mut town = Town::of(2);
    let group = town.room(2);
    let (first, second) = (town.address(0), town.address(1));
    town.desks[0].appoint(&group, second, true, &mut town.rng).unwrap();
    town.settle();
    town.desks[1].leave(&group, &mut town.rng).unwrap();
    town.desks[0].remove(&group, first, &mut town.rng).unwrap();
    town.exchange();
    town.settle();
    assert_eq!(town.desks[0].relation(&group), Some(Relation::Left));
}
