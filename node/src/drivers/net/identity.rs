//! The node's long-lived key: read from its file, or created at the first start.
//! Nothing else in the driver sees the secret; it goes from here into the noise handshake.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use data_encoding::HEXLOWER_PERMISSIVE;
use libp2p::identity::{Keypair, ed25519};

use super::error::NetError;

/// Name of the key file within the data folder: 64 hex digits, the Ed25519 seed.
pub(super) const FILE: &str = "peer.key";

/// Reads the key in `folder`, creating both when absent. The file is for its owner only.
pub(super) fn load_or_create(folder: &Path) -> Result<Keypair, NetError> {
    let path = folder.join(FILE);
    let failed = |source| NetError::KeyFile { path: path.clone(), source };
    match fs::read(&path) {
        Ok(text) => {
            close_to_others(&path).map_err(failed)?;
            parse(&text).ok_or(NetError::KeyMalformed(path))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let key = ed25519::Keypair::generate();
            write(folder, &path, &key).map_err(failed)?;
            Ok(key.into())
        }
        Err(error) => Err(failed(error)),
    }
}

fn parse(text: &[u8]) -> Option<Keypair> {
    let seed = HEXLOWER_PERMISSIVE.decode(text.trim_ascii()).ok()?;
    Keypair::ed25519_from_bytes(seed).ok()
}

/// A key that was copied in by hand may be readable by all.
fn close_to_others(path: &Path) -> io::Result<()> {
    if fs::metadata(path)?.permissions().mode() & 0o077 == 0 {
        return Ok(());
    }
    tracing::warn!(path = %path.display(), "the peer key was open to other users; closing it");
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))
}

/// Writes beside the final name, then renames: a crash leaves either no key or a whole one.
fn write(folder: &Path, path: &Path, key: &ed25519::Keypair) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let draft = folder.join(format!("{FILE}.new"));
    match fs::remove_file(&draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    let mut text = HEXLOWER_PERMISSIVE.encode(key.secret().as_ref());
    text.push('\n');
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&draft, path)?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_created_once_and_closed_to_others() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("new");
        let first = load_or_create(&data).unwrap();
        let path = data.join(FILE);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let second = load_or_create(&data).unwrap();
        assert_eq!(first.public(), second.public());
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(!data.join("peer.key.new").exists());
    }

    #[test]
    fn a_spoilt_key_is_named_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        for text in ["", "xyz", "00ff"] {
            fs::write(&path, text).unwrap();
            let error = load_or_create(folder.path()).unwrap_err();
            assert!(matches!(&error, NetError::KeyMalformed(p) if *p == path), "{error}");
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
    }

    #[test]
    fn a_draft_left_by_a_crash_is_no_hindrance() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("peer.key.new"), "half").unwrap();
        load_or_create(folder.path()).unwrap();
        load_or_create(folder.path()).unwrap();
    }
}
