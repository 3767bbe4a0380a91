//! The network's folder: where it lies, who may use it, what may be deleted from it. One manager at a
//! time, held by a lock that the system gives back even when the manager is killed.

use std::ffi::OsStr;
use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use node::drivers::http::TOKEN_FILE;

use crate::plan::GENESIS_FILE;
use crate::record::{Manager, Record, VERSION};
use crate::scenario::RUNS_FOLDER;
use crate::timeline::{DAMAGED, EARLIER, FILE};

const LOCK: &str = "lock";
/// How often a folder is taken again that its maker has taken away meanwhile.
const TRIES: usize = 10;
/// How long nodes that a killed manager left behind may take to end.
const LEFTOVERS: Duration = Duration::from_secs(5);

/// The folder of the network on `port`: `given`, or one in the user's data folder.
pub(crate) fn locate(given: Option<&Path>, port: u16) -> anyhow::Result<PathBuf> {
    match given {
        Some(folder) => std::path::absolute(folder).with_context(|| format!("{} names no folder", folder.display())),
        None => Ok(node::cli::data_home()?.join(format!("network-{port}"))),
    }
}

/// A network's folder that this process alone uses, until it is dropped. One that it has made and put nothing
/// into is taken away then.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    lock: File,
    made_in_vain: bool,
    record: Option<Record>,
}

impl Folder {
    /// Takes the folder, making it if there is none. Nothing in it is changed yet.
    ///
    /// # Errors
    /// It cannot be written, another manager uses it, or it is not a network's folder.
    pub(crate) fn take(path: &Path) -> anyhow::Result<Self> {
        for _ in 0..TRIES {
            if let Some(folder) = Self::try_take(path)? {
                return Ok(folder);
            }
        }
        bail!(in_use(path))
    }

    /// `None` if the folder was taken away by its maker while it was opened here.
    fn try_take(path: &Path) -> anyhow::Result<Option<Self>> {
        let unwritable = || format!("cannot write to {}; choose another --data-dir", path.display());
        if path.is_dir() {
            refuse_foreign(path)?;
        }
        let made_in_vain = make(path).with_context(unwritable)?;
        let lock = match File::options().create(true).append(true).open(path.join(LOCK)) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            lock => lock.with_context(unwritable)?,
        };
        match hold(&lock, path) {
            Ok(true) => {}
            Ok(false) => return Ok(None),
            Err(TryLockError::WouldBlock) => bail!(in_use(path)),
            Err(TryLockError::Error(error)) => return Err(error).with_context(unwritable),
        }
        let record = Record::read(path)?;
        Ok(Some(Self { path: path.to_owned(), lock, made_in_vain, record }))
    }

    /// Waits a moment for nodes that a killed manager has left behind. They are about to end by
    /// themselves, and until then they hold their ports.
    pub(crate) fn outwait_leftovers(&self) {
        let nodes = self.record.iter().flat_map(|record| &record.nodes);
        let mut left: Vec<_> = nodes.filter_map(|node| node.process).collect();
        let until = Instant::now() + LEFTOVERS;
        loop {
            left.retain(|process| process.is_alive());
            if left.is_empty() || Instant::now() >= until {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Makes the folder ready for a start by `manager`: deletes what was there if the start is to be
    /// `fresh`, settles which chain spec holds, and writes the record, which it returns.
    ///
    /// # Errors
    /// `genesis` cannot be read or is another network's, or the folder cannot be written.
    pub(crate) fn prepare(&mut self, fresh: bool, genesis: Option<&Path>, manager: Manager) -> anyhow::Result<Record> {
        let given = genesis.map(read_spec).transpose()?;
        let own = self.record.as_ref().and_then(|record| record.genesis.as_ref());
        let own = own.map(|file| read_spec(&self.path.join(file))).transpose()?;
        let differs = given.is_some() && given != own;
        let never_ran = self.record.as_ref().is_none_or(|record| record.first_ready.is_none());
        if differs && !fresh && !never_ran {
            bail!(
                "{} holds the chain of another network than the one in {}; choose another --data-dir, \
                 or delete that chain with --fresh",
                self.path.display(),
                genesis.unwrap_or(Path::new(GENESIS_FILE)).display()
            );
        }
        self.made_in_vain = false;
        if fresh || (differs && never_ran) {
            self.clear()?;
        }
        if let Some(spec) = &given {
            let text = serde_json::to_vec_pretty(spec)?;
            fs::write(self.path.join(GENESIS_FILE), text)
                .with_context(|| format!("cannot write to {}", self.path.display()))?;
        }
        let before = self.record.take();
        let record = Record {
            version: VERSION,
            first_ready: before.as_ref().and_then(|record| record.first_ready.clone()),
            genesis: match given {
                Some(_) => Some(GENESIS_FILE.into()),
                None => before.and_then(|record| record.genesis),
            },
            manager: Some(manager),
            nodes: vec![],
        };
        fs::create_dir_all(self.path.join("logs"))
            .with_context(|| format!("cannot write to {}", self.path.display()))?;
        record.write(&self.path)?;
        Ok(record)
    }

    /// Deletes what networks leave in their folder, and nothing else that may lie there.
    fn clear(&mut self) -> anyhow::Result<()> {
        let listed = fs::read_dir(&self.path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        for entry in listed.with_context(|| format!("cannot read {}", self.path.display()))? {
            let name = entry.file_name();
            if name == LOCK || !is_ours(&name) {
                continue;
            }
            let path = entry.path();
            let gone = match entry.file_type() {
                Ok(kind) if kind.is_dir() => fs::remove_dir_all(&path),
                _ => fs::remove_file(&path),
            };
            gone.with_context(|| format!("cannot delete {}", path.display()))?;
        }
        self.record = None;
        Ok(())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.made_in_vain && is_bare(&self.path) {
            // Under the lock: whoever opened it before looks, once it has it, whether it still lies there. A folder
            // into which somebody else has put something meanwhile stays.
            let _ = fs::remove_file(self.path.join(LOCK)).and_then(|()| fs::remove_dir(&self.path));
        }
        let _ = self.lock.unlock();
    }
}

/// Makes the folder and those above it; tells whether there was none.
fn make(path: &Path) -> io::Result<bool> {
    if let Some(above) = path.parent() {
        fs::create_dir_all(above)?;
    }
    match fs::create_dir(path) {
        Ok(()) => Ok(true),
        // If it is gone again by now, that shows when the lock is opened.
        Err(error) if error.kind() == ErrorKind::AlreadyExists && (path.is_dir() || !path.is_symlink()) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Takes the lock, which was opened in `folder`. Tells whether it still lies there, and so means anything.
fn hold(lock: &File, folder: &Path) -> Result<bool, TryLockError> {
    lock.try_lock()?;
    let same = |one: fs::Metadata, other: fs::Metadata| (one.dev(), one.ino()) == (other.dev(), other.ino());
    let there = fs::metadata(folder.join(LOCK)).and_then(|there| Ok(same(there, lock.metadata()?)));
    Ok(there.unwrap_or(false))
}

/// Whether nothing but the lock lies in the folder.
fn is_bare(path: &Path) -> bool {
    fs::read_dir(path).is_ok_and(|mut entries| entries.all(|entry| entry.is_ok_and(|entry| entry.file_name() == LOCK)))
}

/// The genesis block of the network in a folder; `None` if its chain spec is none that a node would take.
pub(crate) fn genesis_hash(path: &Path, record: &Record) -> Option<shared::BlockHash> {
    let spec = match &record.genesis {
        None => shared::ChainSpec::practice(),
        Some(file) => serde_json::from_value(read_spec(&path.join(file)).ok()?).ok()?,
    };
    shared::Network::new(spec).ok().map(|network| network.genesis_hash())
}

/// Waits until no manager uses the folder any more.
pub(crate) fn wait_until_free(path: &Path) -> anyhow::Result<()> {
    let lock = File::open(path.join(LOCK)).with_context(|| format!("cannot read {}", path.display()))?;
    lock.lock_shared().with_context(|| format!("cannot wait for {}", path.display()))
}

/// A folder with something in it, but no `network.json`, is somebody's else.
fn refuse_foreign(path: &Path) -> anyhow::Result<()> {
    let entries = match fs::read_dir(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        entries => entries.with_context(|| format!("cannot read {}", path.display()))?,
    };
    let mut foreign = false;
    for entry in entries {
        let name = entry.with_context(|| format!("cannot read {}", path.display()))?.file_name();
        if name == "network.json" {
            return Ok(());
        }
        foreign |= name != LOCK;
    }
    if foreign {
        bail!(
            "{} is no network's folder: it is not empty and has no network.json; choose another --data-dir",
            path.display()
        );
    }
    Ok(())
}

fn is_ours(name: &OsStr) -> bool {
    let Some(name) = name.to_str() else {
        return false;
    };
    let node = name.strip_prefix("node-").is_some_and(|number| number.parse::<u16>().is_ok());
    node || matches!(
        name,
        "logs"
            | "network.json"
            | "network.json.new"
            | GENESIS_FILE
            | TOKEN_FILE
            | FILE
            | EARLIER
            | DAMAGED
            | RUNS_FOLDER
    )
}

fn in_use(path: &Path) -> String {
    let shown = path.display();
    match Record::read(path) {
        Ok(Some(Record { manager: Some(manager), .. })) => format!(
            "a network already runs in {shown}: its manager is {}, process {}; stop it with \
             `networkmngr stop --data-dir {shown}`, or start another with other -p and --data-dir",
            manager.address, manager.process.pid
        ),
        _ => format!("another manager is just starting or stopping in {shown}; try again in a moment"),
    }
}

fn read_spec(path: &Path) -> anyhow::Result<serde_json::Value> {
    let text = fs::read(path).with_context(|| format!("cannot read the chain spec {}", path.display()))?;
    serde_json::from_slice(&text).with_context(|| format!("the chain spec {} is not JSON", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(path: &Path) -> Folder {
        Folder::take(path).unwrap()
    }

    fn prepare(path: &Path, fresh: bool, genesis: Option<&Path>) -> anyhow::Result<Record> {
        let address = "http://127.0.0.1:4999".to_owned();
        let process = crate::record::Process::of(std::process::id());
        taken(path).prepare(fresh, genesis, Manager { address, process, since: String::new() })
    }

    fn mark_as_run(path: &Path) {
        let mut record = Record::read(path).unwrap().unwrap();
        record.first_ready = Some("2026-11-21 02:17:05".to_owned());
        record.write(path).unwrap();
    }

    #[test]
    fn one_manager_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("net");
        let folder = taken(&path);
        let error = Folder::take(&path).unwrap_err().to_string();
        assert!(error.contains("another manager"), "{error}");
        drop(folder);
        taken(&path);
    }

    #[test]
    fn a_folder_made_in_vain_is_taken_away() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("net");
        drop(taken(&path));
        assert!(!path.exists());
        let error = prepare(&path, false, Some(&dir.path().join("none.json"))).unwrap_err().to_string();
        assert!(error.contains("cannot read the chain spec") && !path.exists(), "{error}");
        // What was there before stays, and so does what somebody has put in.
        fs::create_dir(&path).unwrap();
        drop(taken(&path));
        assert!(path.join(LOCK).exists());
        fs::remove_dir_all(&path).unwrap();
        let folder = taken(&path);
        fs::write(path.join("notes.txt"), "keep").unwrap();
        drop(folder);
        assert!(path.join("notes.txt").exists());
        fs::remove_dir_all(&path).unwrap();
        prepare(&path, false, None).unwrap();
        assert!(path.join(LOCK).exists() && path.join("network.json").exists());
    }

    #[test]
    fn the_lock_of_a_folder_that_was_taken_away_counts_for_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("net");
        let folder = taken(&path);
        let opened = File::open(path.join(LOCK)).unwrap();
        assert!(matches!(hold(&opened, &path), Err(TryLockError::WouldBlock)));
        drop(folder);
        assert!(matches!(hold(&opened, &path), Ok(false)));
        let next = taken(&path);
        assert!(matches!(hold(&opened, &path), Ok(false)));
        next.lock.unlock().unwrap();
        let opened = File::open(path.join(LOCK)).unwrap();
        assert!(matches!(hold(&opened, &path), Ok(true)));
    }

    #[test]
    fn foreign_folders_are_left_alone_even_when_fresh() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("thesis.txt"), "years of work").unwrap();
        let error = Folder::take(dir.path()).unwrap_err().to_string();
        assert!(error.contains("no network's folder"), "{error}");
        let left: Vec<_> = fs::read_dir(dir.path()).unwrap().collect();
        assert_eq!(left.len(), 1);
    }

    #[test]
    fn fresh_deletes_the_network_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        prepare(dir.path(), false, None).unwrap();
        mark_as_run(dir.path());
        for name in ["node-000", "node-1000", "node-mine"] {
            fs::create_dir(dir.path().join(name)).unwrap();
        }
        fs::write(dir.path().join("notes.txt"), "keep").unwrap();
        assert_eq!(prepare(dir.path(), true, None).unwrap().first_ready, None);
        for (name, kept) in [("node-000", false), ("node-1000", false), ("node-mine", true), ("notes.txt", true)] {
            assert_eq!(dir.path().join(name).exists(), kept, "{name}");
        }
    }

    #[test]
    fn a_folder_keeps_its_chain_spec() {
        let dir = tempfile::tempdir().unwrap();
        let spec = dir.path().join("a.json");
        let same = dir.path().join("same.json");
        let other = dir.path().join("b.json");
        fs::write(&spec, r#"{"name":"a"}"#).unwrap();
        fs::write(&same, "{ \"name\" : \"a\" }\n").unwrap();
        fs::write(&other, r#"{"name":"b"}"#).unwrap();
        let path = dir.path().join("net");
        let prepare =
            |genesis: Option<&Path>, fresh| super::tests::prepare(&path, fresh, genesis).map(|record| record.genesis);
        prepare(Some(&other), false).unwrap();
        // No network ever ran on that spec, so another may still take its place.
        prepare(Some(&spec), false).unwrap();
        mark_as_run(&path);
        assert_eq!(prepare(None, false).unwrap(), Some(GENESIS_FILE.into()));
        assert_eq!(prepare(Some(&same), false).unwrap(), Some(GENESIS_FILE.into()));
        let error = prepare(Some(&other), false).unwrap_err().to_string();
        assert!(error.contains("another network"), "{error}");
        prepare(Some(&other), true).unwrap();
    }

    #[test]
    fn folders_that_cannot_be_made_are_named() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, "").unwrap();
        let error = Folder::take(&file.join("net")).unwrap_err().to_string();
        assert!(error.contains("cannot write to"), "{error}");
        let spec = file.with_extension("json");
        let error = prepare(&dir.path().join("net"), false, Some(&spec)).unwrap_err().to_string();
        assert!(error.contains("cannot read the chain spec"), "{error}");
    }
}
