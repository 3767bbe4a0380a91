//! Blocks that are kept back: the branch that they form, what is mined on it, and when it is published.
//! It is held in memory alone, beside the chain, so that nothing of it can be told by mistake: not in
//! greetings, not in headers or blocks that peers ask for, not over HTTP. A restart forgets it. Publishing
//! hands the blocks to the chain like any others and announces each of them in order.

use std::collections::BTreeMap;
use std::sync::Arc;

use shared::{
    Address, BlockHash, CheckedBlock, CheckedTransaction, Height,
    rules::header::{Position, check_not_too_new},
};

use super::{
    super::{
        Machine,
        chain::{Ground, Refusal, Tip},
        effect::Refused,
        pool::Pool,
        store::{Result, Store},
    },
    Attack, Ending, Strategy,
};

/// Own blocks on top of a stored one, mined in secret.
#[derive(Debug)]
pub struct Branch {
    from: BlockHash,
    blocks: Vec<Arc<CheckedBlock>>,
    /// The place of its end.
    position: Position,
    /// How many of the blocks, from the first on, others were told of.
    published: usize,
}

impl Branch {
    fn at(tip: &Tip) -> Self {
        Self { from: tip.hash, blocks: Vec::new(), position: tip.position, published: 0 }
    }

    fn end(&self) -> BlockHash {
        self.blocks.last().map_or(self.from, |block| block.hash())
    }

    /// The height of its end.
    pub fn height(&self) -> Height {
        self.position.height
    }

    /// Blocks that nobody was told of.
    pub fn withheld(&self) -> u32 {
        u32::try_from(self.blocks.len() - self.published).unwrap_or(u32::MAX)
    }

    /// How many blocks it is longer than another branch, or shorter.
    fn lead_over(&self, other: Height) -> i64 {
        i64::from(self.position.height.0) - i64::from(other.0)
    }

    /// The next block to be told of, if it is not above this height.
    fn next_up_to(&self, height: Height) -> Option<Arc<CheckedBlock>> {
        self.blocks.get(self.published).filter(|block| block.height() <= height).cloned()
    }
}

impl<S: Store> Machine<S> {
    /// The block that this node mines on: the tip, unless it keeps blocks back.
    pub fn mining_on(&self) -> BlockHash {
        self.conduct.branch.as_ref().map_or(self.chain.tip().hash, Branch::end)
    }

    /// Its height.
    pub(in super::super) fn mining_height(&self) -> Height {
        self.conduct.branch.as_ref().map_or(self.chain.tip().position.height, Branch::height)
    }

    /// What there is to mine on, and with, beside the tip; `None` when it is the tip.
    pub(in super::super) fn private_ground(&mut self) -> Result<Option<(Ground, Pool)>> {
        let Some(branch) = &self.conduct.branch else { return Ok(None) };
        match self.chain.ground(branch.from, &branch.blocks)? {
            Ok(ground) => {
                let pool = self.private_pool(&ground)?;
                Ok(Some((ground, pool)))
            }
            Err(_) => {
                // Each of its blocks was tried when it was added.
                self.give_up();
                Ok(None)
            }
        }
    }

    /// What can be mined there: of several transactions with the same sender and nonce those meant for this
    /// branch first, then those that the public chain has confirmed since.
    fn private_pool(&self, ground: &Ground) -> Result<Pool> {
        let meant = self.conduct.attack().into_iter().flat_map(|attack| &attack.instead);
        let waiting = self.pool.ids().filter_map(|id| self.pool.get(&id).cloned());
        let mut places: BTreeMap<(Address, u64), Arc<CheckedTransaction>> = BTreeMap::new();
        for transaction in meant.chain(&ground.undone).cloned().chain(waiting) {
            if !self.conduct.left_out().contains(&transaction.id()) {
                places.entry((transaction.sender, transaction.nonce)).or_insert(transaction);
            }
        }
        let mut pool = Pool::default();
        for transaction in places.into_values() {
            let account = self.chain.account_on(ground, &transaction.sender)?;
            // What is confirmed there, or needs what is left out, does not enter.
            let _ = pool.insert(transaction, account);
        }
        Ok(pool)
    }

    /// An own proof: told of at once or kept back, as the strategy has it.
    pub(in super::super) fn take_own(&mut self, block: Arc<CheckedBlock>) -> Result<std::result::Result<(), Refusal>> {
        let keeps_back = match self.conduct.strategy {
            Strategy::Honest => return self.take_block(None, block),
            Strategy::Liar { .. } => return self.take_own_of_liar(block),
            Strategy::Selfish => true,
            Strategy::Private(_) => self.conduct.branch.is_some(),
        };
        if block.header().previous != self.mining_on() {
            // Another branch was taken up, or one was given up, in the same batch of events. What it built on
            // may be known to nobody.
            return Ok(Ok(()));
        }
        if keeps_back { self.keep_back(block) } else { self.take_block(None, block) }
    }

    fn keep_back(&mut self, block: Arc<CheckedBlock>) -> Result<std::result::Result<(), Refusal>> {
        let mut branch = match self.conduct.branch.take() {
            Some(branch) => branch,
            None => Branch::at(self.chain.tip()),
        };
        let raced = !branch.blocks.is_empty() && branch.lead_over(self.chain.tip().position.height) <= 0;
        let outcome = self.prolong(&mut branch, block)?;
        if !branch.blocks.is_empty() || matches!(self.conduct.strategy, Strategy::Private(_)) {
            self.conduct.branch = Some(branch);
        }
        if outcome.is_ok() {
            match self.conduct.strategy {
                Strategy::Selfish if raced => self.publish(self.mining_height())?,
                Strategy::Private(_) => self.weigh_private()?,
                Strategy::Honest | Strategy::Selfish | Strategy::Liar { .. } => {}
            }
        }
        Ok(outcome)
    }

    /// Adds a block by the rules that everybody will judge it by.
    fn prolong(&self, branch: &mut Branch, block: Arc<CheckedBlock>) -> Result<std::result::Result<(), Refusal>> {
        if let Err(error) = check_not_too_new(block.header(), self.wall) {
            return Ok(Err(error.into()));
        }
        branch.blocks.push(block);
        match self.chain.ground(branch.from, &branch.blocks)? {
            Ok(ground) => {
                branch.position = ground.tip.position;
                Ok(Ok(()))
            }
            Err(refusal) => {
                branch.blocks.pop();
                Ok(Err(refusal))
            }
        }
    }

    /// Weighs what is kept back against the chain whenever that has changed. Called after each event.
    pub(in super::super) fn weigh_branch(&mut self) -> Result<()> {
        let tip = self.chain.tip().hash;
        if std::mem::replace(&mut self.conduct.seen, tip) == tip || self.conduct.branch.is_none() {
            return Ok(());
        }
        match self.conduct.strategy {
            Strategy::Selfish => self.weigh_selfish(),
            Strategy::Private(_) => self.weigh_private(),
            Strategy::Honest | Strategy::Liar { .. } => Ok(()),
        }
    }

    /// Others found a block. Ahead by one now (it was two): all is published and wins. Level (it was one):
    /// it is published and races. Still further ahead: no more than keeps pace with theirs.
    fn weigh_selfish(&mut self) -> Result<()> {
        let public = self.chain.tip().position;
        let Some(branch) = &self.conduct.branch else { return Ok(()) };
        if public.work > branch.position.work {
            self.conduct.branch = None;
            return Ok(());
        }
        let all = branch.lead_over(public.height) <= 1;
        let up_to = if all { branch.height() } else { public.height };
        self.publish(up_to)
    }

    /// Publishes the branch of an attack that succeeds, and ends one that has fallen too far behind.
    pub(super) fn weigh_private(&mut self) -> Result<()> {
        let public = self.chain.tip().position;
        let (Some(branch), Some(attack)) = (&self.conduct.branch, self.conduct.attack()) else { return Ok(()) };
        let lead = branch.lead_over(public.height);
        let begun = branch.height().0 - u32::try_from(branch.blocks.len()).unwrap_or(0);
        let confirmed = public.height.0.saturating_sub(begun) >= attack.confirmations;
        let ahead = branch.position.work > public.work && attack.lead.is_none_or(|least| lead >= i64::from(least));
        if confirmed && ahead {
            let end = branch.end();
            self.publish(branch.height())?;
            self.conduct.branch = None;
            let won = self.chain.tip().hash == end;
            self.conduct.ending = Some(if won { Ending::Published } else { Ending::GivenUp });
        } else if lead <= -i64::from(attack.give_up) {
            self.give_up();
        }
        Ok(())
    }

    fn give_up(&mut self) {
        self.conduct.branch = None;
        self.conduct.ending = self.conduct.attack().map(|_| Ending::GivenUp);
    }

    /// Tells of the branch up to this height. What is all told of is no secret any more, and gone on with
    /// only while it is level with the chain.
    fn publish(&mut self, up_to: Height) -> Result<()> {
        let Some(mut branch) = self.conduct.branch.take() else { return Ok(()) };
        let public = self.chain.tip().position.work;
        while let Some(block) = branch.next_up_to(up_to) {
            let hash = block.hash();
            if self.take_block(None, block.clone())?.is_err() {
                // As when the clock was set back meanwhile. What builds on it is worth nothing either.
                break;
            }
            branch.published += 1;
            let work = self.chain.entry(&hash)?.map(|entry| entry.position.work).unwrap_or_default();
            // Nobody keeps a block with less work than the tip's; the later ones lead to it.
            if work >= public || branch.withheld() == 0 {
                self.announce(&block, work, |_| true);
            }
        }
        self.conduct.seen = self.chain.tip().hash;
        if branch.published > 0 && branch.withheld() == 0 && branch.end() == self.conduct.seen {
            self.relay.tip_announced(self.conduct.seen);
        }
        let refused = branch.next_up_to(up_to).is_some();
        if !refused && (branch.withheld() > 0 || branch.position.work == public) {
            self.conduct.branch = Some(branch);
        }
        Ok(())
    }

    /// The strategy that kept blocks back is over.
    pub(super) fn end_withholding(&mut self) -> Result<()> {
        let public = self.chain.tip().position.work;
        if self.conduct.branch.as_ref().is_some_and(|branch| branch.position.work > public) {
            self.publish(self.mining_height())?;
        }
        self.conduct.branch = None;
        Ok(())
    }

    /// A branch without blocks yet.
    pub(super) fn branch_from(&self, from: BlockHash) -> Result<std::result::Result<Branch, Refusal>> {
        Ok(self.chain.ground(from, &[])?.map(|ground| Branch::at(&ground.tip)))
    }

    /// Whether an attack can begin.
    pub(super) fn judge_attack(&self, attack: &Attack) -> Result<std::result::Result<(), Refused>> {
        let tip = self.chain.tip();
        let from = attack.from.unwrap_or(tip.hash);
        let branch = match self.branch_from(from)? {
            Ok(branch) => branch,
            Err(refusal) => {
                return Ok(Err(Refused::Invalid(format!("a branch cannot begin on block {from}: {refusal}"))));
            }
        };
        let behind = -branch.lead_over(tip.position.height);
        if behind >= i64::from(attack.give_up) {
            let reason = format!(
                "the branch would be given up at once: it begins {} blocks behind, give_up must be more than that",
                behind.max(0)
            );
            return Ok(Err(Refused::Invalid(reason)));
        }
        Ok(Ok(()))
    }
}
