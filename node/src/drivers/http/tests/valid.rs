//! Re-checking the stored chain, and finding what is wrong with a spoilt one.

use std::sync::Arc;

use shared::{Address, Amount, CheckedBlock, Height, LogEdge, rules::ledger::Account};

use super::super::{
    Shutdown, heavy,
    problem::Problem,
    valid::{Wrong, find_wrong},
};
use super::harness::Node;
use super::samples::{self, Key, prove_from};
use crate::drivers::store::MemoryStore;
use crate::machine::store::{Batch, Entry, ReadChain as _, Standing, Store as _};

#[tokio::test]
async fn a_chain_made_by_the_rules_is_valid() {
    let node = Node::start(1).await;
    assert_eq!(node.get("/valid").await.expect(200)["valid"], true);
    node.mine(3).await;
    let payment = node.miner.transfer(0, Key::new(9).address(), 10, &node.network);
    node.post("/transactions", &payment).await.expect(202);
    node.mine(2).await;
    let verdict = node.get("/valid").await.expect(200);
    assert_eq!((&verdict["valid"], &verdict["height"]), (&true.into(), &5.into()));
    assert!(verdict["checked_ms"].is_u64() && verdict.get("wrong").is_none());
}

#[tokio::test]
async fn one_check_at_a_time() {
    let node = Node::start(1).await;
    let slot = heavy::Slot::new(1, "the chain is being checked for somebody else");
    let first = slot.take().unwrap();
    let problem = slot.take().unwrap_err();
    assert_eq!(problem.status, 503);
    drop(first);
    assert!(slot.take().is_ok());
    let (one, two) = tokio::join!(node.get("/valid"), node.get("/valid"));
    assert!([one.status, two.status].iter().all(|status| [200, 503].contains(&status.as_u16())));
}

/// A copy of a node's chain in a store that can be spoilt, as far as its blocks make it.
async fn copy(node: &Node) -> MemoryStore {
    let snapshot = node.reader.snapshot().unwrap();
    let mut store = MemoryStore::new(&node.network);
    let mut batch = Batch::default();
    for height in (1..=node.tip().await.0 as u32).map(Height) {
        let hash = snapshot.hash_at(height).unwrap().unwrap();
        let block = snapshot.block(&hash).unwrap().unwrap();
        for (position, transaction) in (0..).zip(block.transactions()) {
            let location = crate::machine::store::Location { height, position };
            batch.locations.insert(transaction.id(), Some(location));
        }
        batch.blocks.insert(hash, (snapshot.entry(&hash).unwrap().unwrap(), block));
        batch.active.insert(height, Some(hash));
        batch.undo.insert(hash, snapshot.undo(&hash).unwrap());
        batch.tip = Some((hash, snapshot.log().unwrap()));
    }
    for address in [node.miner.address(), Key::new(9).address()] {
        batch.accounts.insert(address, snapshot.account(&address).unwrap());
    }
    store.commit(batch).unwrap();
    store
}

async fn check(node: &Node, store: MemoryStore) -> Result<Option<Wrong>, Problem> {
    let (network, height) = (node.network.clone(), Height(node.tip().await.0 as u32));
    let permit = heavy::Slot::new(1, "").take().unwrap();
    heavy::run(permit, &Shutdown::new(), move |wanted| find_wrong(&store, &network, height, wanted)).await
}

#[tokio::test]
async fn whatever_is_spoilt_is_found_and_named() {
    let node = Node::start(1).await;
    node.mine(3).await;
    let payment = node.miner.transfer(0, Key::new(9).address(), 10, &node.network);
    node.post("/transactions", &payment).await.expect(202);
    node.mine(2).await;
    let store = copy(&node).await;
    assert_eq!(check(&node, store.clone()).await.unwrap(), None);

    let at = |height: u32| store.hash_at(Height(height)).unwrap().unwrap();
    let rich = Account { balance: Amount::MAX, nonce: 0 };
    let mut log = LogEdge::default();
    log.append(shared::TxId([1; 32]));
    let misplaced = crate::machine::store::Location { height: Height(1), position: 0 };
    let mut entry = store.entry(&at(3)).unwrap().unwrap();
    entry.position.active += 1;
    let block = store.block(&at(3)).unwrap().unwrap();
    let spoils: Vec<(&str, u32, Batch)> = vec![
        ("the account", 5, Batch { accounts: [(Key::new(9).address(), rich)].into(), ..Batch::default() }),
        ("the stored log", 5, Batch { tip: Some((at(5), log)), ..Batch::default() }),
        ("no block", 4, Batch { active: [(Height(4), None)].into(), ..Batch::default() }),
        ("builds on", 3, Batch { active: [(Height(3), Some(at(4)))].into(), ..Batch::default() }),
        ("genesis", 0, Batch { active: [(Height(0), Some(at(1)))].into(), ..Batch::default() }),
        (
            "filed in another place",
            4,
            Batch { locations: [(payment.id(), Some(misplaced))].into(), ..Batch::default() },
        ),
        ("undo record", 2, Batch { undo: [(at(2), store.undo(&at(3)).unwrap())].into(), ..Batch::default() }),
        ("active time", 3, Batch { blocks: [(at(3), (entry, block))].into(), ..Batch::default() }),
    ];
    for (word, height, batch) in spoils {
        let mut spoilt = store.clone();
        spoilt.commit(batch).unwrap();
        let wrong = check(&node, spoilt).await.unwrap().expect(word);
        assert!(wrong.reason.contains(word), "{word}: {wrong:?}");
        assert_eq!(wrong.height, Height(height), "{wrong:?}");
    }
}

#[tokio::test]
async fn a_stored_block_that_breaks_a_rule_is_found() {
    let node = Node::start(1).await;
    node.mine(2).await;
    let mut blocks = node.blocks().await;
    blocks[1].coinbase.reward = Amount::ZERO;
    blocks[1].coinbase.miner = Address([3; 32]);
    prove_from(&mut blocks, 1);
    let mut store = MemoryStore::new(&node.network);
    let mut batch = Batch::default();
    for block in &blocks[1..] {
        let position = shared::rules::header::Position::genesis(node.network.spec());
        let entry = Entry { header: block.header, position, standing: Standing::Valid };
        let block = CheckedBlock::trusted(block.clone());
        batch.active.insert(block.height(), Some(block.hash()));
        batch.blocks.insert(block.hash(), (entry, Arc::new(block)));
    }
    store.commit(batch).unwrap();
    let wrong = check(&node, store).await.unwrap().unwrap();
    assert_eq!((wrong.height, wrong.hash), (Height(1), Some(blocks[1].header.hash())));
    assert!(wrong.reason.contains("reward"), "{wrong:?}");
}

#[tokio::test]
async fn a_check_nobody_waits_for_ends() {
    let network = samples::network();
    let (shutdown, store) = (Shutdown::new(), MemoryStore::new(&network));
    shutdown.begin();
    let permit = heavy::Slot::new(1, "").take().unwrap();
    let given_up = heavy::run(permit, &shutdown, move |wanted| find_wrong(&store, &network, Height(1), wanted)).await;
    assert_eq!(given_up.unwrap_err().status, 503);
}
