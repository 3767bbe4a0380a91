//! Random trees of blocks that come to one chain in random order: whatever was undone and done again on
//! the way, what is left is what the rules make of the best branch alone, and its log is the one that is
//! built anew from all its transactions.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::{collection::vec, prelude::*};
use shared::{
    Address, Amount, ChainSpec, CheckedBlock, CheckedTransaction, Coinbase, Header, LogRoot, Millis, Network, Payload,
    Seconds, Topic, Transaction, TxId,
    hash::sha256,
    log::{LogNode, prove, verify_consistency, verify_inclusion},
    rules::header::Position,
};

use crate::{
    drivers::store::MemoryStore,
    machine::{
        chain::{Chain, Refusal},
        store::ReadChain,
    },
    sim::{easy_network, oracle::Oracle},
};

/// What somebody would like to do. People are few, so that sender, receiver and miner often coincide.
#[derive(Debug, Clone)]
struct Wish {
    sender: u8,
    /// Nobody: a record.
    to: Option<u8>,
    /// Of what the sender has, in quarters.
    share: u64,
    fee: u64,
}

/// A block to be made.
#[derive(Debug, Clone)]
struct Plan {
    /// It builds on the block made so many before the one before it.
    back: usize,
    miner: u8,
    /// Seconds after its parent.
    gap: u32,
    wishes: Vec<Wish>,
    /// Its miner takes a unit too much.
    cheats: bool,
}

fn plan() -> impl Strategy<Value = Plan> {
    let wish = (0..4u8, prop::option::weighted(0.7, 0..4u8), 1..=4u64, 0..3u64);
    let wish = wish.prop_map(|(sender, to, share, fee)| Wish { sender, to, share, fee });
    (0..5usize, 0..4u8, 0..20u32, vec(wish, 0..5), prop::bool::weighted(0.07))
        .prop_map(|(back, miner, gap, wishes, cheats)| Plan { back, miner, gap, wishes, cheats })
}

/// Plans, the order in which their blocks arrive, and after which arrivals the chain is committed.
fn trees() -> impl Strategy<Value = (Vec<Plan>, Vec<usize>, Vec<bool>)> {
    vec(plan(), 1..30).prop_flat_map(|plans| {
        let count = plans.len();
        let order = Just((0..count).collect::<Vec<_>>()).prop_shuffle();
        (Just(plans), order, vec(any::<bool>(), count))
    })
}

/// A block with what the rules make of its chain, the plainest way.
#[derive(Debug, Clone)]
struct Made {
    block: Arc<CheckedBlock>,
    position: Position,
    /// Units and nonce by person.
    people: BTreeMap<u8, (u64, u64)>,
    log: Vec<TxId>,
    /// Neither it nor a block below it cheats.
    honest: bool,
}

fn address(person: u8) -> Address {
    Address([person; 32])
}

/// Takes the wish out of the people's pockets, if it can come true. Signatures were checked before a
/// block gets to the chain.
fn grant(wish: &Wish, people: &mut BTreeMap<u8, (u64, u64)>) -> Option<Arc<CheckedTransaction>> {
    let (units, nonce) = people.entry(wish.sender).or_default();
    let amount = if wish.to.is_some() { *units * wish.share / 4 } else { 0 };
    if (wish.to.is_some() && amount == 0) || amount + wish.fee > *units {
        return None;
    }
    let payload = match wish.to {
        Some(to) => Payload::Transfer { to: address(to), amount: Amount::new(amount).unwrap() },
        None => Payload::Data { topic: Topic::new("t").unwrap(), body: vec![wish.share as u8; wish.fee as usize] },
    };
    let transaction = Transaction {
        version: shared::transaction::VERSION,
        sender: address(wish.sender),
        nonce: *nonce,
        fee: Amount::new(wish.fee).unwrap(),
        time: Millis(0),
        payload,
        signature: [0; 64],
    };
    (*units, *nonce) = (*units - amount - wish.fee, *nonce + 1);
    if let Some(to) = wish.to {
        people.entry(to).or_default().0 += amount;
    }
    Some(Arc::new(CheckedTransaction::trusted(transaction)))
}

/// A network whose difficulty changes so fast that a shorter branch may have more work.
fn network() -> Arc<Network> {
    let spec = ChainSpec { half_life: 20, ..easy_network(5).spec().clone() };
    Arc::new(Network::new(spec).unwrap())
}

/// The root of RFC 6962 section 2.1 over these transactions.
fn built_anew(log: &[TxId]) -> LogRoot {
    LogRoot(match log {
        [] => sha256(&[]),
        [leaf] => leaf.0,
        _ => {
            let (left, right) = log.split_at(log.len().next_power_of_two() / 2);
            sha256(&[&[1], &built_anew(left).0, &built_anew(right).0])
        }
    })
}

/// The blocks of these plans, each after its parent.
fn make(plans: &[Plan], network: &Network) -> Vec<Made> {
    let genesis = Made {
        block: network.genesis().clone(),
        position: Position::genesis(network.spec()),
        people: BTreeMap::new(),
        log: Vec::new(),
        honest: true,
    };
    let mut all = vec![genesis];
    for (number, plan) in plans.iter().enumerate() {
        let parent = number.saturating_sub(plan.back);
        let Made { block: below, position, mut people, mut log, honest, .. } = all[parent].clone();
        let transactions: Vec<_> = plan.wishes.iter().filter_map(|wish| grant(wish, &mut people)).collect();
        log.extend(transactions.iter().map(|transaction| transaction.id()));
        let fees: u64 = transactions.iter().map(|transaction| transaction.fee.units()).sum();
        let height = position.height.next();
        let reward = network.spec().subsidy_at(height).units() + fees + u64::from(plan.cheats);
        people.entry(plan.miner).or_default().0 += reward;
        let coinbase = Coinbase {
            height,
            miner: address(plan.miner),
            reward: Amount::new(reward).unwrap(),
            log_size: log.len() as u64,
            log_root: built_anew(&log),
            extra: vec![number as u8],
        };
        let mut header = Header {
            version: 1,
            previous: below.hash(),
            coinbase_hash: coinbase.hash(),
            time: Seconds(below.header().time.0 + plan.gap),
            bits: position.next_bits(network.spec()),
            nonce: 0,
        };
        while header.proven_hash().is_err() {
            header.nonce += 1;
        }
        let position = position.follow(&header, network.spec()).unwrap();
        let block = Arc::new(CheckedBlock::assemble(header, coinbase, transactions, network).unwrap());
        all.push(Made { block, position, people, log, honest: honest && !plan.cheats });
    }
    all.split_off(1)
}

/// A chain, and the blocks that wait for their parents.
struct Arrivals {
    chain: Chain<MemoryStore>,
    orphans: Vec<Made>,
    /// Honest blocks that the chain has taken.
    taken: Vec<Made>,
}

impl Arrivals {
    /// A block arrives, and with it those that waited for it.
    fn take(&mut self, made: Made) -> Result<(), TestCaseError> {
        let mut ready = vec![made];
        while let Some(made) = ready.pop() {
            let now = Millis::from(made.block.header().time);
            match self.chain.accept_block(made.block.clone(), now).unwrap() {
                Ok(_) => {
                    let hash = made.block.hash();
                    ready.extend(self.orphans.extract_if(.., |orphan| orphan.block.header().previous == hash));
                    self.taken.extend(Some(made).filter(|made| made.honest));
                }
                Err(Refusal::Orphan(_)) => self.orphans.push(made),
                Err(refusal) => prop_assert!(!made.honest, "an honest block was refused: {}", refusal),
            }
            self.check_tip()?;
        }
        Ok(())
    }

    /// The tip has the most work of all honest blocks, and its log is that of its own chain.
    fn check_tip(&self) -> Result<(), TestCaseError> {
        let tip = self.chain.tip();
        let Some(best) = self.taken.iter().map(|made| made.position.work).max() else { return Ok(()) };
        prop_assert_eq!(tip.position.work, best);
        let made = self.taken.iter().find(|made| made.block.hash() == tip.hash);
        let made = made.ok_or_else(|| TestCaseError::fail("the tip is a block that cheats, or below one"))?;
        prop_assert_eq!((tip.log.size(), tip.log.root()), (made.log.len() as u64, built_anew(&made.log)));
        Ok(())
    }
}

/// Proofs from the nodes of the log that are kept lead to the roots that are built anew.
fn check_proofs(log: &[TxId], store: &MemoryStore) -> Result<(), TestCaseError> {
    let kept = |node: LogNode| store.log_node(node).unwrap().ok_or(node);
    let (size, root) = (log.len() as u64, built_anew(log).0);
    for (index, leaf) in (0..).zip(log) {
        let path = prove::inclusion(index, size, &kept).unwrap().unwrap();
        prop_assert_eq!(verify_inclusion(&leaf.0, index, size, &path, &root), Ok(()));
        let (smaller, before) = (index + 1, built_anew(&log[..=index as usize]).0);
        let proof = prove::consistency(smaller, size, &kept).unwrap().unwrap();
        prop_assert_eq!(verify_consistency(smaller, size, &proof, &before, &root), Ok(()));
    }
    Ok(())
}

proptest! {
    #[test]
    fn any_tree_in_any_order_leaves_the_state_of_its_best_branch_alone((plans, order, commits) in trees()) {
        let network = network();
        let made = make(&plans, &network);
        let chain = Chain::open(network.clone(), MemoryStore::new(&network)).unwrap();
        let mut arrivals = Arrivals { chain, orphans: Vec::new(), taken: Vec::new() };
        let mut oracle = Oracle::new(network);
        for (index, commit) in order.into_iter().zip(commits.into_iter().chain([true])) {
            arrivals.take(made[index].clone())?;
            if commit {
                arrivals.chain.commit().unwrap();
                let (tip, store) = (arrivals.chain.tip(), arrivals.chain.store());
                let audit = oracle.observe(0, tip, store).and_then(|()| oracle.audit(0, tip, store));
                prop_assert_eq!(audit, Ok(()));
            }
        }
        arrivals.chain.commit().unwrap();
        let tip = arrivals.chain.tip();
        if let Some(made) = arrivals.taken.iter().find(|made| made.block.hash() == tip.hash) {
            check_proofs(&made.log, arrivals.chain.store())?;
            for (person, (units, nonce)) in &made.people {
                let account = arrivals.chain.account(&address(*person)).unwrap();
                prop_assert_eq!((account.balance.units(), account.nonce), (*units, *nonce));
            }
        }
    }
}
