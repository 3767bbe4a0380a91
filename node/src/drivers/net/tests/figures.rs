//! Figures, not checks: round trips of the driver beside those of bare TCP in the same run.
//! `cargo test --release -p node --lib figures -- --ignored --nocapture`

use std::time::Instant;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;

const SIZES: [(usize, u32); 3] = [(100, 20_000), (10_000, 5_000), (1_000_000, 200)];

/// Runs the other side on a thread and a runtime of its own, as in another process.
fn elsewhere(task: impl Future<Output = ()> + Send + 'static) {
    std::thread::spawn(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.unwrap().block_on(task);
    });
}

async fn over_tcp(size: usize, rounds: u32) -> Duration {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut socket = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (other, _) = listener.accept().await.unwrap();
    socket.set_nodelay(true).unwrap();
    other.set_nodelay(true).unwrap();
    let other = other.into_std().unwrap();
    elsewhere(async move {
        let mut other = TcpStream::from_std(other).unwrap();
        let mut buffer = vec![0; size];
        while other.read_exact(&mut buffer).await.is_ok() {
            other.write_all(&buffer[..100]).await.unwrap();
        }
    });
    let mut buffer = vec![0; size];
    let start = Instant::now();
    for _ in 0..rounds {
        socket.write_all(&buffer).await.unwrap();
        socket.read_exact(&mut buffer[..100]).await.unwrap();
    }
    start.elapsed() / rounds
}

async fn over_the_driver(a: &mut Node, b: PeerId, size: usize, rounds: u32) -> Duration {
    let frame = Bytes::from(vec![0; size]);
    let start = Instant::now();
    for _ in 0..rounds {
        a.net.command(NetCommand::Send { peer: b, frame: frame.clone() });
        a.frame().await;
    }
    start.elapsed() / rounds
}

#[tokio::test]
#[ignore = "prints figures"]
async fn figures_of_round_trips() {
    let mut a = node().await;
    let target = a.address();
    elsewhere(async move {
        let mut b = node().await;
        b.net.command(NetCommand::Connect { peer: None, addresses: vec![target] });
        while let Some(event) = b.events.recv().await {
            if let NetEvent::Frame { peer, frame } = event {
                b.net.command(NetCommand::Send { peer, frame: Bytes::copy_from_slice(&frame[..100]) });
            }
        }
    });
    let b = a.connected().await;
    for (size, rounds) in SIZES {
        // Windows open and buffers grow in the first rounds.
        over_the_driver(&mut a, b, size, rounds / 10).await;
        let driver = over_the_driver(&mut a, b, size, rounds).await;
        let tcp = over_tcp(size, rounds).await;
        let ratio = driver.as_secs_f64() / tcp.as_secs_f64();
        println!("{size:>8} bytes there, 100 back: {driver:?}; bare TCP {tcp:?}; ratio {ratio:.1}");
    }
}

/// Resident memory of this process, in KiB.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[tokio::test]
#[ignore = "prints figures"]
async fn figures_of_idle_connections() {
    let mut hub = node_with(|config| config.max_inbound = 400, Timing::default()).await;
    let mut others = Vec::new();
    for _ in 0..300 {
        others.push(node().await);
    }
    let before = resident();
    for other in &mut others {
        connect(other, &mut hub).await;
        assert_exchange(other, &mut hub).await;
    }
    let of_each = |hub: usize| (hub - before) / others.len();
    println!("an idle connection takes {} KiB for both ends together", of_each(resident()));
    for other in &others {
        other.send(&hub, vec![0; 200_000]);
        hub.frame().await;
    }
    println!("and {} KiB after a frame of 200,000 bytes", of_each(resident()));
}
