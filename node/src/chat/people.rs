//! Who has made itself known: display names and receiving keys, and the numbers by which two people make sure of each
//! other's. Names are not unique and nobody vouches for them.

use std::collections::BTreeMap;

use shared::{Address, hash::sha256};

use super::envelope::Profile;
use crate::machine::store::Location;

const SAFETY_DOMAIN: &[u8] = b"networkmngr chat safety 1\n";

/// An account as its newest profile tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// What it calls itself.
    pub name: String,
    /// Its receiving key.
    pub receiving: [u8; 32],
    /// Where that profile stands.
    pub at: Location,
    /// Whether an earlier profile had another receiving key. An account's key follows from its seed, so it never
    /// changes by itself.
    pub key_changed: bool,
}

/// Everybody who has made itself known.
#[derive(Debug, Default)]
pub struct People(BTreeMap<Address, Person>);

impl People {
    /// Takes the next profile of the chain.
    pub fn publish(&mut self, author: Address, at: Location, profile: &Profile) {
        let before = self.0.get(&author);
        let key_changed = before.is_some_and(|known| known.key_changed || known.receiving != profile.receiving);
        self.0.insert(author, Person { name: profile.name.clone(), receiving: profile.receiving, at, key_changed });
    }

    /// One of them.
    pub fn get(&self, address: &Address) -> Option<&Person> {
        self.0.get(address)
    }

    /// Up to `limit` whose name begins so, whatever the capitals, in order of address.
    pub fn named<'a>(&'a self, beginning: &str, limit: usize) -> impl Iterator<Item = (&'a Address, &'a Person)> {
        let beginning = beginning.to_lowercase();
        self.0.iter().filter(move |(_, person)| person.name.to_lowercase().starts_with(&beginning)).take(limit)
    }

    /// All who are called exactly so, whatever the capitals.
    pub fn called<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a Address> {
        let name = name.to_lowercase();
        self.0.iter().filter(move |(_, person)| person.name.to_lowercase() == name).map(|(address, _)| address)
    }
}

/// What two people compare out of band: 60 digits in groups of five, the same for both as long as each sees the
/// other's true address and receiving key. Each contributes 30 digits, some 100 bits.
pub fn safety_number(one: (&Address, &[u8; 32]), other: (&Address, &[u8; 32])) -> String {
    let mut halves = [digits(one), digits(other)];
    halves.sort();
    halves.concat().join(" ")
}

fn digits((address, receiving): (&Address, &[u8; 32])) -> Vec<String> {
    let hash = sha256(&[SAFETY_DOMAIN, &address.0, receiving]);
    let number = |bytes: &[u8]| bytes.iter().fold(0u64, |number, byte| number << 8 | u64::from(*byte));
    hash.chunks_exact(5).map(|bytes| format!("{:05}", number(bytes) % 100_000)).collect()
}
