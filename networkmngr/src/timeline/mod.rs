//! Everything that a network did, in one order: written down as it happens, read back, replayed, and told as
//! sentences that name causes. The same for real processes and for simulated networks. What happens is decided
//! elsewhere.
//!
//! - `entry`: one thing that happened; `file`, `read`: the file of them, written and read
//! - `state`: what every node held after each entry
//! - `tree`, `figures`: how a state looks to programs, and what its chain measures
//! - `trace`, `cause`, `story`: what followed from what, why, and in which words; `explain` puts them together
//! - `history`: any moment and stretch of it, without reading from the beginning
//! - `record`: writing down what a running network does; `follow`: what its nodes tell

mod cause;
mod entry;
mod explain;
mod figures;
mod file;
mod follow;
mod history;
mod read;
mod record;
mod state;
mod story;
mod trace;
mod tree;

pub(crate) use entry::{About, Begun, Entry, FORMAT, MiningState, Told, What};
pub(crate) use explain::{Stretch, explain};
pub(crate) use figures::{Counted, Figures};
pub(crate) use file::{DAMAGED, EARLIER, FILE};
pub(crate) use follow::Followed;
pub(crate) use history::{Moment, Page};
pub(crate) use read::{Line, ReadError, Reader};
pub(crate) use record::{Recent, Recorder};
pub(crate) use state::{NodeState, State};
pub(crate) use story::{Clock, Story};
pub(crate) use tree::TreeView;
