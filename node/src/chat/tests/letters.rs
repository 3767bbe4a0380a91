//! Messages: who reads them, where they stand, and envelopes that were tampered with.

use shared::{Address, Millis, Payload, Topic};

use super::town::{GENESIS, Town, account, texts};
use crate::chat::{
    desk::{ActError, Page, Part, SeenState},
    envelope::{Envelope, GroupId, Message},
    outbox::SETTLED,
    text::{MAX_TEXT, Text},
};

#[test]
fn members_read_what_was_said_and_nobody_else_does() {
    let mut town = Town::of(4);
    let group = town.room(3);
    town.say(0, &group, "hello");
    town.exchange();
    assert_eq!(town.reads(1, &group), ["hello"], "at once, from the pool");
    town.say(1, &group, "hello yourself");
    town.settle();
    for member in 0..3 {
        assert_eq!(town.reads(member, &group), ["hello", "hello yourself"]);
        assert_eq!(town.desks[member].name(&group), Some("kitchen"));
    }
    assert_eq!(town.desks[3].rooms(), []);
    assert!(texts(&town.newcomer(4), &group).is_empty());
    assert_eq!(texts(&town.newcomer(2), &group), ["hello", "hello yourself"], "from chain and keys alone");
}

#[test]
fn a_message_waits_is_pending_is_confirmed_and_comes_back_after_a_reorganisation() {
    let mut town = Town::of(2);
    let group = town.room(2);
    let id = town.say(0, &group, "soon");
    assert!(matches!(town.state(0, &group, &id), SeenState::Waiting(_)));
    town.exchange();
    assert_eq!(town.state(1, &group, &id), SeenState::Pending);
    town.mine();
    assert!(matches!(town.state(1, &group, &id), SeenState::Confirmed(_)));
    town.pool = town.undo(1);
    town.gossip();
    assert_eq!(town.state(0, &group, &id), SeenState::Retracted);
    town.settle();
    assert_eq!(town.reads(1, &group), ["soon"]);
    assert!(matches!(town.state(0, &group, &id), SeenState::Confirmed(_)));
}

#[test]
fn what_a_reorganisation_lost_altogether_is_sent_again_and_stands_there_once() {
    let mut town = Town::of(2);
    let group = town.room(2);
    let id = town.say(0, &group, "once");
    town.settle();
    let lost = town.undo(1);
    assert!(town.reads(1, &group).is_empty());
    town.settle();
    assert_eq!(town.reads(1, &group), ["once"]);
    // The first one comes after all, and says the same.
    town.mine_block(lost);
    assert_eq!(town.reads(1, &group), ["once"]);
    assert!(matches!(town.state(1, &group, &id), SeenState::Confirmed(_)));
}

#[test]
fn replies_quote_what_they_answer() {
    let mut town = Town::of(2);
    let group = town.room(2);
    let question = town.say(0, &group, "when?");
    town.settle();
    let answer =
        town.desks[1].say(&group, Text::written("at noon".into(), Some(question), Millis(6), &mut town.rng)).unwrap();
    town.settle();
    let seen = town.desks[0].message(&group, &answer).unwrap();
    assert_eq!(seen.quoted.unwrap().said, Some((town.address(0), "when?")));
}

#[test]
fn what_the_pool_refuses_waits_with_the_reason_and_goes_out_later() {
    let mut town = Town::of(2);
    let group = town.room(2);
    let id = town.say(0, &group, "patience");
    let errand = town.desks[0].due(&mut town.rng).pop().unwrap();
    town.desks[0].refused(&errand, "the pool is full");
    assert_eq!(town.state(0, &group, &id), SeenState::Waiting("the pool is full".into()));
    town.desks[0].take_news();
    town.desks[0].refused(&errand, "the pool is full");
    assert!(town.desks[0].take_news().is_empty(), "told once");
    town.settle();
    assert_eq!(town.reads(1, &group), ["patience"]);
}

#[test]
fn what_is_said_twice_with_one_tag_is_said_once() {
    let mut town = Town::of(2);
    let group = town.room(2);
    let text = Text::written("once".into(), None, Millis(5), &mut town.rng);
    let later = Text { time: Millis(6), ..text.clone() };
    let id = town.desks[0].say(&group, text).unwrap();
    assert_eq!(town.desks[0].say(&group, later.clone()), Ok(id));
    town.settle();
    (0..=SETTLED).for_each(|_| town.mine());
    assert_eq!(town.desks[0].say(&group, later), Ok(id));
    town.settle();
    assert_eq!(town.reads(1, &group), ["once"]);
}

#[test]
fn what_cannot_be_said_is_refused_in_words() {
    let mut town = Town::of(3);
    let group = town.room(2);
    let mut say = |person: usize, group: &GroupId, text: String| {
        town.desks[person].say(group, Text::written(text, None, Millis(5), &mut town.rng))
    };
    assert_eq!(say(0, &group, String::new()), Err(ActError::Text(0)));
    assert_eq!(say(0, &group, "x".repeat(MAX_TEXT + 1)), Err(ActError::Text(MAX_TEXT + 1)));
    assert!(say(0, &group, "x".repeat(MAX_TEXT)).is_ok());
    assert_eq!(say(2, &group, "hi".into()), Err(ActError::NoRoom(group)));
    assert_eq!(say(0, &GroupId([1; 16]), "hi".into()), Err(ActError::NoRoom(GroupId([1; 16]))));
}

fn shown<'a>(page: &Page<'a>) -> Vec<&'a str> {
    page.messages.iter().map(|seen| seen.text.text.as_str()).collect()
}

#[test]
fn pages_go_back_and_search_finds() {
    let mut town = Town::of(2);
    let group = town.room(2);
    for number in 0..25 {
        town.say(number % 2, &group, &format!("Number {number}"));
        town.settle();
    }
    let (mut part, mut all) = (Part::Newest, Vec::new());
    loop {
        let page = town.desks[1].page(&group, part, 10);
        all.extend(page.messages.iter().map(|seen| seen.text.text.clone()));
        let Some(next) = page.next else { break };
        part = Part::Before(next);
    }
    assert_eq!(all, (0..25).rev().map(|number| format!("Number {number}")).collect::<Vec<_>>());
    let tenth = town.desks[1].search(&group, "Number 10", None, 1).messages[0].id;
    let page = town.desks[1].page(&group, Part::Around(tenth), 4);
    assert_eq!(shown(&page), ["Number 11", "Number 10", "Number 9", "Number 8"]);
    let newer = town.desks[1].page(&group, Part::After(page.previous.unwrap()), 4);
    assert_eq!(shown(&newer), ["Number 15", "Number 14", "Number 13", "Number 12"]);
    let last = town.desks[1].page(&group, Part::After(newer.previous.unwrap()), 100);
    assert_eq!((last.messages.len(), last.previous), (9, None));
    let found = town.desks[1].search(&group, "number 1", None, 10).messages;
    assert_eq!(found.len(), 10);
    assert_eq!(shown(&town.desks[1].search(&group, "BER 24", None, 10)), ["Number 24"]);
}

#[test]
fn unread_messages_are_counted_until_they_are_read_wherever_they_stand_later() {
    let mut town = Town::of(2);
    let group = town.room(2);
    town.say(0, &group, "one");
    town.settle();
    let second = town.say(0, &group, "two");
    town.exchange();
    assert_eq!(town.desks[1].count_unread(&group), 2);
    assert_eq!(town.desks[0].count_unread(&group), 0, "one's own");
    town.desks[1].read_up_to(&group, &second).unwrap();
    assert_eq!(town.desks[1].count_unread(&group), 0);
    town.mine();
    town.pool = town.undo(2);
    town.settle();
    assert_eq!((town.desks[1].count_unread(&group), town.reads(1, &group).len()), (0, 2));
    let third = town.say(0, &group, "three");
    town.settle();
    assert_eq!(town.desks[1].count_unread(&group), 1);
    town.desks[1].read_up_to(&group, &third).unwrap();
    town.desks[1].read_up_to(&group, &second).unwrap();
    assert_eq!(town.desks[1].count_unread(&group), 0, "an earlier one takes nothing back");
}

/// The message that waits in the pool, taken apart.
fn waiting_message(town: &Town) -> (Topic, Message) {
    let Payload::Data { topic, .. } = &town.pool[0].payload else { panic!("data") };
    let Ok(Envelope::Message(message)) = Envelope::of(&town.pool[0].payload) else { panic!("a message") };
    (topic.clone(), message)
}

#[test]
fn envelopes_that_were_changed_moved_or_taken_for_another_authors_say_nothing() {
    let mut town = Town::of(3);
    let (group, other) = (town.room(3), town.room(3));
    town.say(0, &group, "pay me");
    town.exchange();
    let (topic, message) = waiting_message(&town);
    let honest = town.pool.clone();
    let forgers = [account(1), account(2)];
    let mut forged = Vec::new();
    let mut file = |town: &mut Town, author: usize, topic: &Topic, message: Message| {
        let body = Envelope::Message(message).to_body();
        let payload = Payload::Data { topic: topic.clone(), body };
        forged.push(town.sign(&forgers[author], payload));
    };
    file(&mut town, 1, &topic, message.clone());
    file(&mut town, 0, &other.topic(), message.clone());
    for bit in (0..message.ciphertext.len() * 8).step_by(37) {
        let mut changed = message.clone();
        changed.ciphertext[bit / 8] ^= 1 << (bit % 8);
        file(&mut town, 0, &topic, changed);
    }
    file(&mut town, 0, &topic, Message { nonce: [0; 24], ..message.clone() });
    let shorter =
        Message { ciphertext: message.ciphertext[..message.ciphertext.len() - 1].to_vec(), ..message.clone() };
    file(&mut town, 0, &topic, shorter);
    // A second copy by the author's own hand is the same message.
    file(&mut town, 0, &topic, message);
    town.mine_block([honest, forged].concat());
    for member in 0..3 {
        assert_eq!(town.reads(member, &group), ["pay me"]);
        assert!(town.reads(member, &other).is_empty());
    }
}

#[test]
fn damaged_bodies_are_no_envelopes() {
    let mut town = Town::of(2);
    let group = town.room(2);
    town.say(0, &group, "whole");
    town.exchange();
    let body = Envelope::of(&town.pool[0].payload).unwrap().to_body();
    for length in 0..body.len() {
        assert!(Envelope::from_body(&body[..length]).is_err());
    }
    assert!(Envelope::from_body(&[&body[..], &[0]].concat()).is_err());
    let rotation = Envelope::of(&town.blocks[2][0].payload).unwrap().to_body();
    assert!(matches!(Envelope::from_body(&rotation), Ok(Envelope::Rotation(_))));
    for length in 0..rotation.len() {
        assert!(Envelope::from_body(&rotation[..length]).is_err());
    }
}

#[test]
fn a_groups_id_is_its_founders() {
    let salt = [3; 32];
    assert_ne!(GroupId::of(&GENESIS, &Address([1; 32]), &salt), GroupId::of(&GENESIS, &Address([2; 32]), &salt));
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_decoding_panic_and_what_decodes_encodes_back(bytes: Vec<u8>) {
        let body = [&crate::chat::envelope::MAGIC[..], &bytes].concat();
        if let Ok(envelope) = Envelope::from_body(&body) {
            proptest::prop_assert_eq!(envelope.to_body(), body);
        }
    }
}
