//! Logging in and out in virtual time: who gets in, for how long, and who has to wait.

use std::time::Duration;

use shared::Millis;

use super::{cheap, name, password};
use crate::accounts::{
    directory::DirectoryError,
    seed::Seed,
    session::{self, SessionId},
    vault::{LoggedIn, Vault, VaultError},
};

const NOW: Millis = Millis(1_700_000_000_000);

/// A vault with the account anna, whose password is `open sesame`, and its folder.
fn vault() -> (Vault, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let vault = Vault::open(folder.path(), cheap(), false).unwrap();
    vault.create(name("anna"), password("open sesame"), None).unwrap();
    (vault, folder)
}

fn log_in(vault: &Vault, now: Millis) -> (LoggedIn, SessionId) {
    let session = vault.log_in(&name("anna"), &password("open sesame"), now).unwrap();
    let id = SessionId::of(session.token.as_str());
    (session, id)
}

fn refused<T>(outcome: Result<T, VaultError>) -> String {
    outcome.map(|_| ()).unwrap_err().to_string()
}

#[test]
fn a_new_account_is_its_words_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let vault = Vault::open(folder.path(), cheap(), false).unwrap();
    let email = "anna@example.org".parse().unwrap();
    let created = vault.create(name("Anna"), password("open sesame"), Some(email)).unwrap();
    let seed = Seed::from_words(created.words.as_str()).unwrap();
    assert_eq!(seed.keys().address(), created.address);
    let (session, _) = log_in(&vault, NOW);
    assert_eq!((session.account.name.as_str(), session.account.address), ("Anna", created.address));
    assert_eq!(session.account.email.as_ref().unwrap().as_str(), "anna@example.org");
    assert_eq!(session.account.keys.signing().as_ref(), seed.keys().signing().as_ref());
}

#[test]
fn names_that_are_taken_or_not_to_be_had_are_refused() {
    let (vault, _folder) = vault();
    let create = |called: &str, said: &str| refused(vault.create(name(called), password(said), None));
    assert!(create("ANNA", "open sesame").contains("already"));
    assert!(create("Miner", "open sesame").contains("rewards"));
    assert!(create("bert", "short").contains("8 characters"));
    assert_eq!(vault.list().unwrap().accounts.len(), 1);
}

#[test]
fn nobody_learns_which_accounts_there_are() {
    let (vault, _folder) = vault();
    let wrong = refused(vault.log_in(&name("anna"), &password("open sesam"), NOW));
    let unknown = refused(vault.log_in(&name("bert"), &password("open sesame"), NOW));
    assert_eq!(wrong, unknown);
    for called in ["anna", "bert"] {
        let tries = (0..9).map(|_| vault.log_in(&name(called), &password("guess"), NOW).unwrap_err());
        let waits = tries.filter(|error| matches!(error, VaultError::Wait(_))).count();
        assert_eq!(waits, 7, "{called}");
    }
}

#[test]
fn a_session_ends_when_it_is_idle_old_or_told_to() {
    let (vault, _folder) = vault();
    let (session, id) = log_in(&vault, NOW);
    let almost = Duration::from_millis(u64::try_from(session::IDLE.as_millis()).unwrap() - 1);
    let mut now = NOW;
    while now.since(NOW) < session::LONGEST - session::IDLE {
        now = now.after(almost);
        assert_eq!(vault.session(&id, now).unwrap().address, session.account.address);
    }
    assert!(vault.session(&id, NOW.after(session::LONGEST)).is_none(), "however much it is used");
    assert!(vault.session(&id, now).is_none(), "and for good");

    let (_, id) = log_in(&vault, NOW);
    assert!(vault.session(&id, NOW.after(session::IDLE)).is_none());

    let (_, id) = log_in(&vault, NOW);
    let (_, other) = log_in(&vault, NOW);
    assert!(vault.log_out(&id) && !vault.log_out(&id));
    assert!(vault.session(&id, NOW).is_none() && vault.session(&other, NOW).is_some());
}

#[test]
fn keys_are_let_go_when_nobody_is_logged_in() {
    let (vault, _folder) = vault();
    let held = |session: &LoggedIn| std::sync::Arc::strong_count(&session.account) - 1;
    let (session, id) = log_in(&vault, NOW);
    assert_eq!(held(&session), 1);
    assert_eq!(vault.expire(NOW), Some(NOW.after(session::IDLE)));
    vault.session(&id, NOW.after(session::IDLE / 2));
    let ends = NOW.after(session::IDLE / 2).after(session::IDLE);
    assert_eq!(vault.expire(NOW.after(session::IDLE)), Some(ends));
    assert_eq!(held(&session), 1);
    assert_eq!(vault.expire(ends), None);
    assert_eq!(held(&session), 0, "idle");
    let (session, id) = log_in(&vault, NOW);
    vault.log_out(&id);
    assert_eq!(held(&session), 0, "logged out");
    let (session, _) = log_in(&vault, NOW);
    vault.close();
    assert_eq!(held(&session), 0, "closed");
}

#[test]
fn an_account_has_only_so_many_sessions() {
    let (vault, _folder) = vault();
    let ids: Vec<_> = (0..17).map(|minute| log_in(&vault, NOW.after(Duration::from_secs(minute))).1).collect();
    let now = NOW.after(Duration::from_secs(60));
    let alive: Vec<bool> = ids.iter().map(|id| vault.session(id, now).is_some()).collect();
    assert_eq!(alive.iter().filter(|alive| **alive).count(), 16);
    assert!(!alive[0]);
}

#[test]
fn wrong_passwords_cost_time_but_never_the_account() {
    let (vault, _folder) = vault();
    let (_, id) = log_in(&vault, NOW);
    let guess = |now| vault.log_in(&name("anna"), &password("guess"), now).unwrap_err();
    let mut now = NOW;
    for _ in 0..100 {
        if let VaultError::Wait(wait) = guess(now) {
            assert!(wait <= Duration::from_secs(30));
            assert!(matches!(vault.log_in(&name("anna"), &password("open sesame"), now), Err(VaultError::Wait(_))));
            now = now.after(wait);
        }
    }
    // Whoever is logged in already is not disturbed by strangers.
    assert!(vault.confirm(&id, &password("open sesame"), NOW).is_ok());
    let wait = std::iter::repeat_with(|| guess(now)).find_map(|error| match error {
        VaultError::Wait(wait) => Some(wait),
        _ => None,
    });
    log_in(&vault, now.after(wait.unwrap()));
    // And the slate is clean.
    assert!(matches!(guess(now), VaultError::Login));
}

#[test]
fn the_password_is_asked_again_and_guesses_are_counted() {
    let (vault, _folder) = vault();
    let (session, id) = log_in(&vault, NOW);
    let contents = vault.confirm(&id, &password("open sesame"), NOW).unwrap();
    assert_eq!(contents.seed.keys().address(), session.account.address);
    for _ in 0..3 {
        assert!(matches!(vault.confirm(&id, &password("guess"), NOW), Err(VaultError::Password)));
    }
    assert!(matches!(vault.confirm(&id, &password("open sesame"), NOW), Err(VaultError::Wait(_))));
    let later = NOW.after(Duration::from_secs(1));
    assert!(vault.confirm(&id, &password("open sesame"), later).is_ok());
    vault.log_out(&id);
    assert!(matches!(vault.confirm(&id, &password("open sesame"), later), Err(VaultError::Ended)));
}

#[test]
fn a_changed_password_ends_the_other_sessions() {
    let (vault, _folder) = vault();
    let ((_, id), (_, other)) = (log_in(&vault, NOW), log_in(&vault, NOW));
    let change = |old: &str, new: &str| vault.change_password(&id, &password(old), password(new), NOW);
    assert!(matches!(change("guess", "sesame close"), Err(VaultError::Password)));
    assert!(matches!(change("open sesame", "short"), Err(VaultError::NewPassword(_))));
    change("open sesame", "sesame close").unwrap();
    assert!(vault.session(&id, NOW).is_some() && vault.session(&other, NOW).is_none());
    assert!(matches!(vault.log_in(&name("anna"), &password("open sesame"), NOW), Err(VaultError::Login)));
    assert!(vault.log_in(&name("anna"), &password("sesame close"), NOW).is_ok());
}

#[test]
fn words_bring_an_account_back() {
    let (vault, _folder) = vault();
    let (session, id) = log_in(&vault, NOW);
    let words = vault.confirm(&id, &password("open sesame"), NOW).unwrap().seed.words();
    let seed = || Seed::from_words(words.as_str()).unwrap();

    let elsewhere = tempfile::tempdir().unwrap();
    let other = Vault::open(elsewhere.path(), cheap(), false).unwrap();
    assert_eq!(other.restore(name("a2"), password("another one"), seed(), None).unwrap(), session.account.address);
    assert!(other.log_in(&name("a2"), &password("another one"), NOW).is_ok());

    // A forgotten password: the words are proof enough.
    assert!(refused(vault.restore(name("bert"), password("another one"), seed(), None)).contains("account anna"));
    let foreign = Seed::generate().unwrap();
    let taken = vault.restore(name("anna"), password("another one"), foreign, None).unwrap_err();
    assert!(matches!(taken, VaultError::Directory(DirectoryError::Taken(_))));
    assert!(vault.session(&id, NOW).is_some());
    vault.restore(name("Anna"), password("another one"), seed(), None).unwrap();
    assert!(vault.session(&id, NOW).is_none());
    assert!(vault.log_in(&name("anna"), &password("another one"), NOW).is_ok());
    assert_eq!(vault.list().unwrap().accounts.len(), 1);
}

#[test]
fn the_miners_account_is_open_in_a_practice_network_only() {
    let (vault, folder) = vault();
    assert!(vault.practice().is_none() && vault.practice_seed().unwrap().is_none());
    assert!(refused(vault.log_in(&name("miner"), &password(""), NOW)).contains("rewards"));
    let practice = Vault::open(folder.path(), cheap(), true).unwrap();
    let account = practice.practice().unwrap();
    assert_eq!(account.name.as_str(), "miner");
    assert_eq!(practice.practice_seed().unwrap().unwrap().keys().address(), account.address);
    practice.close();
    assert!(practice.practice().is_none());
}

#[test]
fn tokens_are_kept_as_hashes_and_shown_nowhere() {
    let (vault, _folder) = vault();
    let (session, _) = log_in(&vault, NOW);
    let token = session.token.as_str();
    assert_eq!(token.len(), 64);
    let shown = format!("{vault:?} {session:?}");
    assert!(!shown.contains(token) && !shown.contains("sesame"), "{shown}");
    assert!(session::csrf_matches(token, &session.token.csrf()));
    for wrong in ["", token, &session.token.csrf()[1..], &"0".repeat(64)] {
        assert!(!session::csrf_matches(token, wrong));
    }
    let (other, _) = log_in(&vault, NOW);
    assert!(!session::csrf_matches(other.token.as_str(), &session.token.csrf()));
}

#[test]
fn a_file_that_is_gone_or_damaged_is_no_wrong_password() {
    let (vault, folder) = vault();
    let (_, id) = log_in(&vault, NOW);
    let path = folder.path().join("accounts/anna.json");
    std::fs::write(&path, "{}").unwrap();
    assert!(refused(vault.log_in(&name("anna"), &password("open sesame"), NOW)).contains("damaged"));
    std::fs::remove_file(&path).unwrap();
    assert!(matches!(vault.confirm(&id, &password("open sesame"), NOW), Err(VaultError::Gone)));
}
