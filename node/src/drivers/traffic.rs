//! Between the net driver and the machine: frames from peers are checked here, off the machine's
//! thread, and become events; the machine's effects become commands.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use shared::{Network, peer::PeerId};
use tokio::{sync::mpsc, task::JoinHandle};
use tracing::{debug, info, warn};

use super::{
    engine::EngineHandle,
    folder::Folder,
    miner::Miner,
    net::{Net, NetCommand, NetEvent, NetEvents},
    outside::{Offer, Outside},
};
use crate::machine::{effect::Effect, event::Event, inbound};

/// Frames of one peer that may wait for their check. A peer that sends more at once is let go.
const WAITING_FRAMES: usize = 4_096;
/// Bytes in such frames.
const WAITING_BYTES: usize = 16 * 1024 * 1024;
/// Frames longer than this are checked on a thread of their own: a block's signatures take a while.
const LONG_FRAME: usize = 16 * 1024;

/// What one peer's task is sent.
enum FromPeer {
    Frame(Vec<u8>),
    Gone,
}

/// What waits for one peer's task.
struct Inbox {
    sender: mpsc::Sender<FromPeer>,
    bytes: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Inbox {
    /// Adds a frame; false when there is no room.
    fn push(&self, frame: Vec<u8>) -> bool {
        let waiting = self.bytes.fetch_add(frame.len(), Ordering::Relaxed);
        waiting <= WAITING_BYTES && self.sender.try_send(FromPeer::Frame(frame)).is_ok()
    }
}

/// Turns what happens on the network into events, until the network or the engine ends. Each peer has
/// a task of its own, so that its messages keep their order and nobody waits for another's checks.
/// `join` holds the addresses of which the user is told when they cannot be reached.
pub async fn inbound(mut events: NetEvents, net: Net, engine: EngineHandle, network: Arc<Network>, join: Vec<String>) {
    let mut peers: HashMap<PeerId, Inbox> = HashMap::new();
    while let Some(event) = events.recv().await {
        let sent = match event {
            NetEvent::Connected { peer, outbound, address } => {
                debug!(%peer, outbound, address, "peer connected");
                // What is left of an earlier session must reach the machine before the new one.
                if let Some(earlier) = peers.remove(&peer) {
                    let _ = earlier.task.await;
                }
                peers.retain(|_, inbox| !inbox.task.is_finished());
                let connected = engine.event(Event::PeerConnected { peer, outbound, address }).await;
                peers.insert(peer, open_inbox(peer, engine.clone(), network.clone()));
                connected
            }
            NetEvent::Disconnected { peer, reason } => {
                debug!(%peer, %reason, "peer disconnected");
                if let Some(inbox) = peers.get(&peer) {
                    let _ = inbox.sender.send(FromPeer::Gone).await;
                }
                Ok(())
            }
            NetEvent::Frame { peer, frame } => {
                if peers.get(&peer).is_some_and(|inbox| !inbox.push(frame)) {
                    info!(%peer, "sends more than can be checked; it is let go");
                    net.command(NetCommand::Disconnect { peer });
                }
                Ok(())
            }
            NetEvent::ConnectFailed { peer, addresses, reason } => {
                match addresses.iter().find(|address| join.contains(address)) {
                    Some(address) => info!("cannot join {address}: {reason}; trying again later"),
                    None => debug!(?addresses, %reason, "peer not reached"),
                }
                engine.event(Event::ConnectFailed { peer, addresses }).await
            }
            NetEvent::Discovered { peer, address } => engine.event(Event::Discovered { peer, address }).await,
        };
        if sent.is_err() {
            return;
        }
    }
}

fn open_inbox(peer: PeerId, engine: EngineHandle, network: Arc<Network>) -> Inbox {
    let (sender, frames) = mpsc::channel(WAITING_FRAMES);
    let bytes = Arc::new(AtomicUsize::new(0));
    let task = tokio::spawn(one_peer(peer, frames, bytes.clone(), engine, network));
    Inbox { sender, bytes, task }
}

async fn one_peer(
    peer: PeerId,
    mut frames: mpsc::Receiver<FromPeer>,
    bytes: Arc<AtomicUsize>,
    engine: EngineHandle,
    network: Arc<Network>,
) {
    while let Some(FromPeer::Frame(frame)) = frames.recv().await {
        let length = frame.len();
        let checked = if frame.len() > LONG_FRAME {
            let network = network.clone();
            match tokio::task::spawn_blocking(move || inbound::check_frame(&frame, &network)).await {
                Ok(checked) => checked,
                Err(_) => break,
            }
        } else {
            inbound::check_frame(&frame, &network)
        };
        let sent = match checked {
            Ok(message) => engine.event_of(Event::Message { peer, message }, length).await,
            Err(fault) => engine.event(Event::Misbehaved { peer, fault }).await,
        };
        if sent.is_err() {
            return;
        }
        bytes.fetch_sub(length, Ordering::Relaxed);
    }
    // Whichever way the task ends, the machine hears of it after the peer's last message.
    let _ = engine.event(Event::PeerDisconnected { peer }).await;
}

/// Carries out the machine's effects, until the machine ends.
pub async fn outbound(
    mut effects: mpsc::UnboundedReceiver<Effect>,
    net: Net,
    miner: Miner,
    outside: Outside,
    folder: Arc<Folder>,
) {
    while let Some(effect) = effects.recv().await {
        match effect {
            Effect::Connect { peer, addresses } => net.command(NetCommand::Connect { peer, addresses }),
            Effect::Send { to, message } => {
                let frame = Bytes::from(message.to_bytes());
                to.into_iter().for_each(|peer| net.command(NetCommand::Send { peer, frame: frame.clone() }));
            }
            Effect::Disconnect { peer, reason } => {
                info!(%peer, reason, "parting from a peer");
                net.command(NetCommand::Disconnect { peer });
            }
            Effect::Ban { peer, period, fault } => {
                warn!(%peer, %fault, "banning a peer");
                net.command(NetCommand::Ban { peer, duration: period });
            }
            Effect::StartMining { job, template } => miner.set_job(Some((job, template))),
            Effect::StopMining => miner.set_job(None),
            Effect::Offer { job, template } => outside.set_offer(Some(Offer::new(job, template))),
            Effect::Withdraw => outside.set_offer(None),
            Effect::KeepPeers(peers) => {
                let folder = folder.clone();
                tokio::task::spawn_blocking(move || {
                    if let Err(error) = folder.keep_peers(&peers) {
                        warn!(%error, "the list of peers is not kept");
                    }
                });
            }
            // The engine has dealt with these.
            Effect::Reply { .. } | Effect::Journal | Effect::Notice(_) | Effect::WakeAt(_) => {}
        }
    }
}
