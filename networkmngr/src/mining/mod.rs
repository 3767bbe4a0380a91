//! Mining as the manager does it: one job at a time, which is a number of bursts or goes on without
//! pause. The nodes do the work; here they are asked, watched and told to stop.

mod agreement;
mod ask;
mod burst;
mod job;
mod options;
mod settle;

pub(crate) use agreement::{Health, Survey, healths, survey};
pub(crate) use job::{Job, JobKind, JobState, Mining, MiningError};
pub(crate) use options::{Bursts, WantedBursts};
