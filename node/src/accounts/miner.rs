//! The account that gets a node's rewards. A node mines without being asked for a password, so this
//! account's seed lies in its folder as it is, in a file for its owner only.

use std::io;
use std::path::{Path, PathBuf};

use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};
use ed25519_zebra::SigningKey;
use shared::Address;
use zeroize::Zeroizing;

use super::seed::Seed;
use crate::drivers::files;

/// Name of the file within the data folder: 64 hexadecimal digits.
pub const FILE: &str = "miner.seed";

/// Where earlier versions kept a signing key that comes from no seed.
const OLD_FILE: &str = "miner.key";

/// Why the seed cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum MinerError {
    /// The system says no.
    #[error("cannot use {path}: {error}", path = .0.display(), error = .1)]
    Io(PathBuf, io::Error),
    /// The file holds something else.
    #[error("{path} is damaged: it holds no seed (64 hexadecimal digits)", path = .0.display())]
    Damaged(PathBuf),
}

/// The seed in a node's folder, if a node has run there.
///
/// # Errors
/// When its file cannot be read or holds no seed.
pub fn read(data_dir: &Path) -> Result<Option<Seed>, MinerError> {
    let path = data_dir.join(FILE);
    let Some(text) = read_text(&path)? else { return Ok(None) };
    files::close_to_others(&path).map_err(|error| MinerError::Io(path.clone(), error))?;
    secret(&text).map(|bytes| Some(Seed::from_bytes(&bytes))).ok_or(MinerError::Damaged(path))
}

/// The seed in a node's folder, made when there is none.
///
/// # Errors
/// When its file can be neither read nor made, or holds no seed.
pub fn read_or_make(data_dir: &Path) -> Result<Seed, MinerError> {
    if let Some(seed) = read(data_dir)? {
        return Ok(seed);
    }
    let path = data_dir.join(FILE);
    let failed = |error| MinerError::Io(path.clone(), error);
    let seed = Seed::generate().map_err(failed)?;
    let text = Zeroizing::new(HEXLOWER.encode(seed.as_bytes()) + "\n");
    files::create(&path, text.as_bytes()).map_err(failed)?;
    if let Some(old) = old_address(data_dir) {
        tracing::warn!(
            "rewards go to a new account from now on, one that can be written down as words; earlier ones remain \
             with {old}, whose key stays in {OLD_FILE}"
        );
    }
    Ok(seed)
}

/// Whose rewards an earlier version of this program mined here.
fn old_address(data_dir: &Path) -> Option<Address> {
    let text = read_text(&data_dir.join(OLD_FILE)).ok()??;
    Some(Address::of(&SigningKey::from(*secret(&text)?)))
}

fn read_text(path: &Path) -> Result<Option<Zeroizing<String>>, MinerError> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(Zeroizing::new(text))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(MinerError::Io(path.to_owned(), error)),
    }
}

fn secret(text: &str) -> Option<Zeroizing<[u8; 32]>> {
    let bytes = Zeroizing::new(HEXLOWER_PERMISSIVE.decode(text.trim().as_bytes()).ok()?);
    bytes.as_slice().try_into().ok().map(Zeroizing::new)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn the_seed_stays_and_is_its_owners_only() {
        let folder = tempfile::tempdir().unwrap();
        assert!(read(folder.path()).unwrap().is_none());
        let seed = read_or_make(folder.path()).unwrap();
        let path = folder.path().join(FILE);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(read(folder.path()).unwrap().unwrap().as_bytes(), seed.as_bytes());
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(read_or_make(folder.path()).unwrap().as_bytes(), seed.as_bytes());
    }

    #[test]
    fn a_key_of_an_earlier_version_is_left_where_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let old = "01".repeat(32);
        fs::write(folder.path().join(OLD_FILE), &old).unwrap();
        let address = Address::of(&SigningKey::from([1; 32]));
        assert_eq!(old_address(folder.path()), Some(address));
        assert_ne!(read_or_make(folder.path()).unwrap().keys().address(), address);
        assert_eq!(fs::read_to_string(folder.path().join(OLD_FILE)).unwrap(), old);
    }

    #[test]
    fn what_is_no_seed_is_named() {
        let folder = tempfile::tempdir().unwrap();
        for text in ["", "not a seed", &"ab".repeat(31), &"ab".repeat(33)] {
            fs::write(folder.path().join(FILE), text).unwrap();
            let error = read_or_make(folder.path()).unwrap_err().to_string();
            assert!(error.contains(FILE) && !error.contains("abab"), "{error}");
        }
    }
}
