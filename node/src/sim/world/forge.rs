//! Blocks with valid work that break one rule of the ledger, made on a node's tip.

use rand::RngExt;
use shared::{Amount, Block, Header, LogRoot, Payload, Transaction};

use super::{World, users::record};

/// How a block breaks the rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cheat {
    /// Its miner gets a unit too much.
    Reward,
    /// It commits to another log.
    LogRoot,
    /// It commits to a log of another size.
    LogSize,
    /// Two transactions of one sender stand in the wrong order.
    Order,
    /// It has the same transaction twice.
    Twice,
    /// It has a transaction that the chain below has.
    Replay,
    /// It has a payment that the sender cannot afford.
    Overdraft,
    /// It has a transaction that was signed for another network, or changed.
    Forged,
}

impl Cheat {
    pub(super) const ALL: [Self; 8] = [
        Self::Reward,
        Self::LogRoot,
        Self::LogSize,
        Self::Order,
        Self::Twice,
        Self::Replay,
        Self::Overdraft,
        Self::Forged,
    ];
}

impl World {
    /// A block on a node's tip that cheats in one respect; none when there is nothing to make it of.
    pub(super) fn forge(&mut self, node: usize, cheat: Cheat) -> Option<Block> {
        let mut block = self.block_on(node)?;
        let transactions = self.bad_transactions(node, cheat)?;
        if !transactions.is_empty() {
            block.transactions = transactions;
        }
        self.commit_to_transactions(node, &mut block)?;
        match cheat {
            Cheat::Reward => block.coinbase.reward = block.coinbase.reward.checked_add(Amount::new(1)?)?,
            Cheat::LogRoot => block.coinbase.log_root = LogRoot([9; 32]),
            Cheat::LogSize => block.coinbase.log_size += 1,
            _ => {}
        }
        block.header = prove(Header { coinbase_hash: block.coinbase.hash(), ..block.header });
        Some(block)
    }

    /// The block that a node's miner would make.
    pub(super) fn block_on(&self, node: usize) -> Option<Block> {
        let (_, template) = self.nodes[node].job.as_ref()?;
        let header = prove(template.header(7, self.now));
        Some(template.solve(header, 7, &self.config.network).ok()?.to_block())
    }

    /// Transactions that cannot be in a block on a node's tip; none when the cheat is another one.
    fn bad_transactions(&mut self, node: usize, cheat: Cheat) -> Option<Vec<Transaction>> {
        let purse = self.purse_on_chain(node)?;
        let payload = record(&mut self.rng);
        let file = |world: &Self, nonce| world.sign_in_secret(purse.user, nonce, Amount::ZERO, payload.clone());
        Some(match cheat {
            Cheat::Reward | Cheat::LogRoot | Cheat::LogSize => Vec::new(),
            Cheat::Order => vec![file(self, purse.nonce + 1), file(self, purse.nonce)],
            Cheat::Twice => vec![file(self, purse.nonce); 2],
            Cheat::Replay => vec![(**self.any_confirmed(node)?).clone()],
            Cheat::Overdraft => {
                let amount = Amount::new(purse.left + self.rng.random_range(1..1_000))?;
                let payload = Payload::Transfer { to: self.users.miner(node), amount };
                vec![self.sign_in_secret(purse.user, purse.nonce, Amount::ZERO, payload)]
            }
            Cheat::Forged => vec![self.forged(purse)],
        })
    }

    /// Makes the coinbase right for the block's transactions, as far as they can be right.
    fn commit_to_transactions(&self, node: usize, block: &mut Block) -> Option<()> {
        let mut log = self.nodes[node].machine.as_ref()?.tip().log.clone();
        let coinbase = &mut block.coinbase;
        coinbase.reward = self.config.network.spec().subsidy_at(coinbase.height);
        for transaction in &block.transactions {
            log.append(transaction.id());
            coinbase.reward = coinbase.reward.checked_add(transaction.fee)?;
        }
        (coinbase.log_size, coinbase.log_root) = (log.size(), log.root());
        Some(())
    }
}

/// A header with its work.
pub(super) fn prove(mut header: Header) -> Header {
    while header.proven_hash().is_err() {
        header.nonce = header.nonce.wrapping_add(1);
    }
    header
}
