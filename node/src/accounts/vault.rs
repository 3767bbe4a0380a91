//! The accounts of a node: those on disk, and those whose owners are logged in. Whoever asks for something
//! secret has shown a password here, or uses a session that began with one. Time is an argument. What takes
//! as long as trying a password says so, and is for a thread that may block.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use shared::{Address, Millis};

use super::{
    backoff::Backoffs,
    directory::{Directory, DirectoryError, Listing},
    keystore::{Contents, Keystore, OpenError, SealError},
    miner::{self, MinerError},
    name::{AccountName, Email},
    password::{Cost, NewPassword, NoMemory, Password, PasswordError},
    seed::{Seed, Words},
    session::{SessionId, Sessions, Token, Unlocked},
};

/// All accounts of one node.
#[derive(Debug)]
pub struct Vault {
    data_dir: PathBuf,
    directory: Directory,
    cost: Cost,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    sessions: Sessions,
    backoffs: Backoffs,
    practice: Option<Arc<Unlocked>>,
}

/// An account that was just made.
#[derive(Debug)]
pub struct Created {
    /// Its name.
    pub name: AccountName,
    /// Its address.
    pub address: Address,
    /// What its owner writes down.
    pub words: Words,
}

/// A session that was just begun.
#[derive(Debug)]
pub struct LoggedIn {
    /// What its owner uses it with.
    pub token: Token,
    /// Whose it is.
    pub account: Arc<Unlocked>,
}

/// Why something is not done.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// There is no such account, or it has another password; which of the two is not told.
    #[error("the name or the password is wrong")]
    Login,
    /// The account of the session has another password.
    #[error("the password is wrong")]
    Password,
    /// After wrong passwords.
    #[error("too many wrong passwords; try again in {} s", .0.as_millis().div_ceil(1_000))]
    Wait(Duration),
    /// The session has ended meanwhile.
    #[error("the session has ended")]
    Ended,
    /// The miner's account is the node's own.
    #[error("the name miner is that of the account that gets this node's rewards; choose another one")]
    Miner,
    /// The words are another account's here.
    #[error(
        "these words are of the account {0}, which this node has already; restore it under that name to give it a \
         new password"
    )]
    OtherName(AccountName),
    /// The file of an account is gone.
    #[error("the account's file is gone; restore the account from its words")]
    Gone,
    /// A password that may not be set.
    #[error(transparent)]
    NewPassword(#[from] PasswordError),
    /// The folder of accounts.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// The account's file opens, but not as it should.
    #[error(transparent)]
    Open(OpenError),
    /// Nothing can be locked or unlocked at the moment.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The miner's seed.
    #[error(transparent)]
    MinerSeed(#[from] MinerError),
}

impl From<NoMemory> for VaultError {
    fn from(error: NoMemory) -> Self {
        Self::Seal(error.into())
    }
}

impl Vault {
    /// The accounts in a data folder. `cost` is that of new passwords. With `practice`, the miner's account
    /// is unlocked for everybody.
    ///
    /// # Errors
    /// When the miner's account is to be unlocked and its seed cannot be had.
    pub fn open(data_dir: &Path, cost: Cost, practice: bool) -> Result<Self, MinerError> {
        let practice = if practice { Some(Arc::new(unlocked_miner(data_dir)?)) } else { None };
        Ok(Self {
            data_dir: data_dir.to_owned(),
            directory: Directory::of(data_dir),
            cost,
            state: Mutex::new(State { practice, ..State::default() }),
        })
    }

    /// The account that needs no session, on a node of a practice network.
    pub fn practice(&self) -> Option<Arc<Unlocked>> {
        self.state().practice.clone()
    }

    /// All accounts on disk.
    ///
    /// # Errors
    /// When their folder cannot be read.
    pub fn list(&self) -> Result<Listing, DirectoryError> {
        self.directory.list()
    }

    /// Makes an account with a new seed. Takes as long as trying a password.
    ///
    /// # Errors
    /// When the name or the password cannot be taken, or the file not be written.
    pub fn create(&self, name: AccountName, password: Password, email: Option<Email>) -> Result<Created, VaultError> {
        let password = self.fit(&name, password)?;
        if self.directory.find(&name)?.is_some() {
            return Err(DirectoryError::Taken(name).into());
        }
        let seed = Seed::generate().map_err(SealError::from)?;
        let contents = Contents { seed, email };
        let keystore = Keystore::seal(name, &password, &contents, self.cost)?;
        self.directory.create(&keystore)?;
        let (name, address) = (keystore.name().clone(), keystore.address());
        Ok(Created { name, address, words: contents.seed.words() })
    }

    /// Makes an account with a seed that its owner had written down. Where the account is here already, under
    /// the same name, it gets the new password, and its sessions end: whoever has the words needs no other
    /// proof. Takes as long as trying a password.
    ///
    /// # Errors
    /// When the name or the password cannot be taken, or the file not be written.
    pub fn restore(
        &self,
        name: AccountName,
        password: Password,
        seed: Seed,
        email: Option<Email>,
    ) -> Result<Address, VaultError> {
        let password = self.fit(&name, password)?;
        let contents = Contents { seed, email };
        let address = contents.seed.keys().address();
        let same_name = self.directory.find(&name)?;
        match &same_name {
            Some(found) if found.address() != address => return Err(DirectoryError::Taken(name).into()),
            Some(_) => {}
            None => {
                let known = self.directory.list()?.accounts.into_iter().find(|listed| listed.address == address);
                if let Some(known) = known {
                    return Err(VaultError::OtherName(known.name));
                }
            }
        }
        let keystore = Keystore::seal(name, &password, &contents, self.cost)?;
        if same_name.is_some() {
            self.directory.replace(&keystore)?;
            self.state().sessions.end_others(&address, None);
        } else {
            self.directory.create(&keystore)?;
        }
        Ok(address)
    }

    /// What an account that is to be made may not be.
    fn fit(&self, name: &AccountName, password: Password) -> Result<NewPassword, VaultError> {
        if name.is_miner() {
            return Err(VaultError::Miner);
        }
        Ok(NewPassword::try_from(password)?)
    }

    /// Begins a session. Takes as long as trying a password, also when there is no such account.
    ///
    /// # Errors
    /// When the name or the password is wrong, or it is too early for another try.
    pub fn log_in(&self, name: &AccountName, password: &Password, now: Millis) -> Result<LoggedIn, VaultError> {
        if name.is_miner() {
            return Err(VaultError::Miner);
        }
        self.state().backoffs.of(&name.key()).begin(now).map_err(VaultError::Wait)?;
        let Some(keystore) = self.directory.find(name)? else {
            // Nobody is to learn from the time that passes which accounts there are.
            self.cost.key(password, &[0; 16])?;
            return Err(VaultError::Login);
        };
        let contents = open(&keystore, password, VaultError::Login)?;
        let account = Arc::new(Unlocked {
            name: keystore.name().clone(),
            email: contents.email,
            address: keystore.address(),
            keys: contents.seed.keys(),
        });
        let mut state = self.state();
        state.backoffs.right(&name.key());
        let token = state.sessions.begin(account.clone(), now).map_err(SealError::from)?;
        Ok(LoggedIn { token, account })
    }

    /// The account of a session that has not ended. The session counts as used.
    pub fn session(&self, id: &SessionId, now: Millis) -> Option<Arc<Unlocked>> {
        self.state().sessions.use_one(id, now)
    }

    /// Whether a session has not ended. It does not count as used.
    pub fn knows(&self, id: &SessionId) -> bool {
        self.state().sessions.contains(id)
    }

    /// Ends a session; true if there was one.
    pub fn log_out(&self, id: &SessionId) -> bool {
        self.state().sessions.end(id)
    }

    /// The seed of a session's account, for whoever shows the password again. Wrong tries are counted apart
    /// from those of logging in, so that no stranger can keep the owner from spending. Takes as long as
    /// trying a password.
    ///
    /// # Errors
    /// When the password is wrong, it is too early for another try, or the session has ended.
    pub fn confirm(&self, id: &SessionId, password: &Password, now: Millis) -> Result<Contents, VaultError> {
        let account = self.session(id, now).ok_or(VaultError::Ended)?;
        let begun = self.state().sessions.backoff(id).map(|backoff| backoff.begin(now));
        begun.ok_or(VaultError::Ended)?.map_err(VaultError::Wait)?;
        let keystore = self.directory.find(&account.name)?.ok_or(VaultError::Gone)?;
        if keystore.address() != account.address {
            return Err(VaultError::Gone);
        }
        let contents = open(&keystore, password, VaultError::Password)?;
        if let Some(backoff) = self.state().sessions.backoff(id) {
            backoff.right();
        }
        Ok(contents)
    }

    /// Gives a session's account another password, and ends its other sessions. Takes as long as trying two
    /// passwords.
    ///
    /// # Errors
    /// As [`Vault::confirm`], when the new password cannot be taken, or the file not be written.
    pub fn change_password(
        &self,
        id: &SessionId,
        password: &Password,
        new: Password,
        now: Millis,
    ) -> Result<(), VaultError> {
        let new = NewPassword::try_from(new)?;
        let account = self.session(id, now).ok_or(VaultError::Ended)?;
        let contents = self.confirm(id, password, now)?;
        let keystore = Keystore::seal(account.name.clone(), &new, &contents, self.cost)?;
        self.directory.replace(&keystore)?;
        self.state().sessions.end_others(&account.address, Some(id));
        Ok(())
    }

    /// The seed of the practice account, if there is one.
    ///
    /// # Errors
    /// When its file cannot be read.
    pub fn practice_seed(&self) -> Result<Option<Seed>, MinerError> {
        if self.practice().is_none() {
            return Ok(None);
        }
        miner::read(&self.data_dir)
    }

    /// Whether somebody is logged in to this account, or everybody is.
    pub fn is_unlocked(&self, address: &Address) -> bool {
        let state = self.state();
        state.practice.as_ref().is_some_and(|account| account.address == *address) || state.sessions.has(address)
    }

    /// The data folder in which the accounts lie.
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// Ends sessions that have run out, and says when the next one does.
    pub fn expire(&self, now: Millis) -> Option<Millis> {
        self.state().sessions.expire(now)
    }

    /// Lets go of all keys. Nothing can be signed afterwards.
    pub fn close(&self) {
        let mut state = self.state();
        state.sessions.clear();
        state.practice = None;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn open(keystore: &Keystore, password: &Password, wrong: VaultError) -> Result<Contents, VaultError> {
    keystore.open(password).map_err(|error| match error {
        OpenError::Password => wrong,
        OpenError::NoMemory(error) => error.into(),
        error @ OpenError::Contents => VaultError::Open(error),
    })
}

fn unlocked_miner(data_dir: &Path) -> Result<Unlocked, MinerError> {
    let keys = miner::read_or_make(data_dir)?.keys();
    Ok(Unlocked { name: AccountName::miner(), email: None, address: keys.address(), keys })
}
