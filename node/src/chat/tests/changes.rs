//! Changes of groups: who may make them, which of several wins, and what becomes of messages meanwhile.

use super::town::{Town, texts};
use crate::chat::{
    desk::{ActError, ChangeState, Relation, SeenState},
    envelope::GroupId,
    text::Text,
};

fn members(town: &Town, group: &GroupId) -> Vec<usize> {
    let now = town.desks[0].confirmed(group).now().unwrap();
    (0..town.desks.len()).filter(|person| now.seat(&town.address(*person)).is_some()).collect()
}

#[test]
fn whoever_was_removed_reads_and_writes_nothing_after_that() {
    let mut town = Town::of(3);
    let group = town.room(3);
    town.say(2, &group, "before");
    town.settle();
    let gone = town.address(2);
    town.desks[0].remove(&group, gone, &mut town.rng).unwrap();
    town.settle();
    town.say(0, &group, "after");
    town.settle();
    assert_eq!(town.reads(1, &group), ["before", "after"]);
    assert_eq!(town.reads(2, &group), ["before"]);
    assert_eq!(texts(&town.newcomer(3), &group), ["before"]);
    assert_eq!(town.desks[2].relation(&group), Some(Relation::Removed));
    let refused = town.desks[2].say(&group, Text::written("still here".into(), None, shared::Millis(1), &mut town.rng));
    assert_eq!(refused, Err(ActError::NotIn));
}

#[test]
fn a_removal_that_only_waits_keeps_texts_back_until_the_next_key_is_confirmed() {
    let mut town = Town::of(3);
    let group = town.room(3);
    let gone = town.address(2);
    town.desks[0].remove(&group, gone, &mut town.rng).unwrap();
    town.exchange();
    let id = town.say(1, &group, "not for three");
    town.exchange();
    assert!(matches!(town.state(1, &group, &id), SeenState::Waiting(_)));
    assert_eq!(town.pool.len(), 1, "the rotation alone");
    town.settle();
    assert_eq!(town.reads(0, &group), ["not for three"]);
    assert!(town.reads(2, &group).is_empty());
}

#[test]
fn a_removed_members_late_text_under_the_old_key_does_not_count() {
    let mut town = Town::of(3);
    let group = town.room(3);
    town.say(2, &group, "late");
    town.exchange();
    let late = std::mem::take(&mut town.pool);
    let gone = town.address(2);
    town.desks[0].remove(&group, gone, &mut town.rng).unwrap();
    // The removed one's text reaches nobody before the removal is confirmed.
    town.send(0);
    town.mine();
    town.mine_block(late);
    assert!(town.reads(0, &group).is_empty());
    assert!(town.reads(1, &group).is_empty());
}

#[test]
fn what_is_said_after_asking_for_another_key_waits_for_it() {
    let mut town = Town::of(2);
    let group = town.room(2);
    town.desks[0].rotate(&group, &mut town.rng).unwrap();
    let id = town.say(0, &group, "under the new one");
    town.exchange();
    assert!(matches!(town.state(0, &group, &id), SeenState::Waiting(_)));
    assert_eq!(town.pool.len(), 1, "the rotation alone");
    town.settle();
    assert_eq!(town.reads(1, &group), ["under the new one"]);
}

#[test]
fn newcomers_read_back_if_the_inviter_wants_it() {
    let mut town = Town::of(4);
    let group = town.room(2);
    town.say(0, &group, "old");
    town.settle();
    let (with, without) = (town.address(2), town.address(3));
    town.desks[0].invite(&group, with, true, &mut town.rng).unwrap();
    town.settle();
    assert_eq!(town.reads(2, &group), ["old"]);
    town.desks[0].invite(&group, without, false, &mut town.rng).unwrap();
    town.settle();
    town.say(2, &group, "new");
    town.settle();
    assert_eq!(town.reads(3, &group), ["new"]);
    assert!(town.desks[3].readable_from(&group).is_some());
    assert_eq!(town.reads(1, &group), ["old", "new"]);
    assert_eq!(town.desks[2].readable_from(&group), None);
}

#[test]
fn of_two_changes_at_once_the_first_wins_and_the_other_is_made_again() {
    let mut town = Town::of(4);
    let group = town.room(2);
    let (second, third, fourth) = (town.address(1), town.address(2), town.address(3));
    town.desks[0].appoint(&group, second, true, &mut town.rng).unwrap();
    town.settle();
    town.desks[0].invite(&group, third, true, &mut town.rng).unwrap();
    town.desks[1].invite(&group, fourth, true, &mut town.rng).unwrap();
    town.send(0);
    town.send(1);
    assert_eq!(town.pool.len(), 2);
    town.mine();
    assert_eq!(members(&town, &group), [0, 1, 2], "the first in the chain's order");
    town.settle();
    assert_eq!(members(&town, &group), [0, 1, 2, 3]);
    town.say(3, &group, "all here");
    town.settle();
    assert!((0..4).all(|person| town.reads(person, &group) == ["all here"]));
}

#[test]
fn only_admins_change_a_room_and_one_always_stays() {
    let mut town = Town::of(3);
    let group = town.room(3);
    let (first, second, third) = (town.address(0), town.address(1), town.address(2));
    assert_eq!(town.desks[1].remove(&group, third, &mut town.rng), Err(ActError::NotAdmin));
    assert_eq!(town.desks[1].rename(&group, "x", &mut town.rng), Err(ActError::NotAdmin));
    assert_eq!(town.desks[0].leave(&group, &mut town.rng), Err(ActError::OnlyAdmin));
    assert_eq!(town.desks[0].appoint(&group, first, false, &mut town.rng), Err(ActError::OnlyAdmin));
    assert_eq!(town.desks[0].invite(&group, second, true, &mut town.rng), Err(ActError::Member(second)));
    town.desks[0].appoint(&group, second, true, &mut town.rng).unwrap();
    town.settle();
    town.desks[1].rename(&group, "cellar", &mut town.rng).unwrap();
    town.settle();
    assert_eq!(town.desks[2].name(&group), Some("cellar"));
    town.desks[0].leave(&group, &mut town.rng).unwrap();
    town.settle();
    assert_eq!(members(&town, &group), [1, 2]);
    assert_eq!(town.desks[0].relation(&group), Some(Relation::Left));
}

#[test]
fn somebody_who_leaves_is_followed_by_a_new_key_and_texts_wait_for_it() {
    let mut town = Town::of(3);
    let group = town.room(3);
    town.desks[2].leave(&group, &mut town.rng).unwrap();
    town.send(2);
    town.gossip();
    let id = town.say(1, &group, "between us");
    town.send(1);
    assert!(matches!(town.state(1, &group, &id), SeenState::Waiting(_)));
    town.settle();
    assert_eq!(members(&town, &group), [0, 1]);
    assert_eq!(town.reads(0, &group), ["between us"]);
    assert!(town.reads(2, &group).is_empty());
    assert_eq!(town.desks[2].relation(&group), Some(Relation::Left));
}

#[test]
fn members_part_with_leavers_when_no_admin_does() {
    let mut town = Town::of(3);
    let group = town.room(3);
    town.desks[2].leave(&group, &mut town.rng).unwrap();
    town.send(2);
    town.mine();
    // The admin sends nothing. It is the next one's turn a block later.
    assert_eq!(town.send(1), 0);
    town.mine();
    assert_eq!(town.send(1), 1);
    town.mine();
    assert_eq!(members(&town, &group), [0, 1]);
}

#[test]
fn nobody_else_parts_with_anybody() {
    let mut town = Town::of(3);
    let group = town.room(3);
    // The second makes a rotation without the third as if it were an admin.
    let gone = town.address(2);
    town.desks[0].remove(&group, gone, &mut town.rng).unwrap();
    let errand = town.desks[0].due(&mut town.rng).pop().unwrap();
    let forged = town.sign(&super::town::account(2), errand.payload);
    town.mine_block(vec![forged]);
    assert_eq!(members(&town, &group), [0, 1, 2]);
}

#[test]
fn who_comes_back_after_leaving_stays() {
    let mut town = Town::of(3);
    let group = town.room(3);
    town.desks[2].leave(&group, &mut town.rng).unwrap();
    town.settle();
    let back = town.address(2);
    town.desks[0].invite(&group, back, true, &mut town.rng).unwrap();
    town.settle();
    town.mine();
    town.settle();
    assert_eq!(members(&town, &group), [0, 1, 2]);
    assert_eq!(town.desks[2].relation(&group), Some(Relation::Member));
}

#[test]
fn a_text_of_a_lost_epoch_goes_out_again_for_the_same_people_and_is_asked_about_for_others() {
    let mut town = Town::of(4);
    let group = town.room(3);
    let (third, fourth) = (town.address(2), town.address(3));
    // On one branch the third is put out, and the first says something to the second.
    town.desks[0].remove(&group, third, &mut town.rng).unwrap();
    town.settle();
    let id = town.say(0, &group, "about three");
    town.settle();
    assert_eq!(town.reads(1, &group), ["about three"]);
    let height = town.blocks.len();
    // That branch is lost with all that was in it, and on the other one a fourth came in first.
    let lost = town.undo(2);
    assert_eq!(town.blocks.len(), height - 2);
    let removal = town.desks[0].changes(&group)[0].0.id;
    assert!(town.desks[0].cancel(&group, &removal));
    town.desks[0].invite(&group, fourth, true, &mut town.rng).unwrap();
    town.exchange();
    town.mine();
    town.exchange();
    assert_eq!(members(&town, &group), [0, 1, 2, 3]);
    assert_eq!(town.state(0, &group, &id), SeenState::Undecided);
    assert!(town.reads(1, &group).is_empty());
    town.mine_block(lost);
    assert_eq!(town.state(0, &group, &id), SeenState::Undecided, "its epoch came too late");
    town.desks[0].send_anyway(&group, &id).unwrap();
    town.settle();
    assert_eq!(town.reads(3, &group), ["about three"]);
    // One that only others' departure makes old is not asked about.
    let id = town.say(1, &group, "to all");
    town.settle();
    town.undo(1);
    town.desks[0].remove(&group, fourth, &mut town.rng).unwrap();
    town.send(0);
    town.mine();
    town.settle();
    assert_eq!(town.reads(2, &group), ["about three", "to all"]);
    assert!(matches!(town.state(1, &group, &id), SeenState::Confirmed(_)));
    assert_eq!(town.reads(3, &group), ["about three"]);
}

#[test]
fn an_undecided_text_can_be_taken_back_and_a_sent_one_cannot() {
    let mut town = Town::of(3);
    let group = town.room(2);
    let waiting = town.say(0, &group, "never mind");
    town.desks[0].take_back(&group, &waiting).unwrap();
    town.settle();
    assert!(town.reads(1, &group).is_empty());
    let sent = town.say(0, &group, "said");
    town.exchange();
    assert_eq!(town.desks[0].take_back(&group, &sent), Err(ActError::Gone));
    assert_eq!(town.desks[0].send_anyway(&group, &sent), Err(ActError::NotUndecided));
}

#[test]
fn changes_tell_where_they_stand() {
    let mut town = Town::of(3);
    let group = town.room(2);
    let third = town.address(2);
    town.desks[0].invite(&group, third, true, &mut town.rng).unwrap();
    let state = |town: &Town| town.desks[0].changes(&group).first().map(|(_, state)| state.clone());
    assert!(matches!(state(&town), Some(ChangeState::Waiting(_))));
    town.exchange();
    assert_eq!(state(&town), Some(ChangeState::Pending));
    town.mine();
    assert_eq!(state(&town), None);
}

#[test]
fn a_change_by_somebody_who_is_no_admin_any_more_is_given_up_in_words() {
    let mut town = Town::of(3);
    let group = town.room(2);
    let (first, second, third) = (town.address(0), town.address(1), town.address(2));
    town.desks[0].appoint(&group, second, true, &mut town.rng).unwrap();
    town.settle();
    town.desks[0].appoint(&group, second, false, &mut town.rng).unwrap();
    town.desks[1].invite(&group, third, true, &mut town.rng).unwrap();
    town.send(0);
    town.mine();
    town.settle();
    assert_eq!(members(&town, &group), [0, 1]);
    let changes = town.desks[1].changes(&group);
    assert!(matches!(&changes[..], [(_, ChangeState::Undone(why))] if why.contains("admin")));
    assert!(town.desks[0].confirmed(&group).now().unwrap().seat(&first).unwrap().admin);
}
