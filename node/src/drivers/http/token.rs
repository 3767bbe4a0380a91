//! Who may administer a node that is open to other machines: whoever can read a file in its data
//! folder. On loopback everybody may, since everybody there could as well end the process.

use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use rand::{TryRng as _, rngs::SysRng};
use sha2::{Digest as _, Sha256};

use super::{App, problem::Problem};

/// The token's file in the data folder.
pub const FILE: &str = "admin.token";

/// Random bytes in a token.
const SIZE: usize = 32;

/// Who may shut the node down, replace its chain, register peers and switch continuous mining.
#[derive(Debug, Clone)]
pub enum Admin {
    /// Everybody who reaches the node.
    Everybody,
    /// Whoever shows the token.
    Token {
        /// 64 hex digits.
        token: String,
        /// Where it lies.
        path: PathBuf,
    },
}

impl Admin {
    /// The rule for a node on this address. Off loopback the token is read from [`FILE`] in `data_dir`,
    /// which is made for its owner alone when it is not there.
    ///
    /// # Errors
    /// When the file can be neither read nor made.
    pub fn for_address(address: SocketAddr, data_dir: &Path) -> io::Result<Self> {
        if address.ip().is_loopback() { Ok(Self::Everybody) } else { Self::with_token(data_dir) }
    }

    /// Whoever shows the token that lies in [`FILE`] in `data_dir`, wherever the request comes from.
    ///
    /// # Errors
    /// When the file can be neither read nor made.
    pub fn with_token(data_dir: &Path) -> io::Result<Self> {
        let path = data_dir.join(FILE);
        let token = match fs::read_to_string(&path) {
            Ok(text) if text.trim().len() >= 2 * SIZE => {
                fs::set_permissions(&path, Permissions::from_mode(0o600))?;
                text.trim().to_owned()
            }
            Ok(_) => create(&path)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => create(&path)?,
            Err(error) => return Err(error),
        };
        Ok(Self::Token { token, path })
    }

    /// Whether a request with these headers may administer.
    pub fn admits(&self, headers: &HeaderMap) -> bool {
        let Self::Token { token, .. } = self else { return true };
        let shown = headers.get(header::AUTHORIZATION).and_then(bearer);
        shown.is_some_and(|shown| equal(shown, token.as_bytes()))
    }

    fn check(&self, headers: &HeaderMap) -> Result<(), Problem> {
        let Self::Token { path, .. } = self else { return Ok(()) };
        if self.admits(headers) {
            return Ok(());
        }
        Err(Problem::new(
            StatusCode::UNAUTHORIZED,
            format!(
                "This node is open to other machines, so this needs the header `Authorization: Bearer TOKEN`; \
                 the token lies in the file {} of the node's data folder.",
                path.file_name().unwrap_or_default().display()
            ),
        ))
    }
}

/// Writes a fresh token beside its final name, then renames: a crash leaves no half of one.
fn create(path: &Path) -> io::Result<String> {
    let mut bytes = [0; SIZE];
    SysRng.try_fill_bytes(&mut bytes).map_err(io::Error::other)?;
    let token = data_encoding::HEXLOWER.encode(&bytes);
    let draft = path.with_extension("token.new");
    match fs::remove_file(&draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    writeln!(file, "{token}")?;
    file.sync_all()?;
    fs::rename(&draft, path)?;
    Ok(token)
}

/// What a header shows as `Bearer`.
pub(super) fn bearer(value: &HeaderValue) -> Option<&[u8]> {
    let (scheme, token) = value.as_bytes().split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| token.trim_ascii())
}

/// Compares hashes, so that the time taken tells nothing of where two texts differ.
fn equal(one: &[u8], other: &[u8]) -> bool {
    Sha256::digest(one) == Sha256::digest(other)
}

/// Lets a request through if whoever sent it may administer the node.
pub(super) async fn required(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    match app.api.admin.check(request.headers()) {
        Ok(()) => next.run(request).await,
        Err(problem) => ([(header::WWW_AUTHENTICATE, "Bearer")], problem).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(address: &str, folder: &Path) -> Admin {
        Admin::for_address(address.parse().unwrap(), folder).unwrap()
    }

    fn shown(value: &str) -> HeaderMap {
        HeaderMap::from_iter([(header::AUTHORIZATION, value.parse().unwrap())])
    }

    #[test]
    fn on_loopback_no_token_is_made() {
        let folder = tempfile::tempdir().unwrap();
        assert!(open("127.0.0.1:5000", folder.path()).check(&HeaderMap::new()).is_ok());
        assert!(open("[::1]:5000", folder.path()).check(&HeaderMap::new()).is_ok());
        assert!(!folder.path().join(FILE).exists());
    }

    #[test]
    fn elsewhere_the_token_is_kept_for_its_owner_and_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let admin = open("0.0.0.0:5000", folder.path());
        let path = folder.path().join(FILE);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let token = fs::read_to_string(&path).unwrap().trim().to_owned();
        assert_eq!(token.len(), 64);
        let Admin::Token { token: again, .. } = open("192.0.2.1:5000", folder.path()) else { panic!() };
        assert_eq!(again, token);

        assert!(admin.check(&shown(&format!("Bearer {token}"))).is_ok());
        assert!(admin.check(&shown(&format!("bearer  {token} "))).is_ok());
        for wrong in ["", "Bearer", "Bearer ", "Basic x", &token, &format!("Bearer {token}0")] {
            assert_eq!(admin.check(&shown(wrong)).unwrap_err().status, 401, "{wrong}");
        }
        assert_eq!(admin.check(&HeaderMap::new()).unwrap_err().status, 401);
    }

    #[test]
    fn an_empty_token_file_is_not_an_empty_token() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(FILE), "\n").unwrap();
        let admin = open("0.0.0.0:5000", folder.path());
        assert!(admin.check(&shown("Bearer ")).is_err());
        assert_ne!(fs::read_to_string(folder.path().join(FILE)).unwrap(), "\n");
    }
}
