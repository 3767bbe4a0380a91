//! Whether what a scenario expects is so: each expectation, looked at by the engine's means.

use std::collections::BTreeSet;

use super::engine::{Engine, Measures, Outcome, Whereabouts};
use super::expectation::{Bounds, Expectation};
use super::run::{Done, Stage};
use super::step::Until;
use super::words;

impl<E: Engine> Stage<'_, E> {
    /// What became of an expectation.
    pub(super) async fn judge(&mut self, expected: &Expectation) -> Done {
        let outcome = self.look(expected).await;
        let (failure, measured) = match outcome {
            Ok((holds, measured)) if holds => (None, measured),
            Ok((_, measured)) => (Some(words::disappointed(expected, measured)), measured),
            Err(trouble) => (Some(trouble.0), None),
        };
        Done { what: words::expectation(expected), at: self.engine.elapsed(), failure, measured }
    }

    /// Whether it is as expected, and what was measured.
    async fn look(&mut self, expected: &Expectation) -> Outcome<(bool, Option<f64>)> {
        let bounded = |bounds: &Bounds, value: f64| (bounds.hold(value), Some(value));
        Ok(match expected {
            Expectation::Agreement(within) => {
                let until = Until { agreement: true, within: Some(*within), ..Until::default() };
                self.wait(&until).await?;
                (true, None)
            }
            Expectation::Tips(bounds) => {
                let tips: BTreeSet<_> = self.engine.held().await?.iter().map(|held| held.tip).collect();
                bounded(bounds, tips.len() as f64)
            }
            Expectation::Height(bounds) => {
                let lowest = self.engine.held().await?.iter().map(|held| held.height).min().unwrap_or(0);
                bounded(bounds, f64::from(lowest))
            }
            Expectation::StaleShare(bounds) => {
                let Measures { found, kept, .. } = self.engine.measures().await?;
                bounded(bounds, if found == 0 { 0.0 } else { (found - kept) as f64 / found as f64 })
            }
            Expectation::ReorgDepth(bounds) => bounded(bounds, f64::from(self.engine.measures().await?.deepest)),
            Expectation::Won(won) => {
                let Measures { kept, kept_by, .. } = self.engine.measures().await?;
                let own = kept_by.get(usize::from(won.node)).copied().unwrap_or(0);
                let share = if kept == 0 { 0.0 } else { own as f64 / kept as f64 };
                bounded(&won.share(), share)
            }
            Expectation::Confirmed(name) => {
                let id = self.named(name)?;
                let mut everywhere = true;
                for held in self.engine.held().await? {
                    everywhere &= matches!(self.engine.find(held.node, id).await?, Whereabouts::Confirmed(_));
                }
                (everywhere, None)
            }
            Expectation::Retracted(name) => {
                let id = self.named(name)?;
                (self.engine.measures().await?.retracted.contains(&id), None)
            }
            Expectation::Never(name) => {
                let id = self.named(name)?;
                (!self.engine.measures().await?.confirmed.contains(&id), None)
            }
        })
    }
}
