//! Two nodes on two machines, as far as the system can play them: each in a network namespace of its
//! own, with a cable between that can be pulled.

use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::process::{LIMIT, Process, wait_for};

/// A dead link is noticed after 15 to 20 s; the longest pause before the next dial is a minute.
const OUTAGE: Duration = Duration::from_secs(150);

/// Two namespaces with a cable between them, gone when this is dropped.
struct Cable {
    names: [String; 2],
}

/// A node on one end of the cable.
struct Host<'c> {
    namespace: &'c str,
    _process: Process,
    /// Its HTTP address, which answers within the namespace only.
    url: String,
}

fn ip(words: &[&str]) -> bool {
    Command::new("ip").args(words).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

impl Cable {
    fn lay() -> Option<Self> {
        let unique: u32 = rand::random();
        let cable = Self { names: ["a", "b"].map(|end| format!("networkmngr-{unique:08x}-{end}")) };
        let [a, b] = &cable.names;
        let laid = ip(&["netns", "add", a])
            && ip(&["netns", "add", b])
            && ip(&["-n", a, "link", "add", "cable", "type", "veth", "peer", "name", "cable", "netns", b])
            && [(a, "10.77.0.1/24"), (b, "10.77.0.2/24")].iter().all(|(end, address)| {
                ip(&["-n", end, "addr", "add", address, "dev", "cable"])
                    && ip(&["-n", end, "link", "set", "lo", "up"])
                    && ip(&["-n", end, "link", "set", "cable", "up"])
            });
        laid.then_some(cable)
    }

    fn set(&self, state: &str) {
        assert!(ip(&["-n", &self.names[0], "link", "set", "cable", state]));
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        for name in &self.names {
            let _ = ip(&["netns", "del", name]);
        }
    }
}

impl<'c> Host<'c> {
    fn start(namespace: &'c str, folder: &std::path::Path, words: &[&str]) -> Self {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", namespace, env!("CARGO_BIN_EXE_node"), "--port", "0", "--data-dir"]);
        let command = command.arg(folder).args(words).env_remove("RUST_LOG").stdin(Stdio::null());
        let mut process = Process::start(command);
        let line = process.expect(" answers on http://");
        let url = line[line.rfind("http://").unwrap()..].to_owned();
        Self { namespace, _process: process, url }
    }

    fn curl(&self, words: &[&str], path: &str) -> Value {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", self.namespace, "curl", "-s"]).args(words);
        let output = command.arg(format!("{}{path}", self.url)).output().unwrap();
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{path}: {error}: {output:?}"))
    }

    fn mine(&self) -> Value {
        self.curl(&["-X", "POST"], "/mine")["hash"].clone()
    }

    fn health(&self) -> Value {
        self.curl(&[], "/health")
    }

    fn peers(&self) -> u64 {
        self.health()["peers"].as_u64().unwrap()
    }
}

fn agreed(one: &Host<'_>, other: &Host<'_>, limit: Duration) -> Value {
    wait_for("both hold one tip", limit, || {
        let tips = (one.health()["tip"].clone(), other.health()["tip"].clone());
        (tips.0 == tips.1).then_some(tips.0)
    })
}

#[test]
#[ignore = "needs root, iproute2 and curl"]
fn two_machines_join_sync_and_survive_a_pulled_cable() {
    for program in ["ip", "curl"] {
        if Command::new(program).arg("-V").stdout(Stdio::null()).status().is_err() {
            println!("skipped: {program} is not installed");
            return;
        }
    }
    let Some(cable) = Cable::lay() else {
        println!("skipped: network namespaces cannot be made here; that needs root");
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let [a, b] = &cable.names;
    let one = Host::start(a, &dir.path().join("one"), &["--peer-host", "10.77.0.1"]);
    (0..3).for_each(|_| drop(one.mine()));
    let address = one.curl(&[], "/node/id")["peer_addresses"][0].as_str().unwrap().to_owned();
    assert!(address.starts_with("/ip4/10.77.0.1/tcp/"), "{address}");
    let other = Host::start(b, &dir.path().join("other"), &["--peer-host", "10.77.0.2", "--join", &address]);
    agreed(&one, &other, LIMIT);
    let mined = other.mine();
    assert_eq!(agreed(&one, &other, LIMIT), mined);

    // A short outage: nobody has noticed when the cable is back.
    cable.set("down");
    one.mine();
    cable.set("up");
    agreed(&one, &other, OUTAGE);

    // A long one: each side gives the other up and goes on alone.
    cable.set("down");
    wait_for("both notice", OUTAGE, || (one.peers() == 0 && other.peers() == 0).then_some(()));
    one.mine();
    other.mine();
    other.mine();
    let ahead = other.mine();
    assert_ne!(one.health()["tip"], other.health()["tip"]);
    cable.set("up");
    // Three blocks are more work than one, so that side's chain becomes both's.
    assert_eq!(agreed(&one, &other, OUTAGE), ahead);
    let mined = one.mine();
    assert_eq!(agreed(&one, &other, LIMIT), mined);
    assert_eq!(one.curl(&[], "/chain"), other.curl(&[], "/chain"));
}
