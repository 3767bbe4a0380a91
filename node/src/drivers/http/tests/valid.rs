//! The audit over HTTP: its verdict on a sound chain and on a spoilt one, and who may have it when.

use redb::{Database, TableDefinition};
use serde_json::json;
use shared::Address;

use super::super::{Shutdown, heavy, valid::guarded};
use super::harness::{Node, Setup};
use super::samples::{self, Key};
use crate::drivers::store::RedbStore;

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
    let (blocks, (_, tip)) = (node.blocks().await, node.tip().await);
    let log_root = blocks[5].coinbase.log_root.to_string();
    let checked = json!({
        "tip": tip, "blocks": 6, "side_blocks": 0, "transactions": 1, "accounts": 2, "log_root": log_root
    });
    assert_eq!(verdict["checked"], checked);
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

#[tokio::test]
async fn what_is_spoilt_is_named_with_its_row() {
    let folder = tempfile::tempdir().unwrap();
    drop(RedbStore::open(folder.path(), &samples::network()).unwrap());
    let database = Database::open(folder.path().join("chain.redb")).unwrap();
    let transaction = database.begin_write().unwrap();
    let accounts = TableDefinition::<&[u8; 32], &[u8; 16]>::new("accounts");
    transaction.open_table(accounts).unwrap().insert(&[7; 32], &[1; 16]).unwrap();
    transaction.commit().unwrap();
    drop(database);
    let node = Setup { folder: Some(folder), ..Setup::new(1) }.start().await;
    let verdict = node.get("/valid").await.expect(200);
    assert_eq!((&verdict["valid"], &verdict["height"], verdict.get("checked")), (&false.into(), &0.into(), None));
    let wrong = json!({
        "table": "accounts",
        "key": Address([7; 32]).to_string(),
        "reason": "nothing on the chain asks for this row"
    });
    assert_eq!(verdict["wrong"], wrong);
}

/// As the database's code breaks off at a page of a kind that there is not.
#[test]
fn a_database_that_breaks_off_is_no_fault_of_the_request() {
    let wrong = guarded(|| panic!("entered unreachable code")).unwrap().unwrap_err();
    let json = serde_json::to_value(wrong).unwrap();
    assert!(json["reason"].as_str().unwrap().contains("networkmngr node audit"), "{json}");
}

#[tokio::test]
async fn a_check_nobody_waits_for_ends() {
    let shutdown = Shutdown::new();
    shutdown.begin();
    let permit = heavy::Slot::new(1, "").take().unwrap();
    let given_up = heavy::run(permit, &shutdown, |wanted| wanted.check()).await;
    assert_eq!(given_up.unwrap_err().status, 503);
}
