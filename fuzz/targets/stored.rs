//! Values of the database, should its file be damaged: what decodes encodes to the same bytes.

#![no_main]

use borsh::{BorshDeserialize, BorshSerialize};
use node::machine::{
    journal::ChainEvent,
    store::{Entry, Location},
};
use shared::{
    LogEdge,
    rules::ledger::{Account, Undo},
};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    exact::<Account>(bytes);
    exact::<ChainEvent>(bytes);
    exact::<Entry>(bytes);
    exact::<Location>(bytes);
    exact::<LogEdge>(bytes);
    exact::<Undo>(bytes);
});

fn exact<T: BorshDeserialize + BorshSerialize>(bytes: &[u8]) {
    if let Ok(value) = T::try_from_slice(bytes) {
        assert_eq!(borsh::to_vec(&value).unwrap(), bytes);
    }
}
