//! The folder of accounts: names, permissions, several writers, files that are none.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::{keystore, name, password};
use crate::accounts::directory::{Directory, DirectoryError};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn accounts_are_found_by_name_and_their_files_are_private() {
    let folder = tempfile::tempdir().unwrap();
    let directory = Directory::of(folder.path());
    assert!(directory.list().unwrap().accounts.is_empty());
    assert!(directory.find(&name("anna")).unwrap().is_none());
    assert!(!folder.path().join("accounts").exists(), "looking makes nothing");

    for (called, byte) in [("zoe", 1), ("Anna", 2)] {
        directory.create(&keystore(called, byte)).unwrap();
    }
    let listed = directory.list().unwrap();
    let names: Vec<_> = listed.accounts.iter().map(|account| account.name.as_str()).collect();
    assert_eq!(names, ["Anna", "zoe"]);
    let found = directory.find(&name("ANNA")).unwrap().unwrap();
    assert_eq!(found.address(), listed.accounts[0].address);
    assert!(found.open(&password("open sesame")).is_ok());
    assert_eq!(mode(&folder.path().join("accounts")), 0o700);
    assert_eq!(mode(&folder.path().join("accounts/anna.json")), 0o600);
}

#[test]
fn a_name_is_given_once_whatever_its_capitals() {
    let folder = tempfile::tempdir().unwrap();
    let directory = Directory::of(folder.path());
    let first = keystore("Anna", 1);
    directory.create(&first).unwrap();
    for again in ["Anna", "anna", "ANNA"] {
        let error = directory.create(&keystore(again, 2)).unwrap_err();
        assert!(matches!(error, DirectoryError::Taken(_)), "{error}");
    }
    assert_eq!(directory.find(&name("anna")).unwrap().unwrap(), first);
    let second = keystore("Anna", 3);
    directory.replace(&second).unwrap();
    assert_eq!(directory.find(&name("anna")).unwrap().unwrap(), second);
    assert_eq!(fs::read_dir(folder.path().join("accounts")).unwrap().count(), 1);
}

#[test]
fn of_many_who_take_a_name_at_once_one_gets_it() {
    let folder = tempfile::tempdir().unwrap();
    let taken = std::thread::scope(|scope| {
        let take = |byte| {
            let directory = Directory::of(folder.path());
            scope.spawn(move || directory.create(&keystore("anna", byte)).is_ok())
        };
        let threads: Vec<_> = (1..=8).map(take).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).filter(|taken| *taken).count()
    });
    assert_eq!(taken, 1);
    assert!(Directory::of(folder.path()).find(&name("anna")).unwrap().is_some());
}

#[test]
fn what_is_no_account_is_named_and_hides_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let directory = Directory::of(folder.path());
    directory.create(&keystore("anna", 1)).unwrap();
    let file = |called: &str| folder.path().join("accounts").join(called);
    fs::copy(file("anna.json"), file("bert.json")).unwrap();
    fs::write(file("carl.json"), "{}").unwrap();
    fs::write(file("dora.json"), "x".repeat(100_000)).unwrap();
    fs::write(file("notes.txt"), "not an account's").unwrap();
    fs::write(file("anna.json.0123.new"), "left by a crash").unwrap();
    fs::write(file("Eve.json"), "no name that is given").unwrap();
    let listing = directory.list().unwrap();
    assert_eq!(listing.accounts.len(), 1);
    let damaged: Vec<_> = listing.damaged.iter().map(ToString::to_string).collect();
    for (error, (called, why)) in
        damaged.iter().zip([("bert", "called anna"), ("carl", "version"), ("dora", "too long")])
    {
        assert!(error.contains(called) && error.contains(why), "{error}");
    }
    assert_eq!(damaged.len(), 3);
    assert!(directory.find(&name("bert")).is_err());
}
