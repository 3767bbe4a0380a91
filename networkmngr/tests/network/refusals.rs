//! Starts that cannot succeed: what is wrong is named, nothing is started, and nothing is lost.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};

use crate::support::{NODES, Network, finish, free_ports, starting};

#[test]
fn a_busy_port_is_named_and_nothing_is_started() {
    let dir = tempfile::tempdir().unwrap();
    for busy in [0, 3, NODES] {
        let port = free_ports();
        let _taken = TcpListener::bind((Ipv4Addr::LOCALHOST, port + busy)).unwrap();
        let refused = finish(&mut starting(dir.path(), port, &[]));
        refused.refused(&[&format!("{} ", port + busy), "in use by another program", "nothing was started"]);
        assert_eq!(refused.stdout, "");
        assert!(!dir.path().join("network.json").exists() && !dir.path().join("node-000").exists());
    }
}

#[test]
fn the_folder_of_another_network_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("network");
    let network = Network::start(&folder, &[]);
    network.mine(1);
    let chain = network.chain(NODES);
    network.stop();
    // The same spec by another name.
    let spec = fs::read_to_string(folder.join("node-000").join("genesis.json")).unwrap();
    let other = dir.path().join("other.json");
    fs::write(&other, spec.replace("practice", "elsewhere")).unwrap();
    let genesis = ["--genesis", other.to_str().unwrap()];
    let refused = finish(&mut starting(&folder, free_ports(), &genesis));
    refused.refused(&["chain of another network", "other.json", "--data-dir"]);
    let network = Network::start(&folder, &[]);
    assert!(network.chain(NODES) == chain);
    network.stop();

    // One node's folder was put in another's place: the node says so, and the others are ended.
    let mixed = dir.path().join("mixed");
    let network = Network::start(&mixed, &genesis);
    network.mine(1);
    let others = network.chain(NODES);
    network.stop();
    fs::rename(mixed.join("node-003"), dir.path().join("aside")).unwrap();
    fs::create_dir(mixed.join("node-003")).unwrap();
    for entry in fs::read_dir(folder.join("node-003")).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), mixed.join("node-003").join(entry.file_name())).unwrap();
    }
    let refused = finish(&mut starting(&mixed, free_ports(), &[]));
    refused.refused(&["node 3 did not start", "\"practice\"", "\"elsewhere\""]);
    fs::remove_dir_all(mixed.join("node-003")).unwrap();
    fs::rename(dir.path().join("aside"), mixed.join("node-003")).unwrap();
    let network = Network::start(&mixed, &[]);
    assert!(network.chain(NODES) == others);
    network.stop();
}

#[test]
fn a_spec_that_makes_no_network_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let spec = dir.path().join("spec.json");
    for (contents, reason) in [("nonsense", "spec.json"), (r#"{"name": "a"}"#, "spacing")] {
        fs::write(&spec, contents).unwrap();
        let folder = dir.path().join("network");
        let refused = finish(&mut starting(&folder, free_ports(), &["--genesis", spec.to_str().unwrap()]));
        refused.refused(&[reason]);
    }
}
