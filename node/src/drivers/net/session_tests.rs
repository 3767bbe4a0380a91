//! Two ends settle over links that deliver late, in any order between links, and die unnoticed.

use std::collections::VecDeque;

use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Message {
    /// The dialling end opens the stream; the other end answers that it is open.
    Stream,
    Opened,
    Accept,
    Closed,
}

/// A connection: what is under way to each end, and which ends still hold it.
#[derive(Default)]
struct Link {
    to: [VecDeque<Message>; 2],
    held: [bool; 2],
    dead: bool,
}

struct End {
    pair: Pair<usize>,
    running: Option<usize>,
    /// The session was told to end and has not yet reported.
    ending: bool,
    grace: Vec<usize>,
    starts: usize,
}

struct World {
    ends: [End; 2],
    links: Vec<Link>,
}

impl World {
    fn new() -> Self {
        let peers = [PeerId([1; 32]), PeerId([2; 32])];
        let end = |local, peer| End {
            pair: Pair::new(local, peer),
            running: None,
            ending: false,
            grace: Vec::new(),
            starts: 0,
        };
        Self { ends: [end(peers[0], peers[1]), end(peers[1], peers[0])], links: Vec::new() }
    }

    fn send(&mut self, from: usize, link: usize, message: Message) {
        if !self.links[link].dead {
            self.links[link].to[1 - from].push_back(message);
        }
    }

    fn dial(&mut self, end: usize) {
        if self.ends[end].pair.live().is_some() {
            return;
        }
        self.links.push(Link { held: [true; 2], ..Link::default() });
        let steps = self.ends[end].pair.dialled(self.links.len() - 1);
        self.take(end, steps);
    }

    /// What the driver does with the steps.
    fn take(&mut self, end: usize, steps: Vec<Step<usize>>) {
        for step in steps {
            match step {
                Step::Open(link) => self.send(end, link, Message::Stream),
                Step::AwaitAccept(_) => {}
                Step::Start(link) => {
                    assert!(self.links[link].held[end], "a session starts on a closed connection");
                    assert_eq!(self.ends[end].running.replace(link), None, "two sessions at once");
                    self.ends[end].starts += 1;
                    if self.ends[end].pair.decides() {
                        self.send(end, link, Message::Accept);
                    }
                }
                Step::Replace(link) => {
                    assert_eq!(self.ends[end].running, Some(link));
                    self.ends[end].ending = true;
                }
                Step::Grace(link) => self.ends[end].grace.push(link),
                Step::Close(link) => self.close(end, link),
            }
        }
    }

    fn close(&mut self, end: usize, link: usize) {
        if !std::mem::take(&mut self.links[link].held[end]) {
            return;
        }
        self.send(end, link, Message::Closed);
        let this = &mut self.ends[end];
        this.ending |= this.running == Some(link);
        this.pair.ending(link);
        this.pair.gone(link);
    }

    fn deliver(&mut self, end: usize, link: usize) {
        let Some(message) = self.links[link].to[end].pop_front() else { return };
        if !self.links[link].held[end] {
            return;
        }
        let steps = match message {
            Message::Stream => {
                self.send(end, link, Message::Opened);
                self.ends[end].pair.opened(link)
            }
            Message::Opened => self.ends[end].pair.opened(link),
            Message::Accept => self.ends[end].pair.accepted(link),
            Message::Closed => return self.close(end, link),
        };
        self.take(end, steps);
    }

    /// A session that was told to end reports it.
    fn report(&mut self, end: usize) {
        let this = &mut self.ends[end];
        if std::mem::take(&mut this.ending)
            && let Some(link) = this.running.take()
        {
            let steps = this.pair.ended(link);
            self.take(end, steps);
        }
    }

    fn grace(&mut self, end: usize) {
        if let Some(link) = self.ends[end].grace.pop() {
            let steps = self.ends[end].pair.grace_over(link);
            self.take(end, steps);
        }
    }

    fn quiet(&self) -> bool {
        let silent = |link: &Link| link.to.iter().all(VecDeque::is_empty);
        self.links.iter().all(silent) && self.ends.iter().all(|end| !end.ending)
    }

    /// Delivers all there is, before any time runs out.
    fn settle(&mut self) {
        while !self.quiet() {
            for end in 0..2 {
                self.report(end);
                (0..self.links.len()).for_each(|link| self.deliver(end, link));
            }
        }
    }

    /// Dead links are noticed, then grace times run out, then waiting connections are given up.
    fn run_out(&mut self) {
        self.settle();
        for link in 0..self.links.len() {
            if self.links[link].dead {
                (0..2).for_each(|end| self.close(end, link));
                self.settle();
            }
        }
        while let Some(end) = (0..2).find(|end| !self.ends[*end].grace.is_empty()) {
            self.grace(end);
            self.settle();
        }
        for end in 0..2 {
            for link in 0..self.links.len() {
                if self.ends[end].running != Some(link) {
                    self.close(end, link);
                    self.settle();
                }
            }
        }
    }

    fn assert_agreed(&self, connected: bool) {
        let [a, b] = &self.ends;
        assert_eq!(a.running, b.running, "the ends disagree");
        assert_eq!(a.running.is_some(), connected);
        for end in &self.ends {
            assert_eq!(end.pair.live(), end.running);
            assert_eq!((end.pair.next, end.pair.asking), (None, None));
        }
        for (number, link) in self.links.iter().enumerate() {
            assert_eq!(link.held, [a.running == Some(number); 2], "connection {number}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// Any dials and any order of delivery: one session, begun once, never replaced.
    #[test]
    fn crossing_dials_settle_without_a_break(choices in prop::collection::vec((0..4usize, 0..2usize, 0..6usize), 1..60)) {
        let mut world = World::new();
        for (what, end, link) in choices {
            match what {
                0 => world.dial(end),
                _ if world.links.is_empty() => {}
                _ => world.deliver(end, link % world.links.len()),
            }
        }
        let dialled = !world.links.is_empty();
        world.settle();
        for end in &world.ends {
            prop_assert_eq!(end.starts, usize::from(dialled));
        }
        world.run_out();
        world.assert_agreed(dialled);
    }

    /// Links die unnoticed or noticed by one end, sessions end, and grace times run out early:
    /// the ends agree again once everything is noticed, and can connect again.
    #[test]
    fn after_any_trouble_the_ends_agree(choices in prop::collection::vec((0..12usize, 0..2usize, 0..6usize), 1..120)) {
        let mut world = World::new();
        for (what, end, link) in choices {
            let count = world.links.len();
            match what {
                0 | 1 => world.dial(end),
                2 => world.report(end),
                3 => world.grace(end),
                _ if count == 0 => {}
                4 => {
                    world.links[link % count].dead = true;
                    world.links[link % count].to = Default::default();
                }
                5 => world.close(end, link % count),
                _ => world.deliver(end, link % count),
            }
        }
        world.run_out();
        let connected = world.ends[0].running.is_some();
        world.assert_agreed(connected);
        world.dial(0);
        world.run_out();
        world.assert_agreed(true);
    }
}

#[test]
fn the_end_that_lost_the_session_gets_a_new_one_from_the_end_that_has_not() {
    for loser in 0..2 {
        for dialler in 0..2 {
            let mut world = World::new();
            world.dial(dialler);
            world.settle();
            world.links[0].dead = true;
            world.close(loser, 0);
            world.dial(loser);
            world.settle();
            if world.ends[1 - loser].pair.decides() {
                world.grace(1 - loser);
                world.settle();
            }
            assert_eq!(world.ends.each_ref().map(|end| end.running), [Some(1); 2]);
        }
    }
}
