//! What happened and what holds now: the tree, the timeline, its stories and figures. All of it is read only, and
//! whatever may take long is read on a thread of its own. The same for the managed network and for runs.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use node::drivers::http::problem::Problem;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};

use super::mining::sentence;
use super::{Api, docs};
use crate::timeline::{Figures, Line, Moment, Page, ReadError, Recent, Recorder, Story, TreeView};

/// Blocks of a tree: preset and most.
const BLOCKS: (usize, usize) = (400, 5_000);
/// Entries that are given at once: preset and most.
const ENTRIES: (usize, usize) = (500, 5_000);
/// Stories that are told at once: preset and most.
const STORIES: (usize, usize) = (50, 500);
/// Blocks that are measured: preset and most.
const WINDOW: (usize, usize) = (200, 2_000);

type Asked<T> = Result<Query<T>, QueryRejection>;

/// How much of the tree is wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct TreeQuery {
    /// How many of the newest blocks, at most 5,000. 400 unless given.
    #[param(minimum = 1, maximum = 5_000)]
    blocks: Option<usize>,
}

/// Which moment is wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct MomentQuery {
    /// After the entry of this number.
    at: Option<u64>,
    /// After all entries up to this time: milliseconds since the Unix epoch, or of virtual time.
    time: Option<u64>,
    /// How many of the newest blocks, at most 5,000. 400 unless given.
    #[param(minimum = 1, maximum = 5_000)]
    blocks: Option<usize>,
}

/// Which entries are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct EntriesQuery {
    /// Number of the first one; the first that is kept unless given.
    from: Option<u64>,
    /// How many, at most 5,000. 500 unless given.
    #[param(minimum = 1, maximum = 5_000)]
    limit: Option<usize>,
}

/// Which stories are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct StoriesQuery {
    /// Those that reach to this entry or beyond it.
    from: Option<u64>,
    /// The last ones that begin before this entry. The newest unless one of both is given.
    before: Option<u64>,
    /// How many, at most 500. 50 unless given.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<usize>,
}

/// How much is measured.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct FiguresQuery {
    /// How many of the newest blocks of the best chain, at most 2,000. 200 unless given.
    #[param(minimum = 1, maximum = 2_000)]
    window: Option<usize>,
}

/// What a timeline reaches over.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Timeline)]
pub(super) struct TimelineView {
    /// Number of the first entry that is kept.
    first: u64,
    /// Number of the last one.
    last: u64,
    /// Time of the first one: milliseconds since the Unix epoch, or of virtual time.
    begun: u64,
    /// Time of the last one.
    ended: u64,
    /// Whether time is virtual.
    simulated: bool,
}

/// Entries of a timeline.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Entries)]
pub(super) struct EntriesView {
    /// In order.
    entries: Vec<EntryView>,
    /// The number to go on from.
    next: u64,
}

/// An entry.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Entry)]
pub(super) struct EntryView {
    /// Its number.
    number: u64,
    /// It as docs/timeline.md tells.
    #[schema(value_type = Object)]
    entry: Box<RawValue>,
}

/// Stories in order, and the entries in which they were looked for.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Stories)]
pub(super) struct StoriesView {
    /// Number of the first of these entries: `before` it there may be more.
    from: u64,
    /// Number of the last one: `from` the next one on there may be more.
    to: u64,
    /// What is told. A later answer about the same `number` takes the place of an earlier one.
    stories: Vec<Story>,
}

/// The network now
///
/// Its nodes, its splits and the tree of its newest blocks, with the time since when each node has each: by the timeline
/// alone. `/events?from=` the number after the given one goes on from here without a gap.
#[utoipa::path(
    get, path = "/tree", tag = docs::TIMELINE, params(TreeQuery),
    responses((status = 200, body = TreeView), (status = 400, body = docs::Problem), docs::Foreign)
)]
pub(super) async fn tree(State(api): State<Api>, asked: Asked<TreeQuery>) -> Result<Response, Problem> {
    tree_of(api.network.timeline.clone(), asked).await
}

/// How far the timeline reaches
#[utoipa::path(
    get, path = "/timeline", tag = docs::TIMELINE,
    responses((status = 200, body = TimelineView), docs::Unreadable, docs::Foreign)
)]
pub(super) async fn timeline(State(api): State<Api>) -> Result<Response, Problem> {
    timeline_of(&api, api.network.timeline.clone()).await
}

/// Entries of the timeline
///
/// The lines of the file as they are, with their numbers.
#[utoipa::path(
    get, path = "/timeline/entries", tag = docs::TIMELINE, params(EntriesQuery),
    responses((status = 200, body = EntriesView), (status = 400, body = docs::Problem), docs::Unreadable, docs::Foreign)
)]
pub(super) async fn entries(State(api): State<Api>, asked: Asked<EntriesQuery>) -> Result<Response, Problem> {
    entries_of(&api, api.network.timeline.clone(), asked).await
}

/// The network at some moment
///
/// As `/tree` is now, which it is unless `at` or `time` is given.
#[utoipa::path(
    get, path = "/timeline/state", operation_id = "state_at", tag = docs::TIMELINE, params(MomentQuery),
    responses((status = 200, body = TreeView), (status = 400, body = docs::Problem), docs::Unreadable, docs::Foreign)
)]
pub(super) async fn state(State(api): State<Api>, asked: Asked<MomentQuery>) -> Result<Response, Problem> {
    state_of(&api, api.network.timeline.clone(), asked).await
}

/// What happened, in sentences with their causes
///
/// As `networkmngr explain --json` tells it, each with the numbers of the first and the last entry that it is about.
/// Page back with `before` and the `from` of the last answer, forward with `from` and the number after its `to`.
#[utoipa::path(
    get, path = "/stories", tag = docs::TIMELINE, params(StoriesQuery),
    responses((status = 200, body = StoriesView), (status = 400, body = docs::Problem), docs::Unreadable, docs::Foreign)
)]
pub(super) async fn stories(State(api): State<Api>, asked: Asked<StoriesQuery>) -> Result<Response, Problem> {
    stories_of(&api, api.network.timeline.clone(), asked).await
}

/// What the newest blocks measure
///
/// Of each block of the best chain the interval, the difficulty and how fast it spread; and how many others there were.
#[utoipa::path(
    get, path = "/figures", tag = docs::TIMELINE, params(FiguresQuery),
    responses((status = 200, body = Figures), (status = 400, body = docs::Problem), docs::Foreign)
)]
pub(super) async fn figures(State(api): State<Api>, asked: Asked<FiguresQuery>) -> Result<Response, Problem> {
    figures_of(api.network.timeline.clone(), asked).await
}

pub(super) async fn tree_of(of: Arc<Recorder>, asked: Asked<TreeQuery>) -> Result<Response, Problem> {
    let blocks = within("blocks", asked?.blocks, BLOCKS)?;
    aside(move || json(&TreeView::of(&of.snapshot(), blocks))).await
}

pub(super) async fn figures_of(of: Arc<Recorder>, asked: Asked<FiguresQuery>) -> Result<Response, Problem> {
    let window = within("window", asked?.window, WINDOW)?;
    aside(move || json(&Figures::of(&of.snapshot(), window))).await
}

pub(super) async fn timeline_of(api: &Api, of: Arc<Recorder>) -> Result<Response, Problem> {
    reading(api, move || {
        let beginning = of.history().beginning()?;
        let view = of.now(|state| TimelineView {
            first: beginning.number,
            last: state.number(),
            begun: beginning.at,
            ended: state.at,
            simulated: state.simulated,
        });
        Ok(json(&view))
    })
    .await
}

pub(super) async fn entries_of(api: &Api, of: Arc<Recorder>, asked: Asked<EntriesQuery>) -> Result<Response, Problem> {
    let EntriesQuery { from, limit } = asked?.0;
    let limit = within("limit", limit, ENTRIES)?;
    let from = from.unwrap_or(0);
    reading(api, move || {
        let lines = match of.lines(from, limit) {
            Recent::Lines(lines) => lines,
            Recent::Nothing => Vec::new(),
            Recent::InFile => of.history().lines(from, limit)?,
        };
        let next = lines.last().map_or_else(|| from.min(*of.watch().borrow()), |line| line.number + 1);
        Ok(json(&EntriesView { entries: lines.iter().filter_map(EntryView::of).collect(), next }))
    })
    .await
}

pub(super) async fn state_of(api: &Api, of: Arc<Recorder>, asked: Asked<MomentQuery>) -> Result<Response, Problem> {
    let MomentQuery { at, time, blocks } = asked?.0;
    let blocks = within("blocks", blocks, BLOCKS)?;
    let moment = match (at, time) {
        (Some(_), Some(_)) => return Err(Problem::bad_request("Give `at` or `time`, not both.")),
        (Some(number), None) => Moment::Entry(number),
        (None, Some(time)) => Moment::Time(time),
        (None, None) => return aside(move || json(&TreeView::of(&of.snapshot(), blocks))).await,
    };
    reading(api, move || Ok(json(&TreeView::of(&of.history().state_at(moment)?, blocks)))).await
}

pub(super) async fn stories_of(api: &Api, of: Arc<Recorder>, asked: Asked<StoriesQuery>) -> Result<Response, Problem> {
    let StoriesQuery { from, before, limit } = asked?.0;
    let limit = within("limit", limit, STORIES)?;
    let page = match (from, before) {
        (Some(_), Some(_)) => return Err(Problem::bad_request("Give `from` or `before`, not both.")),
        (Some(from), None) => Page::From(from),
        (None, before) => Page::Before(before.unwrap_or_else(|| *of.watch().borrow())),
    };
    reading(api, move || {
        let found = of.history().stories(page, limit)?;
        Ok(json(&StoriesView { from: found.from, to: found.to, stories: found.stories }))
    })
    .await
}

impl EntryView {
    /// `None` for a line that is no JSON, which no writer leaves.
    fn of(line: &Line) -> Option<Self> {
        Some(Self { number: line.number, entry: RawValue::from_string(line.text.as_ref().to_owned()).ok()? })
    }
}

/// What was asked for, or the preset.
fn within(name: &str, asked: Option<usize>, (preset, most): (usize, usize)) -> Result<usize, Problem> {
    match asked {
        None => Ok(preset),
        Some(asked) if (1..=most).contains(&asked) => Ok(asked),
        Some(_) => Err(Problem::bad_request(format!("`{name}` takes 1 to {most}."))),
    }
}

fn json(view: &impl Serialize) -> Response {
    // These types have only fields that JSON can hold.
    let body = Body::from(serde_json::to_vec(view).unwrap_or_default());
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}

/// Does on a thread of its own what takes a while.
async fn aside(work: impl FnOnce() -> Response + Send + 'static) -> Result<Response, Problem> {
    tokio::task::spawn_blocking(work).await.map_err(|_| fault())
}

/// Reads files on a thread of its own, of which there are few.
async fn reading(
    api: &Api,
    work: impl FnOnce() -> Result<Response, ReadError> + Send + 'static,
) -> Result<Response, Problem> {
    let permit = api.readers.clone().acquire_owned().await.map_err(|_| fault())?;
    let read = tokio::task::spawn_blocking(move || {
        let read = work();
        drop(permit);
        read
    });
    read.await.map_err(|_| fault())?.map_err(|error| {
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, sentence(&format!("the timeline cannot be read: {error}")))
    })
}

fn fault() -> Problem {
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "This request met a fault in the manager. Others are not affected.")
}
