//! Who is logged in. A session is known by a token that only its owner has; here lies its hash. Time is
//! an argument.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use data_encoding::HEXLOWER;
use rand::{TryRng as _, rngs::SysRng};
use shared::{Address, Millis, hash::sha256};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::{
    backoff::Backoff,
    name::{AccountName, Email},
    seed::Keys,
};

/// A session that is not used for so long ends.
pub const IDLE: Duration = Duration::from_secs(30 * 60);
/// No session lasts longer, however much it is used.
pub const LONGEST: Duration = Duration::from_secs(12 * 3600);
/// Sessions of one account at a time; one more ends the one that was not used for longest.
const MAX_OF_ACCOUNT: usize = 16;

/// What is hashed in front of a token to make the text that proves a page's own request.
const CSRF_DOMAIN: &[u8] = b"networkmngr csrf 1\n";

/// An account whose keys are at hand. They are overwritten when the last one lets go of it.
#[derive(Debug)]
pub struct Unlocked {
    /// What its owner calls it.
    pub name: AccountName,
    /// Its owner's e-mail address, if there is one.
    pub email: Option<Email>,
    /// Its address.
    pub address: Address,
    /// Its keys.
    pub keys: Keys,
}

/// What its owner shows to use a session: 64 hexadecimal digits, 256 random bits.
pub struct Token(Zeroizing<String>);

impl Token {
    fn generate() -> io::Result<Self> {
        let mut bytes = Zeroizing::new([0; 32]);
        SysRng.try_fill_bytes(&mut *bytes).map_err(io::Error::other)?;
        Ok(Self(Zeroizing::new(HEXLOWER.encode(&*bytes))))
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What a page must show besides the cookie to act: it follows from the token, so that whoever can read
    /// the one knows the other, and another site, which can only make a browser send the cookie, does not.
    pub fn csrf(&self) -> String {
        csrf_of(self.as_str())
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(secret)")
    }
}

/// The proof of a page's own request that belongs to a token, see [`Token::csrf`].
pub fn csrf_of(token: &str) -> String {
    HEXLOWER.encode(&sha256(&[CSRF_DOMAIN, token.as_bytes()]))
}

/// Whether `shown` is the proof that belongs to this token.
pub fn csrf_matches(token: &str, shown: &str) -> bool {
    csrf_of(token).as_bytes().ct_eq(shown.as_bytes()).into()
}

/// Names a session: the SHA-256 of its token. How long it takes to look one up may say something of a
/// hash, but nothing of the token behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SessionId([u8; 32]);

impl SessionId {
    /// The session that this token would be of.
    pub fn of(token: &str) -> Self {
        Self(sha256(&[token.as_bytes()]))
    }
}

#[derive(Debug)]
struct Session {
    account: Arc<Unlocked>,
    begun: Millis,
    used: Millis,
    backoff: Backoff,
}

impl Session {
    fn ends(&self) -> Millis {
        self.used.after(IDLE).min(self.begun.after(LONGEST))
    }
}

/// All sessions.
#[derive(Debug, Default)]
pub struct Sessions(BTreeMap<SessionId, Session>);

impl Sessions {
    /// Begins a session.
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub fn begin(&mut self, account: Arc<Unlocked>, now: Millis) -> io::Result<Token> {
        let token = Token::generate()?;
        let of_account = self.0.iter().filter(|(_, session)| session.account.address == account.address);
        if of_account.clone().count() >= MAX_OF_ACCOUNT {
            let idlest = of_account.min_by_key(|(_, session)| session.used).map(|(id, _)| *id);
            idlest.map(|id| self.0.remove(&id));
        }
        let session = Session { account, begun: now, used: now, backoff: Backoff::default() };
        self.0.insert(SessionId::of(token.as_str()), session);
        Ok(token)
    }

    /// The account of a session that has not ended. The session counts as used.
    pub fn use_one(&mut self, id: &SessionId, now: Millis) -> Option<Arc<Unlocked>> {
        if self.0.get(id)?.ends() <= now {
            self.0.remove(id);
        }
        let session = self.0.get_mut(id)?;
        session.used = now;
        Some(session.account.clone())
    }

    /// The tries of the password that were made in a session.
    pub fn backoff(&mut self, id: &SessionId) -> Option<&mut Backoff> {
        self.0.get_mut(id).map(|session| &mut session.backoff)
    }

    /// Whether this one has not ended. It does not count as used.
    pub fn contains(&self, id: &SessionId) -> bool {
        self.0.contains_key(id)
    }

    /// Whether an account has any.
    pub fn has(&self, address: &Address) -> bool {
        self.0.values().any(|session| session.account.address == *address)
    }

    /// Ends a session; true if there was one.
    pub fn end(&mut self, id: &SessionId) -> bool {
        self.0.remove(id).is_some()
    }

    /// Ends all sessions of an account but this one.
    pub fn end_others(&mut self, address: &Address, but: Option<&SessionId>) {
        self.0.retain(|id, session| session.account.address != *address || Some(id) == but);
    }

    /// Ends what has run out, and says when the next one does.
    pub fn expire(&mut self, now: Millis) -> Option<Millis> {
        self.0.retain(|_, session| session.ends() > now);
        self.0.values().map(Session::ends).min()
    }

    /// Ends all.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}
