//! Tests of accounts on disk and unlocked. Passwords cost next to nothing here, except where the standard
//! cost is what is tested; time is an argument.

mod directory;
mod document;
mod keystore;
mod vault;

use super::{
    keystore::{Contents, Keystore},
    name::AccountName,
    password::{Cost, NewPassword, Password},
    seed::Seed,
};

/// The least that Argon2id takes.
pub(super) fn cheap() -> Cost {
    Cost::new(8, 1, 1).unwrap()
}

pub(super) fn name(text: &str) -> AccountName {
    text.parse().unwrap()
}

pub(super) fn password(text: &str) -> Password {
    Password::from(text.to_owned())
}

pub(super) fn new_password(text: &str) -> NewPassword {
    password(text).try_into().unwrap()
}

/// An account with the seed of 32 such bytes, no e-mail address, and the password `open sesame`.
pub(super) fn keystore(called: &str, byte: u8) -> Keystore {
    let contents = Contents { seed: Seed::from_bytes(&[byte; 32]), email: None };
    Keystore::seal(name(called), &new_password("open sesame"), &contents, cheap()).unwrap()
}
