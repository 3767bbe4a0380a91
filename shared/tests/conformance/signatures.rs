//! The rule that transactions' signatures are verified by, against the corner cases where Ed25519
//! implementations disagree: alone, as a batch of one, and among others.

use ed25519_zebra::SigningKey;
use serde::Deserialize;
use shared::{
    Address,
    signature::{SignatureCheck, verify_all},
};

use crate::{hex, json, vectors};

#[derive(Deserialize)]
struct Zip215 {
    message: String,
    cases: Vec<Zip215Case>,
}

#[derive(Deserialize)]
struct Zip215Case {
    public_key: String,
    signature: String,
}

#[derive(Deserialize)]
struct Speccheck {
    cases: Vec<SpeccheckCase>,
}

#[derive(Deserialize)]
struct SpeccheckCase {
    message: String,
    pub_key: String,
    signature: String,
    expected: bool,
}

fn good() -> SignatureCheck {
    let key = SigningKey::from([1; 32]);
    SignatureCheck::new(&Address::of(&key), &key.sign(b"good").to_bytes(), b"good")
}

fn check(public_key: &str, signature: &str, message: &[u8]) -> SignatureCheck {
    SignatureCheck::new(&Address(hex(public_key)), &hex(signature), message)
}

/// That a signature is judged as expected in every way there is.
fn judge(check: &SignatureCheck, expected: bool, case: usize) {
    assert_eq!(check.clone().holds(), expected, "case {case} alone");
    let verdict = |position| if expected { Ok(()) } else { Err(position) };
    assert_eq!(verify_all(std::slice::from_ref(check)), verdict(0), "case {case} as a batch");
    assert_eq!(verify_all(&[good(), check.clone(), good()]), verdict(1), "case {case} among others");
}

#[test]
#[ignore = "needs the published vectors: set CONFORMANCE_VECTORS"]
fn conformance_zip215_accepts_every_small_order_case() {
    let data: Zip215 = json(&vectors("ed25519/zip215.json"));
    let message = data.message.strip_suffix(" (ASCII)").expect("the message says how it is written").as_bytes();
    let checks: Vec<_> = data.cases.iter().map(|case| check(&case.public_key, &case.signature, message)).collect();
    assert!(!checks.is_empty());
    for (case, check) in checks.iter().enumerate() {
        judge(check, true, case);
    }
    assert_eq!(verify_all(&checks), Ok(()), "all in one batch");
}

#[test]
#[ignore = "needs the published vectors: set CONFORMANCE_VECTORS"]
fn conformance_speccheck_is_judged_as_zip215_says() {
    let data: Speccheck = json(&vectors("ed25519/speccheck.json"));
    assert!(data.cases.iter().any(|case| case.expected) && data.cases.iter().any(|case| !case.expected));
    for (number, case) in data.cases.iter().enumerate() {
        let message = data_encoding::HEXLOWER.decode(case.message.as_bytes()).unwrap();
        judge(&check(&case.pub_key, &case.signature, &message), case.expected, number);
    }
}
