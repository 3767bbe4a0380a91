//! Carrying out a run beside a managed network: on a thread of its own, so that neither waits for the other, and on
//! ports that are free.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use super::engine::{Engine as _, Trouble};
use super::file::Scenario;
use super::real::{Place, Real};
use super::run::{Report, run};
use super::runs::{EngineKind, Run};
use super::simulated::Simulated;
use super::step::Step;
use crate::bind::{self, BindError};
use crate::limits;
use crate::term::THREAD_OF_RUN;
use crate::timeline::{FILE, What};

/// How often other ports are tried when somebody has taken one meanwhile.
const TRIES: usize = 20;

/// Begins the run. It is told its end, whatever that is. The managed network has so many nodes.
///
/// # Errors
/// The system gives no thread.
pub(super) fn begin(run: Arc<Run>, beside: u16) -> std::io::Result<()> {
    let id = run.id;
    let carry_out = move || {
        let outcome = std::panic::catch_unwind(AssertUnwindSafe(|| match run.engine() {
            EngineKind::Real => real(&run, beside),
            EngineKind::Simulated => Ok(simulated(&run)),
        }));
        let scenario = run.scenario();
        let failed = |why: &str| Some(Report::not_begun(&scenario, &Trouble(why.to_owned())));
        run.ends(match outcome {
            Ok(Ok(report)) => report.map(|report| Report { engine: engine_name(run.engine()).to_owned(), ..report }),
            Ok(Err(error)) => failed(&format!("{error:#}")),
            Err(_) => failed("the run met a fault in this program"),
        });
    };
    std::thread::Builder::new().name(format!("{THREAD_OF_RUN}{id}")).spawn(carry_out).map(drop)
}

fn engine_name(engine: EngineKind) -> &'static str {
    match engine {
        EngineKind::Real => "real",
        EngineKind::Simulated => "simulated",
    }
}

/// `None` if it was stopped.
fn simulated(told: &Run) -> Option<Report> {
    let (scenario, folder) = (told.scenario(), told.folder());
    let made = std::fs::create_dir_all(&folder)
        .map_err(|error| Trouble(format!("cannot write to {}: {error}", folder.display())));
    let engine =
        made.and_then(|()| Simulated::new(scenario.network.get_ref(), scenario.seed, Some(&folder.join(FILE))));
    let mut engine = match engine {
        Ok(engine) => engine,
        Err(trouble) => return Some(Report::not_begun(&scenario, &trouble)),
    };
    let stopping = told.stopping();
    engine.stop_when(stopping.clone());
    engine.timeline().into_iter().for_each(|timeline| told.is_told_by(timeline));
    told.begins();
    // Nothing in it waits: virtual time passes by itself.
    let report = futures::executor::block_on(run(&scenario, scenario.seed, &mut engine, &mut &*told));
    let stopped = *stopping.borrow() && !report.passed;
    (!stopped).then_some(Report { seed: Some(scenario.seed), ..report })
}

fn real(told: &Run, beside: u16) -> anyhow::Result<Option<Report>> {
    let scenario = told.scenario();
    let nodes = scenario.network.get_ref().nodes;
    limits::raise_open_files(nodes.saturating_add(beside))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut engine = on_free_ports(&scenario, told).await?;
        told.begins();
        let (mut stopping, mut audience) = (told.stopping(), told);
        let outcome = tokio::select! {
            _ = stopping.wait_for(|stop| *stop) => None,
            report = run(&scenario, scenario.seed, &mut engine, &mut audience) => Some(report),
        };
        if outcome.is_none() {
            engine.note(What::Verdict { passed: false, text: "it was stopped".to_owned() });
        }
        engine.end().await;
        Ok(outcome)
    })
}

async fn on_free_ports(scenario: &Scenario, told: &Run) -> anyhow::Result<Real> {
    let adds = scenario.steps.iter().filter(|step| matches!(step.get_ref(), Step::Add(_))).count();
    let ports = usize::from(scenario.network.get_ref().nodes) + adds + 1;
    for tried in 1.. {
        let port = bind::free_ports(u16::try_from(ports)?)?;
        match Real::start(scenario.network.get_ref(), &Place { port, folder: told.folder() }, |timeline| {
            told.is_told_by(timeline)
        })
        .await
        {
            Err(error) if tried < TRIES && matches!(error.downcast_ref(), Some(BindError::Busy { .. })) => {}
            started => return started,
        }
    }
    unreachable!("the last try returns")
}
