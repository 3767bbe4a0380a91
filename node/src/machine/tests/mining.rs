//! Mining: brought up to date first, one proof a request, and everybody who asked is told.

use shared::{Address, Height, wire::Message};

use super::{
    branch::{Branch, announcement, checked, key, note},
    conversation::{Node, exchange, solve, stranger},
};
use crate::machine::{
    effect::Reply,
    event::{Event, Request, RequestId},
    strategy::Strategy,
};

#[test]
fn a_request_first_brings_the_chain_up_to_date_and_then_proves_work_on_it() {
    let mut branch = Branch::of(&key(101));
    branch.grow(3);
    let (mut alice, mut bob) = (Node::new(1), Node::new(2));
    alice.connect_to(&mut bob);
    exchange(&mut [&mut alice, &mut bob]);
    // The announcement is lost on the way.
    bob.takes(&branch.blocks);
    bob.said_to(alice.peer);
    let request = alice.asks(Request::Mine { height: None });
    assert!(alice.job.is_none(), "the peers are asked first");
    exchange(&mut [&mut alice, &mut bob]);
    assert_eq!(alice.tip(), branch.tip());
    let block = alice.proves();
    assert_eq!(block.header().previous, branch.tip());
    assert!(matches!(alice.reply(request), Some(Reply::Mined(mined)) if mined.hash() == block.hash()));
    assert!(alice.job.is_none(), "one request, one block");
    exchange(&mut [&mut alice, &mut bob]);
    assert_eq!(bob.tip(), block.hash());
}

#[test]
fn a_node_alone_mines_at_once() {
    let mut node = Node::new(1);
    let request = node.asks(Request::Mine { height: None });
    let block = node.proves();
    assert!(matches!(node.reply(request), Some(Reply::Mined(_))));
    assert_eq!(node.tip(), block.hash());
}

#[test]
fn a_request_for_a_height_that_is_reached_is_lost_at_once() {
    let mut node = Node::new(1);
    node.asks(Request::Mine { height: Some(Height(1)) });
    let winner = node.proves().hash();
    let late = node.asks(Request::Mine { height: Some(Height(1)) });
    assert!(matches!(node.reply(late), Some(Reply::MineLost { winner: told }) if *told == winner));
    assert!(node.job.is_none());
}

#[test]
fn stopping_gives_up_what_was_asked_for() {
    let mut node = Node::new(1);
    let request = node.asks(Request::Mine { height: None });
    node.asks(Request::SetMining(false));
    assert!(matches!(node.reply(request), Some(Reply::Refused(_))));
    assert!(node.job.is_none());
}

#[test]
fn a_peer_that_does_not_answer_holds_mining_up_for_two_seconds_only() {
    let mut node = Node::new(1);
    node.meets(stranger(1));
    node.asks(Request::Mine { height: None });
    node.waits(1);
    assert!(node.job.is_none());
    node.waits(2);
    assert!(node.job.is_some());
}

#[test]
fn who_disconnects_is_not_waited_for() {
    let mut node = Node::new(1);
    node.meets(stranger(1));
    node.asks(Request::Mine { height: None });
    node.loses(stranger(1));
    assert!(node.job.is_some());
}

/// A peer may send a little of what it was asked for, just in time, for ever.
#[test]
fn a_download_without_end_does_not_keep_a_request_waiting_for_ever() {
    let mut branch = Branch::of(&key(101));
    branch.grow(400);
    let mut node = Node::new(1);
    node.meets_with(stranger(1), &branch);
    node.learns_headers(stranger(1), &branch.headers());
    let request = node.asks(Request::Resolve);
    node.learns_headers(stranger(1), &[]);
    for _ in 0..20 {
        node.waits(9);
        let asked = node.asked_of(stranger(1));
        let next = branch.blocks.iter().find(|block| asked.contains(&block.hash()));
        let Some(next) = next else { break };
        node.hears(stranger(1), Message::Blocks(vec![next.to_block()]));
    }
    assert!(node.reply(request).is_some());
}

#[test]
fn a_lost_race_names_the_winner_to_everybody_who_asked() {
    let mut node = Node::new(1);
    let requests = [node.asks(Request::Mine { height: None }), node.asks(Request::Mine { height: None })];
    let stale = node.job.clone().unwrap();
    let winner = Branch::of(&key(101)).grow(1);
    node.meets(stranger(1));
    node.hears(stranger(1), Message::Announce(announcement(&winner)));
    for request in requests {
        assert!(matches!(node.reply(request), Some(Reply::MineLost { winner: hash }) if *hash == winner.hash()));
    }
    assert!(node.job.is_none());
    let late = solve(&stale.1, node.now);
    node.handle(Event::Mined { block: late });
    assert_eq!(node.tip(), winner.hash());
    assert_eq!(node.replies.values().map(Vec::len).collect::<Vec<_>>(), [1, 1]);
}

#[test]
fn a_race_lost_within_one_batch_of_events_names_the_winner() {
    let mut node = Node::new(1);
    let request = node.asks(Request::Mine { height: None });
    let (_, template) = node.job.clone().unwrap();
    let ours = solve(&template, node.now);
    let winner = Branch::of(&key(101)).grow(1);
    node.meets(stranger(1));
    let message = crate::machine::inbound::check(Message::Announce(announcement(&winner)), &super::branch::network());
    let heard = Event::Message { peer: stranger(1), message: message.unwrap() };
    node.handle_all(vec![heard, Event::Mined { block: ours }]);
    assert!(matches!(node.reply(request), Some(Reply::MineLost { winner: hash }) if *hash == winner.hash()));
}

/// Who asks while an older job runs, and waits for the very block that ends it, has lost nothing.
#[test]
fn a_request_that_was_brought_up_to_date_is_not_told_that_it_lost() {
    let mut branch = Branch::of(&key(101));
    let (mut alice, mut bob) = (Node::new(1), Node::new(2));
    alice.connect_to(&mut bob);
    exchange(&mut [&mut alice, &mut bob]);
    alice.asks(Request::SetMining(true));
    branch.grow(1);
    bob.takes(&branch.blocks);
    bob.said_to(alice.peer);
    let request = alice.asks(Request::Mine { height: None });
    exchange(&mut [&mut alice, &mut bob]);
    assert_eq!(alice.tip(), branch.tip());
    assert!(alice.reply(request).is_none(), "{:?}", alice.reply(request));
    let block = alice.proves();
    assert!(matches!(alice.reply(request), Some(Reply::Mined(mined)) if mined.hash() == block.hash()));
}

#[test]
fn without_end_one_block_follows_another_until_told_to_stop() {
    let mut node = Node::new(1);
    node.asks(Request::SetMining(true));
    for height in 1..=3 {
        node.proves();
        assert_eq!(node.height(), height);
    }
    node.asks(Request::SetMining(false));
    assert!(node.job.is_none());
}

#[test]
fn who_waits_for_peers_when_mining_is_stopped_is_told_too() {
    let mut node = Node::new(1);
    node.meets(stranger(1));
    let request = node.asks(Request::Mine { height: None });
    assert!(node.reply(request).is_none());
    node.asks(Request::SetMining(false));
    assert!(matches!(node.reply(request), Some(Reply::Refused(_))));
    node.waits(5);
    assert!(node.job.is_none());
}

#[test]
fn a_template_follows_the_pool_within_a_second() {
    let mut node = Node::new(1);
    node.asks(Request::SetMining(true));
    node.proves();
    let jobs = node.jobs_given;
    node.asks(Request::SubmitTransaction(checked(note(&key(1), 0, 4, 7))));
    assert_eq!(node.jobs_given, jobs, "not for each transaction");
    node.waits(1);
    assert_eq!(node.jobs_given, jobs + 1);
    let block = node.proves();
    assert_eq!(block.transactions().len(), 1);
    assert_eq!(node.height(), 2);
}

/// A proof for a template that was just renewed is as good a block as any.
#[test]
fn a_proof_that_crosses_a_renewed_template_is_not_thrown_away() {
    let mut node = Node::new(1);
    let request = node.asks(Request::Mine { height: None });
    let (old, template) = node.job.clone().unwrap();
    node.asks(Request::SubmitTransaction(checked(note(&key(1), 0, 4, 0))));
    node.waits(2);
    assert_ne!(node.job.clone().unwrap().0, old);
    let block = solve(&template, node.now);
    node.handle(Event::Mined { block: block.clone() });
    assert_eq!(node.tip(), block.hash());
    assert!(matches!(node.reply(request), Some(Reply::Mined(_))));
}

/// The miner rests after each proof, so a node whose block was refused needs another job.
#[test]
fn a_refused_block_of_our_own_is_followed_by_another_job() {
    let mut node = Node::new(1);
    node.asks(Request::SetMining(true));
    let (job, template) = node.job.clone().unwrap();
    let ahead = node.now.after(std::time::Duration::from_secs(500));
    let block = solve(&template, ahead);
    node.handle(Event::Mined { block });
    assert_eq!(node.height(), 0, "its time is too far ahead");
    assert_ne!(node.job.as_ref().map(|(job, _)| *job), Some(job));
}

/// Alarms must not add up with the blocks mined.
#[test]
fn a_node_that_mined_for_long_wakes_no_more_often() {
    let mut node = Node::new(1);
    node.asks(Request::SetMining(true));
    for _ in 0..200 {
        node.proves();
        node.now = node.now.after(std::time::Duration::from_millis(37));
    }
    node.waits(1);
    let before = node.wakes;
    node.waits(10);
    assert!(node.wakes - before <= 15, "{} wakes in ten seconds", node.wakes - before);
}

/// Both orders may come together, and so may a proof for an earlier template and the end of what it was for.
#[test]
fn a_miner_whose_job_is_out_of_date_is_stopped_when_there_is_no_other() {
    let mut node = Node::new(1);
    node.asks(Request::SetMining(true));
    let strategy = Request::SetStrategy { strategy: Some(Strategy::Selfish), tie: None };
    let orders = [(900, strategy), (901, Request::SetMining(false))];
    node.handle_all(orders.map(|(id, request)| Event::Request { id: RequestId(id), request }).to_vec());
    assert_eq!(node.job, None);

    let mut node = Node::new(1);
    node.asks(Request::Mine { height: None });
    let (_, template) = node.job.clone().unwrap();
    node.asks(Request::SubmitTransaction(checked(note(&key(1), 0, 4, 0))));
    node.waits(2);
    let refused = solve(&template, node.now.after(std::time::Duration::from_secs(500)));
    node.handle(Event::Mined { block: refused });
    assert_eq!(node.job, None);
}

#[test]
fn miners_outside_have_work_while_the_nodes_own_miner_rests() {
    let mut node = Node::new(1);
    assert!(node.offer.is_none());
    node.has_miners_outside(true);
    let (_, template) = node.offer.clone().expect("there is work at once");
    assert_eq!(template.unproven().previous, node.tip());
    assert!(node.job.is_none() && !node.machine.mining.is_active());
    node.has_miners_outside(false);
    assert!(node.offer.is_none());
}

#[test]
fn a_block_from_outside_pays_whom_it_names_and_is_followed_by_new_work() {
    let mut node = Node::new(1);
    node.has_miners_outside(true);
    let guest = Address([9; 32]);
    let block = node.is_brought_a_block(guest);
    assert_eq!((node.tip(), block.coinbase().miner), (block.hash(), guest));
    assert_eq!(node.offer.as_ref().unwrap().1.unproven().previous, block.hash());
    assert_eq!((node.offers_made, node.jobs_given), (2, 0));
}

#[test]
fn work_for_miners_outside_follows_other_nodes_blocks_and_the_pool() {
    let mut node = Node::new(1);
    node.has_miners_outside(true);
    let mut branch = Branch::of(&key(101));
    branch.grow(1);
    node.takes(&branch.blocks);
    assert_eq!(node.offer.as_ref().unwrap().1.unproven().previous, branch.tip());
    node.is_brought_a_block(Address::of(&key(1)));
    let offers = node.offers_made;
    node.asks(Request::SubmitTransaction(checked(note(&key(1), 0, 4, 7))));
    assert_eq!(node.offers_made, offers, "not for each transaction");
    node.waits(1);
    assert_eq!(node.offers_made, offers + 1);
    assert_eq!(node.is_brought_a_block(Address([9; 32])).transactions().len(), 1);
    assert_eq!(node.jobs_given, 0);
}

#[test]
fn a_request_is_met_by_a_block_from_outside_and_only_the_own_miner_rests_afterwards() {
    let mut node = Node::new(1);
    node.has_miners_outside(true);
    let request = node.asks(Request::Mine { height: None });
    assert_eq!(node.job, node.offer, "both work on the same template");
    let block = node.is_brought_a_block(Address([9; 32]));
    assert!(matches!(node.reply(request), Some(Reply::Mined(mined)) if mined.hash() == block.hash()));
    assert_eq!(node.job, None);
    assert_eq!(node.offer.as_ref().unwrap().1.unproven().previous, block.hash());
}

#[test]
fn miners_outside_come_and_go_without_a_change_for_the_own_miner() {
    let mut node = Node::new(1);
    node.asks(Request::SetMining(true));
    let jobs = node.jobs_given;
    node.has_miners_outside(true);
    assert_eq!(node.offer, node.job);
    node.has_miners_outside(false);
    assert_eq!((node.offer.is_none(), node.job.is_some(), node.jobs_given), (true, true, jobs));
    node.has_miners_outside(true);
    node.asks(Request::SetMining(false));
    assert_eq!((node.offer.is_some(), node.job.is_some()), (true, false));
    node.has_miners_outside(false);
    assert!(node.offer.is_none());
}

#[test]
fn a_strategy_holds_for_miners_outside_too() {
    let mut node = Node::new(1);
    node.asks(Request::SetStrategy { strategy: Some(Strategy::Selfish), tie: None });
    node.has_miners_outside(true);
    let secret = node.is_brought_a_block(Address([9; 32]));
    assert_eq!(node.height(), 0, "it is kept back");
    assert_eq!(node.offer.as_ref().unwrap().1.unproven().previous, secret.hash());
}

/// The driver hands in only the first proof for an offer.
#[test]
fn a_refused_block_from_outside_is_followed_by_another_offer() {
    let mut node = Node::new(1);
    node.has_miners_outside(true);
    let (_, template) = node.offer.clone().unwrap();
    let block = solve(&template, node.now.after(std::time::Duration::from_secs(500)));
    node.handle(Event::Mined { block });
    assert_eq!((node.height(), node.offers_made), (0, 2));
}
