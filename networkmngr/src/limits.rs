//! The system's limit on open files: raised as far as the network needs, or refused with a sentence
//! before anything is started.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::term;

/// Open files per node: its socket, its lifeline, its process handle, a connection, another for its events, and
/// during the start its ready line.
const PER_NODE: u64 = 7;
/// Open files of the manager itself: its socket, its clients, its runtime.
const OWN: u64 = 128;

/// The system allows too few open files for so many nodes.
#[derive(Debug, thiserror::Error)]
#[error(
    "{} may need about {needed} open files, but the system allows this program {allowed}; \
     raise the limit (ulimit -Hn) or start fewer nodes", term::nodes(usize::from(*.amount))
)]
pub(crate) struct TooFewFiles {
    amount: u16,
    needed: u64,
    allowed: u64,
}

/// Makes sure that a manager of `amount` nodes may open enough files.
pub(crate) fn raise_open_files(amount: u16) -> Result<(), TooFewFiles> {
    let needed = OWN + PER_NODE * u64::from(amount);
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else {
        return Ok(());
    };
    if soft >= needed {
        return Ok(());
    }
    if hard >= needed && setrlimit(Resource::RLIMIT_NOFILE, needed, hard).is_ok() {
        return Ok(());
    }
    Err(TooFewFiles { amount, needed, allowed: soft })
}
