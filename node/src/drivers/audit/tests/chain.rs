//! A chain as a node leaves it on disk: payments and data, a reorganisation, branches that lost, one that
//! broke a rule, a transaction that waits, a seal.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use redb::backends::FileBackend;
use shared::{Address, Amount, CheckedBlock, CheckedTransaction, Millis};

use super::super::{Fault, Report, Stop, audit};
use crate::{
    drivers::store::{CHAIN_FILE, RedbStore, Repair, Snapshot, open_on},
    machine::{
        Machine,
        config::Config,
        event::{Event, Request, RequestId},
        tests::branch::{self, Branch, checked, key, note, pay},
    },
};

/// After every block of the tests.
pub fn now() -> Millis {
    Millis::from(branch::network().genesis().header().time).after(Duration::from_secs(200_000))
}

/// A node without anybody around it.
pub struct Keeper {
    machine: Machine<RedbStore>,
    requests: u64,
}

impl Keeper {
    pub fn open(folder: &Path) -> Self {
        Self::over(RedbStore::open(folder, &branch::network()).unwrap())
    }

    /// Whose commits prepare for this repair, however long the file is.
    pub fn prepared(folder: &Path, repair: Repair) -> Self {
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create_new(true).open(folder.join(CHAIN_FILE)).unwrap();
        Self::over(open_on(FileBackend::new(file).unwrap(), &branch::network(), move || repair).unwrap())
    }

    fn over(store: RedbStore) -> Self {
        let config = Config { miner: Address::of(&key(1)), ..Config::alone(branch::network(), 1) };
        Self { machine: Machine::open(config, store, now()).unwrap().0, requests: 0 }
    }

    fn ask(&mut self, request: Request) {
        self.requests += 1;
        self.machine.handle(Event::Request { id: RequestId(self.requests), request }, now()).unwrap();
    }

    pub fn take(&mut self, blocks: &[Arc<CheckedBlock>]) {
        blocks.iter().for_each(|block| self.ask(Request::SubmitBlock(block.clone())));
    }

    pub fn submit(&mut self, transaction: Arc<CheckedTransaction>) {
        self.ask(Request::SubmitTransaction(transaction));
    }

    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.machine.store().reader().snapshot()
    }

    pub fn height(&self) -> u32 {
        self.machine.tip().position.height.0
    }
}

/// A folder with the chain, and what it was made of.
pub struct World {
    pub folder: tempfile::TempDir,
    /// The active chain, from the first block above genesis on.
    pub active: Branch,
    /// The branch that was active before.
    pub lost: Branch,
    /// The transaction that waits.
    pub waiting: Arc<CheckedTransaction>,
}

/// Where `lost` leaves the active chain: the last block they share.
pub const FORK: usize = 6;

impl World {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut keeper = Keeper::open(folder.path());
        let world = Self::grow(folder, &mut keeper);
        drop(keeper);
        world
    }

    /// Lets a node take everything, in the folder that it keeps its chain in.
    pub fn grow(folder: tempfile::TempDir, keeper: &mut Keeper) -> Self {
        let [ann, ben, cem] = [1, 2, 3].map(key);
        let mut trunk = Branch::of(&ann);
        trunk.grow(2);
        trunk.grow_with(vec![
            pay(&ann, 0, Address::of(&ben), 1_000_000, 3),
            pay(&ann, 1, Address::of(&cem), 1_000_000, 2),
        ]);
        trunk.grow_with(vec![pay(&ben, 0, Address::of(&ben), 5, 1), note(&cem, 0, 100, 1)]);
        trunk.grow(FORK - 4);
        keeper.take(&trunk.blocks);

        let (mut lost, mut active) = (trunk.fork(&cem), trunk.fork(&ben));
        lost.grow_with(vec![pay(&ben, 1, Address::of(&key(9)), 77, 1), note(&cem, 1, 5, 1)]);
        lost.grow(2);
        keeper.take(&lost.blocks[FORK..]);
        active.grow_with(vec![pay(&ben, 1, Address::of(&key(8)), 33, 1)]);
        active.grow(3);
        keeper.take(&active.blocks[FORK..]);

        let mut behind = active.fork(&cem);
        active.grow(3);
        keeper.take(&active.blocks[FORK + 4..]);
        behind.grow_with(vec![pay(&ben, 2, Address::of(&ann), 1, 0)]);
        behind.grow(1);
        keeper.take(&behind.blocks[FORK + 4..]);

        let mut cheat = active.fork(&cem);
        active.grow_with((1..=250).map(|nonce| note(&cem, nonce, 3, 1)).collect());
        keeper.take(&active.blocks[FORK + 7..]);
        let mut greedy = cheat.draft(Vec::new());
        greedy.coinbase.reward = greedy.coinbase.reward.checked_add(Amount::new(1).unwrap()).unwrap();
        cheat.push(greedy.checked());
        cheat.grow(1);
        keeper.take(&cheat.blocks[FORK + 7..]);

        active.grow_with((2..=9).map(|nonce| pay(&ben, nonce, Address::of(&cem), nonce, 1)).collect());
        active.grow(12);
        keeper.take(&active.blocks[FORK + 8..]);
        let waiting = checked(pay(&ben, 10, Address::of(&ann), 4, 1));
        keeper.submit(waiting.clone());
        assert_eq!(keeper.height() as usize, active.blocks.len());
        Self { folder, active, lost, waiting }
    }

    pub fn file(&self) -> PathBuf {
        self.folder.path().join("chain.redb")
    }
}

/// The outcome for the chain in a folder.
pub fn audited(folder: &Path) -> Result<Report, Fault> {
    check(&RedbStore::open(folder, &branch::network()).unwrap().reader().snapshot())
}

pub fn check(snapshot: &Snapshot) -> Result<Report, Fault> {
    match audit(snapshot, &branch::network(), now(), &mut |_| true) {
        Ok(report) => Ok(report),
        Err(Stop::Fault(fault)) => Err(*fault),
        Err(other) => panic!("{other:?}"),
    }
}
