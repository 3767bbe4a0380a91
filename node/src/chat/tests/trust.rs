//! Profiles, names, keys that change, and admins that cheat.

use shared::Payload;

use super::town::{GENESIS, Town, account};
use crate::chat::{
    desk::ActError,
    envelope::{Envelope, EpochId, Leave, PROFILES, Profile, SUITE},
    key::{EpochKey, Setting},
    people::safety_number,
    seal, text,
};

#[test]
fn people_are_found_by_name_unless_several_have_it() {
    let mut town = Town::of(3);
    assert_eq!(town.desks[0].person("Person 2"), Ok(town.address(1)));
    assert_eq!(town.desks[0].person(&town.address(2).to_string()), Ok(town.address(2)));
    assert_eq!(town.desks[0].person("nobody"), Err(ActError::Nobody("nobody".into())));
    town.desks[2].publish("person 2", &mut town.rng).unwrap();
    town.settle();
    assert!(matches!(town.desks[0].person("person 2"), Err(ActError::Ambiguous { .. })));
    let unknown = account(77).address;
    assert_eq!(town.desks[0].found("x", &[unknown], &mut town.rng), Err(ActError::NoProfile(unknown)));
}

#[test]
fn another_receiving_key_is_noticed() {
    let mut town = Town::of(2);
    let known = |town: &Town| town.desks[0].board().people().get(&town.address(1)).unwrap().clone();
    assert!(!known(&town).key_changed);
    let before = safety_number((&town.address(0), &[1; 32]), (&town.address(1), &known(&town).receiving));
    let profile = Profile { suite: SUITE, receiving: seal::receiving_of(&[8; 32]), name: "person 2".into() };
    let payload = Envelope::Profile(profile).to_payload(None);
    assert!(matches!(&payload, Payload::Data { topic, .. } if topic.as_str() == PROFILES));
    let changed = town.sign(&account(2), payload);
    town.mine_block(vec![changed]);
    assert!(known(&town).key_changed);
    let after = safety_number((&town.address(0), &[1; 32]), (&town.address(1), &known(&town).receiving));
    assert_ne!(before, after);
    // The account sees that its profile is not its own any more, and publishes it again; that there was another key
    // stays known.
    town.undo(1);
    assert!(!known(&town).key_changed);
}

#[test]
fn a_safety_number_is_the_same_for_both_and_has_sixty_digits() {
    let (one, other) = (account(1), account(2));
    let (keys, others) = ([1; 32], [2; 32]);
    let number = safety_number((&one.address, &keys), (&other.address, &others));
    assert_eq!(number, safety_number((&other.address, &others), (&one.address, &keys)));
    assert_eq!(number.split(' ').map(str::len).collect::<Vec<_>>(), [5; 12]);
    assert!(number.chars().all(|digit| digit.is_ascii_digit() || digit == ' '));
}

#[test]
fn a_member_who_parts_with_a_leaver_gives_the_room_no_name() {
    let mut town = Town::of(3);
    let group = town.room(3);
    town.desks[2].leave(&group, &mut town.rng).unwrap();
    town.send(2);
    town.mine();
    town.mine();
    let errand = town.desks[1].due(&mut town.rng).pop().unwrap();
    let Ok(Envelope::Rotation(mut rotation)) = Envelope::of(&errand.payload) else { panic!("a rotation") };
    // The name is encrypted, so the rules for rotations cannot see that it is another one.
    let setting = Setting::of(&GENESIS, &group, &rotation.origin);
    let key = EpochKey::from_bytes(&[1; 32]);
    rotation.commit = key.commit(&setting);
    rotation.name = text::seal_name(&key, &setting, "mine now", &mut town.rng);
    for seat in &mut rotation.members {
        seat.seal = seal::seal(&key, &setting, &seat.address, &seat.receiving, &mut town.rng).unwrap();
    }
    let forged = town.sign(&account(2), Envelope::Rotation(rotation).to_payload(None));
    town.mine_block(vec![forged]);
    assert_eq!(town.desks[0].confirmed(&group).epochs().len(), 2);
    assert_eq!(town.desks[0].name(&group), Some("kitchen"));
    town.say(0, &group, "still the kitchen");
    town.settle();
    assert_eq!(town.reads(1, &group), ["still the kitchen"]);
}

#[test]
fn strangers_take_no_place_among_what_waits() {
    let mut town = Town::of(3);
    let group = town.room(2);
    let junk = |epoch: u8| Envelope::Leave(Leave { group, epoch: EpochId([epoch; 32]) }).to_payload(None);
    let block = (0..70).map(|epoch| town.sign(&account(3), junk(epoch))).collect();
    town.mine_block(block);
    // A rotation that stands before the one that it follows still finds room.
    town.desks[0].rotate(&group, &mut town.rng).unwrap();
    town.send(0);
    let first = town.pool.clone();
    town.mine();
    town.desks[0].rotate(&group, &mut town.rng).unwrap();
    town.send(0);
    let second = std::mem::take(&mut town.pool);
    town.undo(1);
    town.mine_block(second);
    town.mine_block(first);
    assert_eq!(town.desks[1].confirmed(&group).epochs().len(), 3);
}

#[test]
fn an_admin_cannot_hand_out_different_keys() {
    let mut town = Town::of(2);
    let group = town.room(2);
    let wanted = town.desks[0].rotate(&group, &mut town.rng).unwrap();
    let errand = town.desks[0].due(&mut town.rng).pop().unwrap();
    // Its honest program would make another one after it.
    assert!(town.desks[0].cancel(&group, &wanted));
    let Ok(Envelope::Rotation(mut rotation)) = Envelope::of(&errand.payload) else { panic!("a rotation") };
    let setting = Setting::of(&GENESIS, &group, &rotation.origin);
    let other_key = EpochKey::from_bytes(&[1; 32]);
    let victim = town.address(1);
    for seat in rotation.members.iter_mut().filter(|seat| seat.address == victim) {
        seat.seal = seal::seal(&other_key, &setting, &victim, &seat.receiving, &mut town.rng).unwrap();
    }
    let forged = town.sign(&account(1), Envelope::Rotation(rotation).to_payload(None));
    town.mine_block(vec![forged]);
    let now = town.desks[1].confirmed(&group).now().unwrap().id;
    assert_eq!(town.desks[1].confirmed(&group).epochs().len(), 2);
    let id = town.say(1, &group, "nothing under a key that was not promised");
    town.exchange();
    assert!(
        town.pool
            .iter()
            .all(|one| !matches!(Envelope::of(&one.payload), Ok(Envelope::Message(message)) if message.epoch == now))
    );
    assert!(matches!(town.state(1, &group, &id), crate::chat::desk::SeenState::Waiting(_)));
}
