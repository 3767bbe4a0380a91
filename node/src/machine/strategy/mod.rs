//! What a node mines on and when it tells of its blocks: the honest way, and the known ways not to. The
//! settings are here, and what becomes of them while they are in force; keeping blocks back is in
//! `withhold`, telling untruths in `lie`. Nothing here touches fork choice: the chain is what others may
//! see, and a block that is kept back is not part of it before it is published.

mod lie;
mod withhold;

use std::collections::BTreeSet;
use std::sync::Arc;

use shared::{Address, BlockHash, CheckedBlock, CheckedTransaction, Height, TxId};

pub use self::lie::Lie;
use self::withhold::Branch;
use super::{
    Machine,
    effect::{Refused, Reply},
    event::RequestId,
    store::{Result, Store},
};

/// Which of two tips with equal work a node takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tie {
    /// The one that it saw first, as honest nodes do.
    #[default]
    FirstSeen,
    /// The one whose block this miner mined. Given to nodes with a share γ of the honest hash power, it
    /// is what the literature calls γ: the share that mines on an attacker's block in a race.
    Prefer(Address),
}

/// How a node mines.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Strategy {
    /// On the tip, and every block is told of at once.
    #[default]
    Honest,
    /// As Eyal and Sirer describe it (Majority is not Enough: Bitcoin Mining is Vulnerable, 2014,
    /// algorithm 1): its blocks are kept back and told of as others catch up.
    Selfish,
    /// A branch in secret, published as a whole when it wins.
    Private(Attack),
    /// Breaking the rules among peers.
    Liar {
        /// Which of them.
        what: Lie,
    },
}

/// A double spend or a forced reorganisation: a branch that is mined in secret and published when the
/// public one has enough blocks and less work. After that, as after giving up, the node mines honestly
/// on the tip, but goes on leaving the same transactions out.
#[derive(Debug, Clone, PartialEq)]
pub struct Attack {
    /// The block to begin on; the tip at that time unless given.
    pub from: Option<BlockHash>,
    /// How many blocks on top of that one the public branch has at least when it is attacked.
    pub confirmations: u32,
    /// How many blocks longer the private branch has to be then; having more work is enough unless given.
    pub lead: Option<u32>,
    /// Give up when the private branch is so many blocks shorter than the public one. More than it is at
    /// the beginning.
    pub give_up: u32,
    /// Transactions that are not mined, and with them nothing that their senders signed later.
    pub leave_out: BTreeSet<TxId>,
    /// Transactions for the private branch alone, such as a payment of the same money to somebody else.
    /// Peers see them when the branch is published.
    pub instead: Vec<Arc<CheckedTransaction>>,
}

/// How an attack ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The branch was published.
    Published,
    /// The public branch was too far ahead.
    GivenUp,
}

/// What is in force, and what has become of it.
#[derive(Debug, Clone, PartialEq)]
pub struct StrategyStatus {
    /// How this node mines.
    pub strategy: Strategy,
    /// Which of two tips with equal work it takes.
    pub tie: Tie,
    /// How many own blocks it keeps back.
    pub withheld: u32,
    /// The height of the tip that it shows to others.
    pub public: Height,
    /// The height of the block that it mines on.
    pub private: Height,
    /// How the attack ended, if one was set and has.
    pub ending: Option<Ending>,
}

/// The strategy in force and its state.
#[derive(Debug)]
pub struct Conduct {
    strategy: Strategy,
    /// What is mined on while it is not the tip.
    branch: Option<Branch>,
    ending: Option<Ending>,
    /// The tip that the branch was last weighed against.
    seen: BlockHash,
}

impl Conduct {
    /// Honest, at this tip.
    pub fn new(tip: BlockHash) -> Self {
        Self { strategy: Strategy::Honest, branch: None, ending: None, seen: tip }
    }

    fn attack(&self) -> Option<&Attack> {
        match &self.strategy {
            Strategy::Private(attack) => Some(attack),
            Strategy::Honest | Strategy::Selfish | Strategy::Liar { .. } => None,
        }
    }

    /// What is never put into a template.
    pub fn left_out(&self) -> &BTreeSet<TxId> {
        static NOTHING: BTreeSet<TxId> = BTreeSet::new();
        self.attack().map_or(&NOTHING, |attack| &attack.leave_out)
    }

    /// Whether a block has something that is left out.
    pub fn shuns(&self, block: &CheckedBlock) -> bool {
        let left_out = self.left_out();
        !left_out.is_empty() && block.transactions().iter().any(|transaction| left_out.contains(&transaction.id()))
    }
}

impl<S: Store> Machine<S> {
    /// Whether it tells of every block that it mines.
    pub fn is_honest(&self) -> bool {
        self.conduct.strategy == Strategy::Honest
    }

    /// Begins with the configured strategy. An attack that cannot begin is given up.
    pub(super) fn open_strategy(&mut self) -> Result<()> {
        self.chain.set_tie(self.config.tie);
        let strategy = self.config.strategy.clone();
        if self.take_up(strategy.clone())?.is_err() {
            self.conduct.strategy = strategy;
            self.conduct.ending = Some(Ending::GivenUp);
        }
        Ok(())
    }

    /// Changes what is given, and tells what is in force then.
    pub(super) fn set_strategy(&mut self, id: RequestId, strategy: Option<Strategy>, tie: Option<Tie>) -> Result<()> {
        if let Some(strategy) = strategy
            && let Err(refused) = self.take_up(strategy)?
        {
            self.reply(id, Reply::Refused(refused));
            return Ok(());
        }
        if let Some(tie) = tie {
            self.chain.set_tie(tie);
        }
        self.tell_strategy(id);
        Ok(())
    }

    /// Mines like this from now on. What was kept back is published if it wins, and forgotten otherwise.
    fn take_up(&mut self, strategy: Strategy) -> Result<std::result::Result<(), Refused>> {
        if let Strategy::Private(attack) = &strategy
            && let Err(refused) = self.judge_attack(attack)?
        {
            return Ok(Err(refused));
        }
        self.end_withholding()?;
        let branch = match &strategy {
            Strategy::Private(attack) => self.branch_from(attack.from.unwrap_or(self.chain.tip().hash))?.ok(),
            Strategy::Honest | Strategy::Selfish | Strategy::Liar { .. } => None,
        };
        self.conduct = Conduct { strategy, branch, ending: None, seen: self.chain.tip().hash };
        // What was published just now may have left the branch too far behind.
        self.weigh_private()?;
        self.begin_to_lie();
        self.renew_job();
        Ok(Ok(()))
    }

    pub(super) fn tell_strategy(&mut self, id: RequestId) {
        let public = self.chain.tip().position.height;
        let branch = self.conduct.branch.as_ref();
        let status = StrategyStatus {
            strategy: self.conduct.strategy.clone(),
            tie: self.chain.tie(),
            withheld: branch.map_or(0, Branch::withheld),
            public,
            private: branch.map_or(public, Branch::height),
            ending: self.conduct.ending,
        };
        self.reply(id, Reply::Strategy(Box::new(status)));
    }
}
