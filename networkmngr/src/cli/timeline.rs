//! The command line of the timeline: `explain` and `replay`, and times as people write them.

use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;
use jiff::civil;

use super::Which;

const EXPLAIN_EXAMPLES: &str = "\
Examples:
  networkmngr explain                                the last ten minutes of the network on port 4999
  networkmngr explain --from -30s                    the last half minute
  networkmngr explain --from 12:03:10 --to 12:04     between two times of the day
  networkmngr explain --node 4                       what concerns node 4, and the network
  networkmngr explain --all                          blocks that spread and transactions as well
  networkmngr explain run.jsonl                      all of a timeline that was kept, or simulated
  networkmngr explain --json | jq '.stories[].text'  for programs

A time is one of the day (12:03:10), a date and time (2026-11-21T12:03:10), so long before the end (-5m, -30s,
-250ms), or so long after the beginning (+90s). Times are local; those of simulated timelines are counted from the
beginning. Works whether the network runs or not.";

/// Options of `explain`.
#[derive(Debug, Args)]
#[command(after_help = EXPLAIN_EXAMPLES)]
pub(crate) struct ExplainArgs {
    /// A timeline's file, all of which is told [default: the network's, its last ten minutes]
    #[arg(value_name = "FILE", conflicts_with_all = ["port", "data_dir"])]
    pub(crate) file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) which: Which,
    /// Where to begin
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub(crate) from: Option<When>,
    /// Where to end
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub(crate) to: Option<When>,
    /// Only what concerns this node, or the network
    #[arg(long, value_name = "NUMBER")]
    pub(crate) node: Option<u16>,
    /// Also what needs no cause: blocks that spread, transactions that wait and are confirmed
    #[arg(long)]
    pub(crate) all: bool,
    /// Print JSON instead of sentences
    #[arg(long)]
    pub(crate) json: bool,
}

const REPLAY_EXAMPLES: &str = "\
Examples:
  networkmngr replay                         what every node of the network on port 4999 held last
  networkmngr replay --at 12:03:10           and what it held then
  networkmngr replay run.jsonl --at +90s     a timeline that was kept, or simulated
  networkmngr replay --at -5m --json         for programs, with every node's pool

Times are written as for `explain`. Everything is told by the timeline alone: no node is asked.";

/// Options of `replay`.
#[derive(Debug, Args)]
#[command(after_help = REPLAY_EXAMPLES)]
pub(crate) struct ReplayArgs {
    /// A timeline's file [default: the network's]
    #[arg(value_name = "FILE", conflicts_with_all = ["port", "data_dir"])]
    pub(crate) file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) which: Which,
    /// The moment [default: the end]
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub(crate) at: Option<When>,
    /// Print JSON instead of a table
    #[arg(long)]
    pub(crate) json: bool,
}

/// A moment as people write it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    /// So many milliseconds before the end.
    BeforeEnd(u64),
    /// So many milliseconds after the beginning.
    AfterBeginning(u64),
    /// The last such time of the day, local.
    Time(civil::Time),
    /// Local.
    Date(civil::DateTime),
}

impl FromStr for When {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("{text:?} is no time: write 12:03:10, 2026-11-21T12:03:10, -5m (before the end) or +90s");
        if let Some(before) = text.strip_prefix('-') {
            return span(before).map(Self::BeforeEnd).ok_or_else(wrong);
        }
        if let Some(after) = text.strip_prefix('+') {
            return span(after).map(Self::AfterBeginning).ok_or_else(wrong);
        }
        // A day's time alone is also the form of a date and time to the parser of these.
        if let Ok(time) = text.parse() {
            return if text.contains(':') && !text.contains('-') {
                Ok(Self::Time(time))
            } else {
                date(text).ok_or_else(wrong)
            };
        }
        date(text).ok_or_else(wrong)
    }
}

fn date(text: &str) -> Option<When> {
    text.parse().ok().map(When::Date)
}

/// `90s`, `5m`, `1.5h`, `250ms` in milliseconds.
fn span(text: &str) -> Option<u64> {
    let units = [("ms", 1.0), ("s", 1e3), ("m", 60e3), ("h", 3_600e3), ("d", 86_400e3)];
    let (number, unit) = units.iter().find_map(|(name, unit)| Some((text.strip_suffix(name)?, unit)))?;
    let plain = number.starts_with(|first: char| first.is_ascii_digit());
    let span = number.parse::<f64>().ok().filter(|_| plain)? * unit;
    (0.0..1e15).contains(&span).then_some(span.round() as u64)
}

impl When {
    /// The moment in milliseconds since the Unix epoch, for a timeline with this beginning and end.
    pub(crate) fn resolve(self, begin: u64, end: u64) -> u64 {
        let local = |date: civil::DateTime| {
            let zoned = date.to_zoned(jiff::tz::TimeZone::system()).ok()?;
            u64::try_from(zoned.timestamp().as_millisecond()).ok()
        };
        match self {
            Self::BeforeEnd(ms) => end.saturating_sub(ms),
            Self::AfterBeginning(ms) => begin.saturating_add(ms),
            Self::Date(date) => local(date).unwrap_or(end),
            Self::Time(time) => {
                let last = i64::try_from(end).ok().and_then(|end| jiff::Timestamp::from_millisecond(end).ok());
                let last = last.map(|last| last.to_zoned(jiff::tz::TimeZone::system()).date());
                let day = |date: civil::Date| local(date.to_datetime(time));
                let same = last.and_then(day).filter(|at| *at <= end);
                same.or_else(|| last.and_then(|date| date.yesterday().ok()).and_then(day)).unwrap_or(end)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_people_write_them() {
        let read = |text: &str| text.parse::<When>();
        assert_eq!(read("-5m"), Ok(When::BeforeEnd(300_000)));
        assert_eq!(read("-250ms"), Ok(When::BeforeEnd(250)));
        assert_eq!(read("+1.5s"), Ok(When::AfterBeginning(1_500)));
        assert_eq!(read("12:03:10"), Ok(When::Time(civil::time(12, 3, 10, 0))));
        assert_eq!(read("12:03"), Ok(When::Time(civil::time(12, 3, 0, 0))));
        assert_eq!(read("2026-11-21T12:03:10"), Ok(When::Date(civil::datetime(2026, 11, 21, 12, 3, 10, 0))));
        assert_eq!(read("2026-11-21 12:03:10"), Ok(When::Date(civil::datetime(2026, 11, 21, 12, 3, 10, 0))));
        for wrong in ["", "-", "5m", "-5", "-NaNs", "-infs", "--5s", "noon", "25:00", "12"] {
            assert!(read(wrong).unwrap_err().contains("is no time"), "{wrong}");
        }
    }

    #[test]
    fn a_time_of_the_day_is_the_last_one_before_the_end() {
        let end = 1_800_000_000_000;
        assert_eq!("-5s".parse::<When>().unwrap().resolve(7, end), end - 5_000);
        assert_eq!("+5s".parse::<When>().unwrap().resolve(7, end), 5_007);
        for time in ["00:00:01", "12:00:00", "23:59:59"] {
            let at = time.parse::<When>().unwrap().resolve(0, end);
            assert!(at <= end && end - at <= 25 * 3_600_000, "{time}: {at}");
        }
    }
}
