//! The examples of accounts in `docs/protocol.md`: every one is computed here and must be the same.

use std::collections::BTreeMap;

use data_encoding::HEXLOWER;

use super::{name, new_password, password};
use crate::accounts::{
    keystore::{Contents, Keystore},
    password::Cost,
    seed::{EXCHANGE_LABEL, SIGNING_LABEL, Seed},
};

use crate::protocol_doc::{self as written, Example};

#[test]
fn every_example_of_the_document_is_what_the_code_computes() {
    let mut written = written::examples();
    written.retain(|name, _| name.starts_with(written::ACCOUNT));
    for (name, computed) in computed() {
        let written = written.remove(name).unwrap_or_else(|| panic!("{name:?} is not in the document: {computed:?}"));
        assert_eq!(written, computed, "the example {name:?}: left is in the document, right is computed");
    }
    assert!(written.is_empty(), "nothing computes {:?}", written.keys());
}

fn computed() -> BTreeMap<&'static str, Example> {
    let hex = |bytes: &[u8]| Example::Hex(HEXLOWER.encode(bytes));
    let text = |text: &str| Example::Text(text.to_owned());
    let counting = |range: std::ops::Range<u8>| range.collect::<Vec<u8>>();
    let seed = Seed::from_bytes(&counting(0..32).try_into().unwrap());
    let (words, keys) = (seed.words(), seed.keys());
    let rows: Vec<String> = words.iter().collect::<Vec<_>>().chunks(8).map(|row| row.join(" ")).collect();
    let contents = Contents { seed, email: Some("anna@example.org".parse().unwrap()) };
    let salt = counting(0x40..0x50).try_into().unwrap();
    let nonce = counting(0x80..0x98).try_into().unwrap();
    let said = "correct horse battery staple";
    let keystore =
        Keystore::seal_with(name("Anna"), &new_password(said), &contents, Cost::STANDARD, salt, nonce).unwrap();
    let file: serde_json::Value = serde_json::from_slice(&keystore.to_json()).unwrap();
    let plain = [contents.seed.as_bytes(), b"anna@example.org".as_slice()].concat();
    let examples = [
        ("account seed", hex(contents.seed.as_bytes())),
        ("account words", Example::Text(rows.join("\n"))),
        ("account signing label", hex(SIGNING_LABEL)),
        ("account exchange label", hex(EXCHANGE_LABEL)),
        ("account signing key", hex(keys.signing().as_ref())),
        ("account exchange key", hex(keys.exchange())),
        ("account public key", hex(&keys.address().0)),
        ("account address", text(&keys.address().to_string())),
        ("account password key", hex(&*Cost::STANDARD.key(&password(said), &salt).unwrap())),
        ("account plaintext", hex(&plain)),
        ("account associated data", hex(&keystore.associated_data())),
        ("account file", Example::Json(file)),
    ];
    examples.into()
}
