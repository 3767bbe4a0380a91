//! `/lessons` and `/runs`: scenarios beside the managed network, each on a network of its own, with the same views of
//! what happens there.

use std::sync::Arc;

use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Json, Response};
use node::drivers::http::problem::Problem;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::events::{Begin, Over};
use super::mining::sentence;
use super::timeline::{self, EntriesQuery, FiguresQuery, MomentQuery, StoriesQuery, TreeQuery};
use super::{Api, docs, events};
use crate::scenario::{EngineKind, Lesson, Run, RunError, RunView, Scenario, Wanted, lessons};
use crate::timeline::Recorder;

type RunNumber = Result<Path<u64>, PathRejection>;
type Asked<T> = Result<Query<T>, QueryRejection>;

/// A lesson, without its answer.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Lesson)]
pub(super) struct LessonView {
    /// Its place in the teaching order.
    number: u32,
    /// What it is called.
    name: String,
    /// What it is about, in prose.
    about: String,
    /// What is asked before it runs.
    question: String,
    /// What can be answered; an answer is the number of one of them, from 1.
    choices: Vec<String>,
    /// How many nodes it runs.
    nodes: u16,
}

/// All lessons.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Lessons)]
pub(super) struct LessonsView {
    /// In teaching order.
    lessons: Vec<LessonView>,
}

/// What is to be run: a lesson or a scenario.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(example = json!({ "lesson": 1, "engine": "simulated", "answer": 2 }))]
#[serde(deny_unknown_fields, default)]
pub(super) struct RunOrder {
    /// Number of a lesson.
    lesson: Option<u32>,
    /// A scenario as docs/scenarios.md tells, TOML.
    scenario: Option<String>,
    /// What carries it out; real processes unless given.
    engine: EngineKind,
    /// What is left to chance; the scenario's own unless given.
    seed: Option<u64>,
    /// With a lesson: the prediction, from 1.
    answer: Option<usize>,
}

/// Runs.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Runs)]
pub(super) struct RunsView {
    /// The newest first, at most ten.
    runs: Vec<RunView>,
}

impl LessonView {
    fn of((_, scenario, lesson): (String, Scenario, Lesson)) -> Self {
        Self {
            number: lesson.order,
            name: scenario.name,
            about: scenario.about.trim().to_owned(),
            question: lesson.question.trim().to_owned(),
            choices: lesson.choices,
            nodes: scenario.network.get_ref().nodes,
        }
    }
}

/// The lessons
///
/// Guided scenarios in teaching order, each with a question to think about before it runs.
#[utoipa::path(
    get, path = "/lessons", operation_id = "lessons", tag = docs::RUNS, responses((status = 200, body = LessonsView), docs::Foreign)
)]
pub(super) async fn all_lessons() -> Result<Json<LessonsView>, Problem> {
    let lessons = built_in()?.into_iter().map(LessonView::of);
    Ok(Json(LessonsView { lessons: lessons.collect() }))
}

/// A lesson
#[utoipa::path(
    get, path = "/lessons/{number}", operation_id = "lesson", tag = docs::RUNS, params(("number" = u32, Path, description = "Its number")),
    responses(
        (status = 200, body = LessonView), (status = 400, description = "That is no number", body = docs::Problem),
        (status = 404, description = "There is no such lesson", body = docs::Problem), docs::Foreign,
    )
)]
pub(super) async fn lesson(number: Result<Path<u32>, PathRejection>) -> Result<Json<LessonView>, Problem> {
    find_lesson(number?.0).map(LessonView::of).map(Json)
}

/// Run a lesson or a scenario
///
/// On a network of its own beside the managed one: of real processes on ports that are free, or simulated. The answer
/// comes as soon as what happens there is told under the run's own paths. One run at a time.
#[utoipa::path(
    post, path = "/runs", operation_id = "start_run", tag = docs::RUNS, request_body = RunOrder,
    responses(
        (status = 202, description = "It is under way; `Location` is its path", body = RunView),
        (status = 404, description = "There is no such lesson", body = docs::Problem),
        (status = 409, description = "Another run is under way", body = docs::Problem),
        (status = 422, description = "It is no scenario, with the line and the field; or the order is none", body = docs::Problem),
        (status = 500, description = "There is no place for the run", body = docs::Problem),
        (status = 503, description = "The manager is ending", body = docs::Problem),
        docs::Body, docs::Foreign,
    )
)]
pub(super) async fn start(
    State(api): State<Api>,
    order: Result<Json<RunOrder>, JsonRejection>,
) -> Result<Response, Problem> {
    let wanted = wanted(order?.0)?;
    let runs = api.runs.clone();
    let started = tokio::task::spawn_blocking(move || runs.start(wanted)).await;
    let run = started.map_err(|_| problem(RunError::Closing))?.map_err(problem)?;
    run.shown().await;
    let place = format!("/runs/{}", run.id);
    Ok((StatusCode::ACCEPTED, [(header::LOCATION, place)], Json(run.view())).into_response())
}

/// The runs
///
/// The one under way and those that have ended, ten at most, until the manager ends.
#[utoipa::path(get, path = "/runs", operation_id = "runs", tag = docs::RUNS, responses((status = 200, body = RunsView), docs::Foreign))]
pub(super) async fn list(State(api): State<Api>) -> Json<RunsView> {
    Json(RunsView { runs: api.runs.all().iter().map(|run| run.view()).collect() })
}

/// A run
#[utoipa::path(
    get, path = "/runs/{id}", operation_id = "run", tag = docs::RUNS, params(docs::RunId),
    responses((status = 200, body = RunView), docs::NoRun, docs::Foreign)
)]
pub(super) async fn one(State(api): State<Api>, id: RunNumber) -> Result<Json<RunView>, Problem> {
    Ok(Json(find(&api, id)?.view()))
}

/// Stop a run
///
/// The answer comes when its network has ended. A run that has ended stays as it is.
#[utoipa::path(
    post, path = "/runs/{id}/stop", operation_id = "stop_run", tag = docs::RUNS, params(docs::RunId),
    responses((status = 200, body = RunView), docs::NoRun, docs::Foreign)
)]
pub(super) async fn stop(State(api): State<Api>, id: RunNumber) -> Result<Json<RunView>, Problem> {
    let run = find(&api, id)?;
    run.stop().await;
    Ok(Json(run.view()))
}

/// Everything that happens in a run, as it happens
///
/// As `/events`. After the last entry of a run that has ended comes `over`, and the stream ends.
#[utoipa::path(
    get, path = "/runs/{id}/events", operation_id = "run_events", tag = docs::RUNS, params(docs::RunId, Begin, docs::LastEventId),
    responses(
        (status = 200, description = "Server-sent events", body = String, content_type = "text/event-stream"),
        docs::NoRun, docs::TooManyFollow, docs::Foreign,
    )
)]
pub(super) async fn run_events(
    State(api): State<Api>,
    id: RunNumber,
    begin: Asked<Begin>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let run = find(&api, id)?;
    events::follow(&api, timeline_of(&run)?, Over::Run(run.watch()), begin?.0, &headers)
}

/// A run's network now
///
/// As `/tree`.
#[utoipa::path(
    get, path = "/runs/{id}/tree", operation_id = "run_tree", tag = docs::RUNS, params(docs::RunId, TreeQuery),
    responses((status = 200, body = crate::timeline::TreeView), docs::NoRun, docs::Foreign)
)]
pub(super) async fn tree(State(api): State<Api>, id: RunNumber, asked: Asked<TreeQuery>) -> Result<Response, Problem> {
    timeline::tree_of(timeline_of(&*find(&api, id)?)?, asked).await
}

/// How far a run's timeline reaches
///
/// As `/timeline`.
#[utoipa::path(
    get, path = "/runs/{id}/timeline", operation_id = "run_timeline", tag = docs::RUNS, params(docs::RunId),
    responses((status = 200, body = timeline::TimelineView), docs::NoRun, docs::Unreadable, docs::Foreign)
)]
pub(super) async fn reach(State(api): State<Api>, id: RunNumber) -> Result<Response, Problem> {
    timeline::timeline_of(&api, timeline_of(&*find(&api, id)?)?).await
}

/// Entries of a run's timeline
///
/// As `/timeline/entries`.
#[utoipa::path(
    get, path = "/runs/{id}/timeline/entries", operation_id = "run_entries", tag = docs::RUNS, params(docs::RunId, EntriesQuery),
    responses((status = 200, body = timeline::EntriesView), docs::NoRun, docs::Unreadable, docs::Foreign)
)]
pub(super) async fn entries(
    State(api): State<Api>,
    id: RunNumber,
    asked: Asked<EntriesQuery>,
) -> Result<Response, Problem> {
    timeline::entries_of(&api, timeline_of(&*find(&api, id)?)?, asked).await
}

/// A run's network at some moment
///
/// As `/timeline/state`.
#[utoipa::path(
    get, path = "/runs/{id}/timeline/state", operation_id = "run_state", tag = docs::RUNS, params(docs::RunId, MomentQuery),
    responses((status = 200, body = crate::timeline::TreeView), docs::NoRun, docs::Unreadable, docs::Foreign)
)]
pub(super) async fn state(
    State(api): State<Api>,
    id: RunNumber,
    asked: Asked<MomentQuery>,
) -> Result<Response, Problem> {
    timeline::state_of(&api, timeline_of(&*find(&api, id)?)?, asked).await
}

/// What happened in a run
///
/// As `/stories`.
#[utoipa::path(
    get, path = "/runs/{id}/stories", operation_id = "run_stories", tag = docs::RUNS, params(docs::RunId, StoriesQuery),
    responses((status = 200, body = timeline::StoriesView), docs::NoRun, docs::Unreadable, docs::Foreign)
)]
pub(super) async fn stories(
    State(api): State<Api>,
    id: RunNumber,
    asked: Asked<StoriesQuery>,
) -> Result<Response, Problem> {
    timeline::stories_of(&api, timeline_of(&*find(&api, id)?)?, asked).await
}

/// What the newest blocks of a run measure
///
/// As `/figures`.
#[utoipa::path(
    get, path = "/runs/{id}/figures", operation_id = "run_figures", tag = docs::RUNS, params(docs::RunId, FiguresQuery),
    responses((status = 200, body = crate::timeline::Figures), docs::NoRun, docs::Foreign)
)]
pub(super) async fn figures(
    State(api): State<Api>,
    id: RunNumber,
    asked: Asked<FiguresQuery>,
) -> Result<Response, Problem> {
    timeline::figures_of(timeline_of(&*find(&api, id)?)?, asked).await
}

fn find(api: &Api, id: RunNumber) -> Result<Arc<Run>, Problem> {
    let Path(id) = id?;
    api.runs.get(id).ok_or_else(|| {
        Problem::not_found(format!("There is no run {id}: the last ten are kept, and GET /runs lists them."))
    })
}

fn timeline_of(run: &Run) -> Result<Arc<Recorder>, Problem> {
    run.timeline().cloned().ok_or_else(|| {
        Problem::not_found(format!(
            "Run {0} has nothing to tell, for its network is not up; GET /runs/{0} says why.",
            run.id
        ))
    })
}

fn wanted(order: RunOrder) -> Result<Wanted, Problem> {
    let unfit = |detail: String| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail);
    let RunOrder { lesson, scenario, engine, seed, answer } = order;
    let (scenario, lesson) = match (lesson, scenario) {
        (Some(number), None) => find_lesson(number).map(|(_, scenario, lesson)| (scenario, Some(lesson)))?,
        (None, Some(text)) => {
            let scenario = Scenario::parse(&text).map_err(|error| unfit(format!("That is no scenario: {error}")))?;
            let lesson = scenario.lesson.as_ref().map(|lesson| lesson.get_ref().clone());
            (scenario, lesson)
        }
        _ => return Err(unfit("Give the number of a `lesson`, or the text of a `scenario`.".to_owned())),
    };
    match (answer, &lesson) {
        (None, _) => {}
        (Some(_), None) => return Err(unfit("`answer` is for lessons; this scenario asks nothing.".to_owned())),
        (Some(answer), Some(lesson)) if !(1..=lesson.choices.len()).contains(&answer) => {
            return Err(unfit(format!("`answer` takes 1 to {}.", lesson.choices.len())));
        }
        (Some(_), Some(_)) => {}
    }
    Ok(Wanted { scenario, lesson, engine, seed, answer })
}

fn built_in() -> Result<Vec<(String, Scenario, Lesson)>, Problem> {
    lessons(None).map_err(|error| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, sentence(&format!("{error:#}"))))
}

fn find_lesson(number: u32) -> Result<(String, Scenario, Lesson), Problem> {
    let found = built_in()?.into_iter().find(|(_, _, lesson)| lesson.order == number);
    found.ok_or_else(|| Problem::not_found(format!("There is no lesson {number}; GET /lessons lists them.")))
}

fn problem(error: RunError) -> Problem {
    let status = match error {
        RunError::UnderWay(_) => StatusCode::CONFLICT,
        RunError::Closing => StatusCode::SERVICE_UNAVAILABLE,
        RunError::System(_) => StatusCode::INTERNAL_SERVER_ERROR,
    };
    Problem::new(status, sentence(&error.to_string()))
}
