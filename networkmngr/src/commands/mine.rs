//! `networkmngr mine`: starts a mining job at the running manager and shows how it goes.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::bail;
use serde_json::Value;

use super::{ANSWER, Attached};
use crate::api::StatusView;
use crate::cli::MineArgs;
use crate::mining::{JobKind, JobState};
use crate::term;

/// How often the manager is asked how far it is.
const LOOK: Duration = Duration::from_millis(200);

/// Starts or stops a job; stays until its bursts are done.
pub(crate) fn run(args: MineArgs) -> anyhow::Result<ExitCode> {
    let network = Attached::find(&args.which)?;
    if args.stop {
        let answer: Value = network.post("/stop/mining", ANSWER)?;
        let stopped = answer["stopped"].as_bool().unwrap_or(false);
        term::plain(if stopped { "mining was stopped" } else { "no mining was under way" });
        return Ok(ExitCode::SUCCESS);
    }
    let started: Value = network.post(&format!("/start/mining{}", query(&args)?), ANSWER)?;
    let job = started["job"].as_u64().unwrap_or_default();
    if args.continuous {
        term::plain("every node mines; end it with `networkmngr mine --stop`");
        return Ok(ExitCode::SUCCESS);
    }
    follow(&network, job)
}

/// Prints each burst as it ends.
fn follow(network: &Attached, number: u64) -> anyhow::Result<ExitCode> {
    let mut shown = 0;
    let mut good = 0;
    loop {
        let status: StatusView = network.get("/status")?;
        let Some(job) = status.job.filter(|job| job.job == number) else {
            bail!("mining job {number} is gone; another was started");
        };
        let JobKind::Bursts(bursts) = job.kind else {
            bail!("mining job {number} has no bursts");
        };
        for report in job.bursts.iter().filter(|report| report.burst > shown) {
            term::say(&format!("{}/{}  {report}", report.burst, bursts.times));
            good += u32::from(report.is_good());
        }
        shown = job.bursts.back().map_or(shown, |report| report.burst);
        match job.state {
            JobState::Running => std::thread::sleep(LOOK),
            JobState::Settling | JobState::Stopped => {
                bail!("mining was stopped after {} of {}", job.done, term::bursts(bursts.times))
            }
            JobState::Done if good < bursts.times => {
                bail!("only {good} of {} ended in agreement", term::bursts(bursts.times))
            }
            JobState::Done => return Ok(ExitCode::SUCCESS),
        }
    }
}

/// The options as the manager reads them; it also checks them.
fn query(args: &MineArgs) -> anyhow::Result<String> {
    if args.continuous {
        return Ok("?continuous=true".to_owned());
    }
    let given = [("times", &args.times), ("min", &args.min), ("max", &args.max)];
    let mut query = String::new();
    for (name, value) in given {
        let Some(value) = value else { continue };
        if !value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-+".contains(&byte)) {
            bail!("--{name} {value}: give a number");
        }
        query.push(if query.is_empty() { '?' } else { '&' });
        query.push_str(&format!("{name}={}", value.replace('+', "%2B")));
    }
    Ok(query)
}
