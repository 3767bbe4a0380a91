//! `networkmngr verify` as a shopkeeper meets it: the program, a file, and what it says.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail the test that calls them")]

mod receipts;

use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::Value;
use shared::receipt::{MAX_BYTES, Receipt};
use shared::record::{Content, Record, commitment};

use crate::receipts::{data, log_key, network, payment, receipt};

/// What the program said, and its exit code.
#[derive(Debug)]
struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

/// Runs `networkmngr verify` in a folder of its own that holds these files.
fn verify(files: &[(&str, &[u8])], words: &[&str], stdin: &[u8]) -> Said {
    let dir = tempfile::tempdir().unwrap();
    files.iter().for_each(|(name, bytes)| std::fs::write(dir.path().join(name), bytes).unwrap());
    let mut command = Command::new(env!("CARGO_BIN_EXE_networkmngr"));
    command.arg("verify").args(words).current_dir(dir.path());
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // A program that has read enough, or never reads, ends before all is written.
    let _ = child.stdin.take().unwrap().write_all(stdin);
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Said { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

fn verify_receipt(receipt: &Receipt, words: &[&str]) -> Said {
    let json = serde_json::to_vec(receipt).unwrap();
    verify(&[("receipt.json", &json)], &[&["receipt.json"], words].concat(), b"")
}

#[test]
fn a_payment_is_told_in_full() {
    let said = verify_receipt(&receipt(payment()), &[]);
    assert_eq!((said.code, said.err.as_str()), (Some(0), ""), "{}", said.out);
    assert_eq!(said.out, include_str!("payment.txt"));
}

#[test]
fn what_is_known_from_elsewhere_leaves_nothing_open() {
    let (genesis, key) = (network().genesis_hash().to_string(), log_key().to_string());
    let said = verify_receipt(&receipt(payment()), &["--genesis", &genesis, "--log-key", &key]);
    assert_eq!(said.code, Some(0));
    assert!(said.out.ends_with("\nNetwork and node are those that you named.\n"), "{}", said.out);
    assert!(!said.out.contains("\n?"), "{}", said.out);
    let other = verify_receipt(&receipt(payment()), &["--genesis", &"0".repeat(64)]);
    assert_eq!(other.code, Some(1));
    assert!(other.out.contains("fails at: Is that the network it should be of?"), "{}", other.out);
    let half = verify_receipt(&receipt(payment()), &["--genesis", &genesis]);
    assert!(half.out.contains("--log-key") && !half.out.contains("--genesis"), "{}", half.out);
}

#[test]
fn a_changed_receipt_fails_at_a_named_step_and_shows_nothing() {
    let mut changed = receipt(payment());
    changed.transaction[50] ^= 1;
    let said = verify_receipt(&changed, &[]);
    assert_eq!((said.code, said.err.as_str()), (Some(1), ""));
    let question = "Is the transaction whole, and signed by its sender?";
    assert!(said.out.contains(&format!("\n✗ {question}  No: ")), "{}", said.out);
    assert!(said.out.contains(&format!("does not hold. The question that it fails at: {question}\n")), "{}", said.out);
    assert!(!said.out.contains("amount"), "{}", said.out);
}

#[test]
fn a_record_is_shown_to_the_letter() {
    let text = "{\"sold\": \"3 loaves\",\n \"price\": 1.50}";
    let record = Record { corrects: Some(shared::TxId([4; 32])), content: Content::Json(text.into()) };
    let said = verify_receipt(&receipt(data("till", &record.to_body().unwrap())), &[]);
    assert_eq!(said.code, Some(0), "{}", said.out);
    for part in [
        "It shows a record:\n",
        "  topic        \"till\"\n",
        "  author       nm132yw8ht5p8cetl2jmvknewjawt9xwzdlrk2pyxlnwjyqrdq0dawqvslclr\n",
        &format!("  corrects     the record {}\n", "04".repeat(32)),
        "  says         {\"sold\": \"3 loaves\",\n                \"price\": 1.50}\n",
        "  written      2026-01-01 00:00:03 UTC, as its author says\n",
    ] {
        assert!(said.out.contains(part), "{part:?} is not in:\n{}", said.out);
    }
    let other = verify_receipt(&receipt(data("news", b"\x01\x02")), &[]);
    assert!(other.out.contains("It shows data that is no record:") && other.out.contains("2 bytes"), "{}", other.out);
}

#[test]
fn a_private_record_is_held_against_its_payload() {
    let (salt, payload) = ([5; 32], b"one bill");
    let record = Record { corrects: None, content: Content::Commitment(commitment(&salt, payload)) };
    let receipt = serde_json::to_vec(&receipt(data("bills", &record.to_body().unwrap()))).unwrap();
    let files: [(&str, &[u8]); 3] = [("r.json", &receipt), ("bill", payload), ("other", b"another bill")];
    let [salt, other_salt] = ["05", "06"].map(|byte| byte.repeat(32));
    let with = |payload, salt| verify(&files, &["r.json", "--payload", payload, "--salt", salt], b"");
    let question = "Does it commit to that payload?";

    let right = with("bill", &salt);
    assert_eq!(right.code, Some(0), "{}", right.out);
    assert!(right.out.contains(&format!("✓ {question}  Yes, to these 8 bytes and no others.\n")), "{}", right.out);
    assert!(right.out.contains("It shows a private record"), "{}", right.out);
    for wrong in [with("other", &salt), with("bill", &other_salt)] {
        assert_eq!(wrong.code, Some(1));
        assert!(wrong.out.contains(&format!("fails at: {question}")), "{}", wrong.out);
    }
    let closed = verify(&files, &["r.json"], b"");
    assert_eq!(closed.code, Some(0));
    assert!(closed.out.contains(&format!("? {question}  Not compared.")), "{}", closed.out);
    let missing = with("nowhere", &salt);
    assert_eq!(missing.code, Some(1));
    assert!(missing.err.starts_with("error: cannot read nowhere: "), "{}", missing.err);
}

#[test]
fn a_payload_belongs_to_private_records_only() {
    let json = serde_json::to_vec(&receipt(payment())).unwrap();
    let words = ["r.json", "--payload", "r.json", "--salt", &"05".repeat(32)];
    let said = verify(&[("r.json", &json)], &words, b"");
    assert_eq!(said.code, Some(1));
    assert!(said.out.contains("No: the transaction is no private record."), "{}", said.out);
}

#[test]
fn programs_read_json_and_pipes_work() {
    let receipt = serde_json::to_vec(&receipt(payment())).unwrap();
    let said = verify(&[], &["-", "--json"], &receipt);
    assert_eq!(said.code, Some(0), "{}", said.err);
    let json: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!((&json["holds"], &json["shows"]["height"]), (&true.into(), &40.into()));
    assert_eq!(json["shows"]["transaction"]["payload"]["transfer"]["amount"], 1_500_000);
    assert_eq!(json["steps"][1]["outcome"], "open");

    let said = verify(&[], &["-", "--json", "--genesis", &"0".repeat(64)], &receipt);
    assert_eq!(said.code, Some(1));
    let json: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!((&json["holds"], &json["shows"]), (&false.into(), &Value::Null));
    assert_eq!(json["steps"].as_array().unwrap().last().unwrap()["outcome"], "bad");
}

#[test]
fn what_is_no_receipt_is_told_in_a_sentence() {
    let long = vec![b' '; MAX_BYTES + 1];
    let files: [(&str, &[u8]); 6] = [
        ("empty", b""),
        ("text", b"Dear Sir"),
        ("json", b"{\"chain\": []}"),
        ("news", b"{\"receipt\": 2, \"news\": true}"),
        ("odd", b"{\"receipt\": 1, \"\\u001b[2Jodd\": true}"),
        ("long", &long),
    ];
    for (file, word) in [
        ("empty", "it is not JSON"),
        ("text", "it is not JSON"),
        ("json", "it is JSON, but no receipt: missing field `receipt`"),
        ("news", "it is a receipt of version 2; this program reads version 1 only"),
        ("odd", "\\u{1b}[2Jodd"),
        ("long", "it has more than 1048576 bytes"),
        ("nowhere", "cannot read nowhere: No such file"),
        (".", "cannot read .: Is a directory"),
    ] {
        let said = verify(&files, &[file], b"");
        assert_eq!((said.code, said.out.as_str()), (Some(1), ""), "{file}");
        assert!(said.err.starts_with("error: ") && said.err.lines().count() == 1, "{file}: {}", said.err);
        assert!(said.err.contains(file) && said.err.contains(word), "{file}: {}", said.err);
    }
    assert!(verify(&[], &["-"], b"Dear Sir").err.contains("what came on stdin: it is not JSON"));
}

#[test]
fn wrong_usage_ends_with_2_and_help_has_examples() {
    for (words, said) in [
        (&["r.json", "--genesis", "12"][..], "not a hash"),
        (&["r.json", "--log-key", "a+b"], "not a log's key"),
        (&["r.json", "--payload", "p"], "--salt"),
        (&["r.json", "--payload", "p", "--salt", "12"], "a salt is 64 hexadecimal digits"),
        (&[], "RECEIPT.json"),
    ] {
        let wrong = verify(&[], words, b"");
        assert_eq!((wrong.code, wrong.out.as_str()), (Some(2), ""), "{words:?}");
        assert!(wrong.err.contains(said), "{words:?}: {}", wrong.err);
    }
    let help = verify(&[], &["--help"], b"");
    assert_eq!(help.code, Some(0));
    assert!(help.out.contains("networkmngr verify receipt.json --genesis HASH --log-key KEY"), "{}", help.out);
}
