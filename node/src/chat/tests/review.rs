//! What went wrong once: the smallest story of each.

use super::town::Town;
use crate::chat::desk::SeenState;

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
