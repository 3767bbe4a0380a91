//! `docs/protocol.md` against the code: every example in it is computed here and must be the same, so
//! that somebody can write a compatible node from the document alone.

#![allow(clippy::unwrap_used, reason = "an unexpected value fails the test")]

mod chain;
mod document;
mod examples;
mod receipts;

#[test]
fn every_example_of_the_document_is_what_the_code_computes() {
    let mut written = document::examples();
    // Those of accounts and chat are computed where these are, in the node's tests.
    written.retain(|name, _| ![document::ACCOUNT, document::CHAT].iter().any(|of| name.starts_with(of)));
    for (name, computed) in examples::all() {
        let written = written.remove(name).unwrap_or_else(|| panic!("{name:?} is not in the document: {computed:?}"));
        assert_eq!(written, computed, "the example {name:?}: left is in the document, right is computed");
    }
    assert!(written.is_empty(), "nothing computes {:?}", written.keys());
}
