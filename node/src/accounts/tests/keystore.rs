//! One account's file: what is put in comes out, with the password only, and from an unchanged file only.

use chacha20poly1305::{AeadInOut as _, KeyInit as _, XChaCha20Poly1305};
use data_encoding::HEXLOWER;

use super::{cheap, keystore, name, new_password, password};
use crate::accounts::{
    keystore::{Contents, Keystore, KeystoreError, OpenError},
    password::Cost,
    seed::Seed,
};

#[test]
fn the_password_gives_back_what_was_locked() {
    let contents = Contents { seed: Seed::from_bytes(&[7; 32]), email: Some("anna@example.org".parse().unwrap()) };
    let sealed = Keystore::seal(name("Anna"), &new_password("open sesame"), &contents, cheap()).unwrap();
    let read = Keystore::parse(&sealed.to_json()).unwrap();
    assert_eq!(read, sealed);
    assert_eq!((read.name().as_str(), read.address()), ("Anna", contents.seed.keys().address()));
    let opened = read.open(&password("open sesame")).unwrap();
    assert_eq!(opened.seed.as_bytes(), contents.seed.as_bytes());
    assert_eq!(opened.email, contents.email);
    assert_eq!(keystore("anna", 7).open(&password("open sesame")).unwrap().email, None);
}

#[test]
fn another_password_gives_nothing() {
    let sealed = keystore("anna", 7);
    for wrong in ["", "open sesam", "open sesame ", "Open sesame", &"x".repeat(10_000)] {
        assert_eq!(sealed.open(&password(wrong)).unwrap_err(), OpenError::Password, "{wrong:?}");
    }
}

#[test]
fn two_files_of_one_account_have_nothing_in_common() {
    let (one, two) = (keystore("anna", 7).to_json(), keystore("anna", 7).to_json());
    let values = |json: &[u8], part: &str, names: &[&str]| {
        let json: serde_json::Value = serde_json::from_slice(json).unwrap();
        names.iter().map(|name| json[part][name].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_ne!(values(&one, "kdf", &["salt"]), values(&two, "kdf", &["salt"]));
    let cipher = |json: &[u8]| values(json, "cipher", &["nonce", "ciphertext"]);
    assert!(cipher(&one).iter().zip(cipher(&two)).all(|(one, two)| *one != two));
}

#[test]
fn every_changed_byte_is_refused() {
    let file = keystore("Anna", 7).to_json();
    let opens = |file: &[u8]| Keystore::parse(file).is_ok_and(|read| read.open(&password("open sesame")).is_ok());
    assert!(opens(&file));
    for position in 0..file.len() {
        for change in [0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0xff] {
            let mut changed = file.clone();
            changed[position] ^= change;
            assert!(!opens(&changed), "byte {position} by {change:#x}: {}", String::from_utf8_lossy(&changed));
        }
    }
    for length in 0..file.trim_ascii_end().len() {
        assert!(!opens(&file[..length]), "{length}");
    }
}

#[test]
fn what_is_locked_for_one_account_opens_for_no_other() {
    let (anna, bert) = (keystore("anna", 7).to_json(), keystore("bert", 8).to_json());
    let (anna, bert) = (String::from_utf8(anna).unwrap(), String::from_utf8(bert).unwrap());
    let address = |text: &str| text.lines().find(|line| line.contains("\"address\"")).unwrap().to_owned();
    for changed in [anna.replace("\"anna\"", "\"bert\""), anna.replace(&address(&anna), &address(&bert))] {
        assert_ne!(changed, anna);
        let read = Keystore::parse(changed.as_bytes()).unwrap();
        assert_eq!(read.open(&password("open sesame")).unwrap_err(), OpenError::Password);
    }
}

#[test]
fn a_hostile_file_cannot_ask_for_much() {
    let good: serde_json::Value = serde_json::from_slice(&keystore("anna", 7).to_json()).unwrap();
    let refused = |pointer: &str, value: serde_json::Value| {
        let mut changed = good.clone();
        *changed.pointer_mut(pointer).unwrap() = value;
        Keystore::parse(&serde_json::to_vec(&changed).unwrap()).unwrap_err().to_string()
    };
    for (figure, value) in [
        ("memory_kib", 256 * 1024 + 1_u64),
        ("memory_kib", u32::MAX.into()),
        ("memory_kib", u64::MAX),
        ("memory_kib", 7),
        ("memory_kib", 0),
        ("passes", 11),
        ("passes", 0),
        ("lanes", 17),
        ("lanes", 0),
    ] {
        let why = refused(&format!("/kdf/{figure}"), value.into());
        assert!(why.contains("cost") || why.contains("invalid value"), "{figure} {value}: {why}");
    }
    for (pointer, value) in [
        ("/version", serde_json::json!("1")),
        ("/name", "../../etc/passwd".into()),
        ("/address", "nm1".into()),
        ("/kdf/algorithm", "argon2i".into()),
        ("/cipher/algorithm", "none".into()),
        ("/kdf/salt", "00".into()),
        ("/kdf/salt", "ab".repeat(4096).into()),
        ("/cipher/nonce", "00".repeat(12).into()),
        ("/cipher/ciphertext", "00".repeat(47).into()),
        ("/cipher/ciphertext", "00".repeat(303).into()),
    ] {
        refused(pointer, value);
    }
    let later = refused("/version", 2.into());
    assert_eq!(later, KeystoreError::Version(2).to_string());
}

#[test]
fn an_account_in_a_file_that_says_another_is_noticed() {
    // Whoever writes such a file knows its password, so only the address is left to give it away.
    let sealed = String::from_utf8(keystore("anna", 7).to_json()).unwrap();
    let [anna, other] = [7, 8].map(|byte| Seed::from_bytes(&[byte; 32]).keys().address().to_string());
    let mut file: serde_json::Value = serde_json::from_str(&sealed.replace(&anna, &other)).unwrap();
    let bytes = |value: &serde_json::Value| HEXLOWER.decode(value.as_str().unwrap().as_bytes()).unwrap();
    let salt = bytes(&file["kdf"]["salt"]).try_into().unwrap();
    let nonce: [u8; 24] = bytes(&file["cipher"]["nonce"]).try_into().unwrap();
    let key = cheap().key(&password("open sesame"), &salt).unwrap();
    let bound = Keystore::parse(&serde_json::to_vec(&file).unwrap()).unwrap().associated_data();
    let mut text = vec![7; 32];
    XChaCha20Poly1305::new((&*key).into()).encrypt_in_place((&nonce).into(), &bound, &mut text).unwrap();
    file["cipher"]["ciphertext"] = HEXLOWER.encode(&text).into();
    let forged = Keystore::parse(&serde_json::to_vec(&file).unwrap()).unwrap();
    assert_eq!(forged.open(&password("open sesame")).unwrap_err(), OpenError::Contents);
}

#[test]
fn nothing_secret_is_shown() {
    let contents = Contents { seed: Seed::from_bytes(&[7; 32]), email: Some("anna@example.org".parse().unwrap()) };
    let shown = format!("{contents:?} {:?}", new_password("open sesame"));
    assert!(!shown.contains("anna") && !shown.contains("sesame") && !shown.contains("[7,"), "{shown}");
    let sealed = Keystore::seal(name("anna"), &new_password("open sesame"), &contents, Cost::STANDARD).unwrap();
    let file = String::from_utf8(sealed.to_json()).unwrap();
    assert!(!file.contains("example.org") && !file.contains(&"07".repeat(8)) && !file.contains("sesame"), "{file}");
}
