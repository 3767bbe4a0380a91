//! Each of a scenario's steps, done to real processes.

use std::time::{Duration, Instant};

use bytes::Bytes;
use node::client::ClientError;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::json;
use shared::record::{Content, Record};
use shared::{Amount, Payload, Topic, Transaction, TxId};

use super::super::engine::{Branch, Engine, Held, Measures, Outcome, Payment, Trouble, Whereabouts, link_rule};
use super::super::file::Link;
use super::super::measure;
use super::super::step::Strategy;
use super::{ANSWER, Real, of_node};
use crate::timeline::What;

/// How long the timeline may lag behind the nodes.
const TOLD: Duration = Duration::from_secs(10);
/// How long one block may take.
const MINE: Duration = Duration::from_secs(600);

impl Engine for Real {
    fn elapsed(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    async fn pass(&mut self, millis: u64) -> Outcome<()> {
        tokio::time::sleep(Duration::from_millis(millis)).await;
        Ok(())
    }

    async fn held(&mut self) -> Outcome<Vec<Held>> {
        let healths = crate::mining::healths(&self.network, self.network.running()).await;
        let mut held = Vec::with_capacity(healths.len());
        for (node, health) in healths {
            let health = health.ok_or_else(|| Trouble(format!("node {node} does not answer")))?;
            let tip = health.tip.parse().map_err(|_| Trouble(format!("node {node} answers with no hash")))?;
            held.push(Held { node, tip, height: u32::try_from(health.height).unwrap_or(u32::MAX), work: health.work });
        }
        Ok(held)
    }

    async fn mine_one(&mut self, by: u16, height: u32) -> Outcome<()> {
        let url = format!("{}/mine?height={height}", self.node(by)?.address);
        self.cap(by, self.rate).await?;
        let answer = self.network.client.post_json::<IgnoredAny>(&url, Bytes::new(), MINE).await;
        self.cap(by, self.own_rate(by)).await?;
        match answer {
            Ok(_) => Ok(()),
            // Another was first: there is a block of that height as well.
            Err(ClientError::Problem(problem)) if problem.more.contains_key("winner") => Ok(()),
            Err(error) => Err(of_node(by, &error)),
        }
    }

    async fn set_mining(&mut self, nodes: &[u16], on: bool) -> Outcome<()> {
        for node in nodes {
            self.switch(*node, on).await?;
            if on {
                self.mining.insert(*node)
            } else {
                self.mining.remove(node)
            };
        }
        Ok(())
    }

    async fn pay(&mut self, payment: &Payment) -> Outcome<TxId> {
        let to = self.keys(payment.to)?.address();
        let nonce = payment.instead_of.and_then(|id| self.signed.get(&id)).map(|earlier| earlier.nonce);
        let at = if payment.secret { None } else { Some(payment.at) };
        let payload = Payload::Transfer { to, amount: payment.amount };
        self.sign_and_submit(payment.from, payload, payment.fee, nonce, at).await
    }

    async fn record(&mut self, by: u16, topic: &str, record: &str, fee: Option<Amount>) -> Outcome<TxId> {
        let topic = Topic::new(topic).map_err(Trouble::new)?;
        let body = Record { corrects: None, content: Content::Json(record.into()) }.to_body().map_err(Trouble::new)?;
        self.sign_and_submit(by, Payload::Data { topic, body }, fee, None, Some(by)).await
    }

    async fn find(&mut self, node: u16, id: TxId) -> Outcome<Whereabouts> {
        #[derive(Deserialize)]
        #[serde(tag = "status", rename_all = "snake_case")]
        enum Place {
            Confirmed { confirmations: u32 },
            Pending {},
        }
        let url = format!("{}/transactions/{id}", self.node(node)?.address);
        match self.network.client.get::<Place>(&url, ANSWER).await {
            Ok(Place::Confirmed { confirmations }) => Ok(Whereabouts::Confirmed(confirmations)),
            Ok(Place::Pending {}) => Ok(Whereabouts::Pending),
            Err(error) if error.status().is_some_and(|status| status.as_u16() == 404) => Ok(Whereabouts::Unknown),
            Err(error) => Err(of_node(node, &error)),
        }
    }

    async fn split(&mut self, groups: &[Vec<u16>]) -> Outcome<()> {
        self.network.partition(groups).await.map(drop).map_err(Trouble::new)
    }

    async fn heal(&mut self) -> Outcome<()> {
        self.network.heal().await.map(drop).map_err(Trouble::new)
    }

    async fn kill(&mut self, node: u16) -> Outcome<()> {
        self.network.kill(node).await.map(drop).map_err(Trouble::new)
    }

    async fn pause(&mut self, node: u16) -> Outcome<()> {
        self.network.pause(node).map(drop).map_err(Trouble::new)
    }

    async fn resume(&mut self, node: u16) -> Outcome<()> {
        self.network.resume(node).await.map(drop).map_err(Trouble::new)
    }

    async fn restart(&mut self, node: u16) -> Outcome<()> {
        self.network.restart(node).await.map_err(Trouble::new)?;
        // It keeps its hash rate, and begins without a task.
        if self.mining.contains(&node) { self.switch(node, true).await } else { Ok(()) }
    }

    async fn remove(&mut self, node: u16) -> Outcome<()> {
        self.mining.remove(&node);
        self.network.remove(node).await.map(drop).map_err(Trouble::new)
    }

    async fn add(&mut self) -> Outcome<u16> {
        let number = self.network.add().await.map_err(Trouble::new)?.number;
        self.set_share_of(number, 1.0).await?;
        Ok(number)
    }

    async fn set_link(&mut self, link: &Link) -> Outcome<()> {
        let rule = link_rule(link.from.clone(), link.to.clone(), link.delay, link.loss);
        self.network.set_links(&[rule]).await.map(drop).map_err(Trouble::new)
    }

    async fn set_share(&mut self, node: u16, share: f64) -> Outcome<()> {
        self.set_share_of(node, share).await
    }

    async fn set_strategy(&mut self, node: u16, strategy: Strategy) -> Outcome<()> {
        let strategy = match strategy {
            Strategy::Honest => json!("honest"),
            Strategy::Selfish => json!("selfish"),
            Strategy::InvalidBlocks => json!({ "liar": "invalid_blocks" }),
            Strategy::WithheldBodies => json!({ "liar": "withheld_bodies" }),
            Strategy::Floods => json!({ "liar": "floods" }),
        };
        self.tell(node, "/strategy", &json!({ "strategy": strategy })).await
    }

    async fn prefer(&mut self, miner: u16, nodes: &[u16]) -> Outcome<()> {
        let address = self.keys(miner)?.address();
        for node in nodes {
            self.tell(*node, "/strategy", &json!({ "tie": { "prefer": address } })).await?;
        }
        Ok(())
    }

    async fn attack(&mut self, branch: &Branch) -> Outcome<()> {
        let from = self.block_below(branch.by, branch.depth).await?;
        let instead: Vec<&Transaction> = branch.instead.iter().filter_map(|id| self.signed.get(id)).collect();
        let private = json!({
            "from": from, "confirmations": branch.confirmations, "give_up": branch.give_up,
            "leave_out": branch.without, "instead": instead,
        });
        self.tell(branch.by, "/strategy", &json!({ "strategy": { "private": private } })).await
    }

    async fn attack_over(&mut self, node: u16) -> Outcome<Option<bool>> {
        #[derive(Deserialize)]
        struct InForce {
            ended: Option<String>,
        }
        let status: InForce = self.ask(node, "/strategy").await?;
        Ok(status.ended.map(|ended| ended == "published"))
    }

    async fn boost(&mut self, node: u16, on: bool) -> Outcome<()> {
        self.cap(node, if on { self.rate } else { self.own_rate(node) }).await?;
        let mines = on || self.mining.contains(&node);
        self.switch(node, mines).await
    }

    fn note(&mut self, what: What) {
        self.timeline.network(what);
    }

    fn close(&mut self) -> Outcome<()> {
        Ok(())
    }

    async fn measures(&mut self) -> Outcome<Measures> {
        let timeline = self.network.plan().folder.join(crate::timeline::FILE);
        let deadline = Instant::now() + TOLD;
        loop {
            let held = self.held().await?;
            match measure::read(&timeline, &held)? {
                Some(measures) => return Ok(measures),
                None if Instant::now() >= deadline => {
                    return Err(Trouble("the timeline lags behind what the nodes hold".into()));
                }
                None => self.pass(100).await?,
            }
        }
    }
}
