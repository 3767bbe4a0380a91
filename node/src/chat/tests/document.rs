//! The examples of chat in `docs/protocol.md`: every one is computed here and must be the same.

use std::collections::BTreeMap;

use data_encoding::HEXLOWER;
use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng as _};
use shared::{Address, ChainSpec, Millis, Network};

use crate::accounts::seed::{Keys, Seed};
use crate::chat::{
    envelope::{Envelope, EpochId, GroupId, Origin, Profile, Rotation, SUITE, Seat},
    key::{EpochKey, Purpose, Setting},
    people::safety_number,
    seal,
    text::{self, Place, Text},
};
use crate::protocol_doc::{self as written, Example};

#[test]
fn every_example_of_the_document_is_what_the_code_computes() {
    let mut written = written::examples();
    written.retain(|name, _| name.starts_with(written::CHAT));
    for (name, computed) in computed() {
        let written = written.remove(name).unwrap_or_else(|| panic!("{name:?} is not in the document: {computed:?}"));
        assert_eq!(written, computed, "the example {name:?}: left is in the document, right is computed");
    }
    assert!(written.is_empty(), "nothing computes {:?}", written.keys());
}

/// Address and receiving key.
fn person(keys: &Keys) -> (Address, [u8; 32]) {
    (keys.address(), seal::receiving_of(keys.exchange()))
}

fn computed() -> BTreeMap<&'static str, Example> {
    let hex = |bytes: &[u8]| Example::Hex(HEXLOWER.encode(bytes));
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let genesis = Network::new(ChainSpec::practice()).unwrap().genesis_hash();
    let seed: Vec<u8> = (0..32).collect();
    let anna = Seed::from_bytes(&seed.try_into().unwrap()).keys();
    let ben = Seed::from_bytes(&[1; 32]).keys();
    let (one, other) = (person(&anna), person(&ben));
    let profile = Envelope::Profile(Profile { suite: SUITE, receiving: one.1, name: "Anna".into() });

    let group = GroupId::of(&genesis, &one.0, &[2; 32]);
    let origin = Origin::Founding { salt: [2; 32] };
    let setting = Setting::of(&genesis, &group, &origin);
    let key = EpochKey::from_bytes(&[7; 32]);
    let mut people = [(one, true), (other, false)];
    people.sort();
    let members = people.map(|((address, receiving), admin)| Seat {
        address,
        receiving,
        admin,
        seal: seal::seal(&key, &setting, &address, &receiving, &mut rng).unwrap(),
    });
    let rotation = Envelope::Rotation(Box::new(Rotation {
        suite: SUITE,
        group,
        origin,
        members: members.into(),
        commit: key.commit(&setting),
        name: text::seal_name(&key, &setting, "kitchen", &mut rng),
        link: None,
    }));
    let epoch = EpochId::of(&genesis, &one.0, &rotation.to_body());

    let said = Text { tag: [0xa0; 16], time: Millis(1_767_225_700_000), reply_to: None, text: "Coffee?".into() };
    let message_key = key.derive(Purpose::Message, &setting);
    let place = Place { genesis: &genesis, group: &group, epoch: &epoch, author: &other.0 };
    let message = text::encrypt(&message_key, &place, &said, &mut rng);
    assert_eq!(text::decrypt(&message_key, &place, &message), Some(said.clone()));
    let after = Setting { parent: Some(epoch), ..setting };
    let next = EpochKey::from_bytes(&[8; 32]);
    let link = text::seal_link(&next, &after, &key, &mut rng);
    assert_eq!(text::open_link(&next, &after, &link).unwrap().as_bytes(), key.as_bytes());
    let examples = [
        ("chat receiving key", hex(&one.1)),
        ("chat profile", hex(&profile.to_body())),
        ("chat group", hex(&group.0)),
        ("chat setting", hex(&setting.to_bytes())),
        ("chat seal info", hex(&seal::info(&setting, &other.0, &other.1))),
        ("chat commit", hex(&key.commit(&setting))),
        ("chat rotation", hex(&rotation.to_body())),
        ("chat epoch", hex(&epoch.0)),
        ("chat link", hex(&borsh::to_vec(&link).unwrap())),
        ("chat text", hex(&borsh::to_vec(&said).unwrap())),
        ("chat message key", hex(&*message_key)),
        ("chat message", hex(&Envelope::Message(message).to_body())),
        ("chat message id", hex(&said.id(&group, &other.0).0)),
        ("chat safety number", Example::Text(safety_number((&one.0, &one.1), (&other.0, &other.1)))),
    ];
    examples.into()
}
