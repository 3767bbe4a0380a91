//! How whole networks end: whatever happens to the manager, no node is left behind, and the folder is
//! good for the next start.

use nix::sys::signal::Signal;

use crate::support::{LIMIT, NODES, Network, Process, hashes, wait_for};

#[test]
#[cfg(target_os = "linux")]
fn a_killed_manager_leaves_no_node_and_a_folder_that_starts_again() {
    let dir = tempfile::tempdir().unwrap();
    let network = Network::start(dir.path(), &[]);
    network.mine(2);
    let (ids, chain) = (network.ids(), network.chain(NODES));
    let processes = network.processes();
    assert!(processes.iter().all(Process::is_alive));
    // In the middle of mining.
    network.post("/start/mining?continuous=true");
    network.signal(Signal::SIGKILL);
    assert_eq!(network.ended().status.code(), None);
    wait_for("every node is gone", LIMIT, || (!processes.iter().any(Process::is_alive)).then_some(()));

    let network = Network::start(dir.path(), &[]);
    assert_eq!(network.ids(), ids);
    network.mine(1);
    assert!(hashes(&network.chain(NODES)).starts_with(&hashes(&chain)));
    network.stop();
}

#[test]
fn ctrl_c_ends_a_network_that_mines() {
    let dir = tempfile::tempdir().unwrap();
    let network = Network::start(dir.path(), &[]);
    let processes = network.processes();
    network.post("/start/mining?continuous=true");
    network.signal(Signal::SIGINT);
    let ended = network.ended();
    assert_eq!((ended.status.code(), ended.stderr.as_str()), (Some(0), ""));
    assert!(ended.stdout.contains("nodes 0-5: exit status 0"), "{}", ended.stdout);
    assert!(!processes.iter().any(Process::is_alive));
}
