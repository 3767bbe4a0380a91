//! Chains that cheat in each rule: refused with the right sentence by HTTP, and by a ban where the
//! sender must have known. An honest block of the same height is taken afterwards.

use shared::{Address, Amount, Bits, Height, LogRoot, Seconds, Transaction, wire::Message};

use super::{
    branch::{Branch, Draft, announcement, key, network, note, pay},
    conversation::{Node, stranger},
};
use crate::machine::event::Request;

/// How a block is spoilt, and a part of the sentence that names it.
type Cheat = (&'static str, fn(&Branch) -> Draft, &'static str);

fn spoilt(branch: &Branch, spoil: impl FnOnce(&mut Draft)) -> Draft {
    let mut draft = branch.draft(Vec::new());
    spoil(&mut draft);
    draft
}

fn with(branch: &Branch, transactions: Vec<Transaction>) -> Draft {
    branch.draft(transactions)
}

fn somebody() -> Address {
    Address::of(&key(200))
}

/// Rules that need the chain. The branch has two blocks mined by `key(101)`, who has sent one payment.
const CHEATS: [Cheat; 13] = [
    ("another difficulty", |b| spoilt(b, |d| d.header.bits = Bits(0x207f_fffe)), "the difficulty is wrong"),
    ("before the median", |b| spoilt(b, |d| d.header.time = Seconds(1_699_999_999)), "the median of the last 11"),
    ("another height", |b| spoilt(b, |d| d.coinbase.height = Height(9)), "the coinbase says height 9 at height 3"),
    (
        "a unit too much",
        |b| spoilt(b, |d| d.coinbase.reward = d.coinbase.reward.checked_add(Amount::new(1).unwrap()).unwrap()),
        "where subsidy and fees make",
    ),
    (
        "a unit too little",
        |b| spoilt(b, |d| d.coinbase.reward = d.coinbase.reward.checked_sub(Amount::new(1).unwrap()).unwrap()),
        "where subsidy and fees make",
    ),
    ("another log size", |b| spoilt(b, |d| d.coinbase.log_size += 1), "not those that its header commits to"),
    (
        "another log root",
        |b| spoilt(b, |d| d.coinbase.log_root = LogRoot([9; 32])),
        "not those that its header commits",
    ),
    ("overdrawn", |b| with(b, vec![pay(&key(101), 1, somebody(), 90_000_000_000, 0)]), "the sender has"),
    ("penniless", |b| with(b, vec![pay(&key(199), 0, somebody(), 1, 0)]), "it costs 1 units, the sender has 0"),
    ("replayed", |b| with(b, vec![pay(&key(101), 0, somebody(), 5, 1)]), "its nonce is 0, the sender's next is 1"),
    ("a nonce left out", |b| with(b, vec![note(&key(101), 2, 1, 0)]), "its nonce is 2, the sender's next is 1"),
    (
        "nonces in the wrong order",
        |b| with(b, vec![note(&key(101), 2, 1, 0), note(&key(101), 1, 1, 0)]),
        "its nonce is 2, the sender's next is 1",
    ),
    (
        "its own reward spent",
        |b| with(&b.fork(&key(150)), vec![pay(&key(150), 0, somebody(), 5, 0)]),
        "it costs 5 units, the sender has 0",
    ),
];

/// Two blocks, the second with a payment.
fn trunk() -> Branch {
    let mut branch = Branch::of(&key(101));
    branch.grow(1);
    branch.grow_with(vec![pay(&key(101), 0, somebody(), 5, 1)]);
    branch
}

fn node_on(branch: &Branch) -> Node {
    let mut node = Node::new(1);
    node.takes(&branch.blocks);
    node
}

#[test]
fn a_block_handed_in_is_refused_with_the_rule_it_breaks() {
    for (name, cheat, sentence) in CHEATS {
        let branch = trunk();
        let mut node = node_on(&branch);
        let request = node.asks(Request::SubmitBlock(cheat(&branch).checked()));
        let refusal = node.refusal(request);
        assert!(refusal.contains(sentence), "{name}: {refusal}");
        assert_eq!(node.tip(), branch.tip(), "{name}");
        let honest = branch.clone().grow(1);
        node.takes(std::slice::from_ref(&honest));
        assert_eq!(node.tip(), honest.hash(), "{name}: the honest block after it");
    }
}

#[test]
fn a_chain_handed_over_is_refused_whole() {
    for (name, cheat, sentence) in CHEATS {
        let branch = trunk();
        let node = &mut node_on(&branch);
        let mut chain = branch.blocks.clone();
        // Three more blocks of a better branch, the middle one spoilt.
        let mut theirs = branch.fork(&key(105));
        let cheat = cheat(&theirs).checked();
        let honest_before = theirs.clone();
        if theirs.draft(Vec::new()).header.bits == cheat.header().bits {
            theirs.push(cheat.clone());
            theirs.grow(1);
            chain.extend_from_slice(&theirs.blocks[2..]);
        } else {
            chain.push(cheat.clone());
        }
        chain.insert(0, network().genesis().clone());
        let request = node.asks(Request::ReplaceChain(chain));
        let refusal = node.refusal(request);
        assert!(refusal.contains(sentence), "{name}: {refusal}");
        assert!(refusal.contains(&cheat.hash().short()), "{name}: the block is not named: {refusal}");
        assert_eq!(node.tip(), branch.tip(), "{name}");
        let mut honest = honest_before;
        honest.grow(2);
        let request = node.asks(Request::ReplaceChain(honest.blocks.clone()));
        assert!(node.reply(request).is_some());
        assert_eq!(node.tip(), honest.tip(), "{name}: the honest chain after it");
    }
}

#[test]
fn nothing_of_a_chain_is_adopted_when_a_later_block_breaks_a_rule() {
    let branch = trunk();
    let mut node = node_on(&branch);
    let mut theirs = branch.clone();
    theirs.grow(2);
    let mut cheat = theirs.draft(Vec::new());
    cheat.coinbase.reward = Amount::new(1).unwrap();
    theirs.push(cheat.checked());
    let request = node.asks(Request::ReplaceChain(theirs.blocks.clone()));
    assert!(node.refusal(request).contains("block 5"), "{}", node.refusal(request));
    assert_eq!(node.tip(), branch.tip());
    // What was right in it may still be adopted when it comes by itself.
    node.takes(&theirs.blocks[2..4]);
    assert_eq!(node.height(), 4);
}

#[test]
fn a_peer_that_announces_a_cheat_is_banned() {
    for (name, cheat, _) in CHEATS {
        let branch = trunk();
        let mut node = node_on(&branch);
        let liar = stranger(1);
        node.meets(liar);
        let cheat = cheat(&branch).checked();
        for transaction in cheat.transactions() {
            node.hears(liar, Message::Transactions(vec![(***transaction).clone()]));
        }
        node.hears(liar, Message::Announce(announcement(&cheat)));
        let transactions: Vec<_> = cheat.transactions().iter().map(|transaction| (***transaction).clone()).collect();
        node.hears(liar, Message::BlockTransactions { block: cheat.hash(), transactions });
        assert!(node.has_banned(liar), "{name}");
        assert_eq!(node.tip(), branch.tip(), "{name}");
    }
}

#[test]
fn a_peer_that_sends_a_cheat_when_asked_is_banned() {
    for (name, cheat, _) in CHEATS {
        let branch = trunk();
        let mut node = node_on(&branch);
        let liar = stranger(1);
        let cheat = cheat(&branch).checked();
        let mut claimed = branch.clone();
        claimed.grow(1);
        node.meets_with(liar, &claimed);
        node.learns_headers(liar, &[*cheat.header()]);
        if !node.has_banned(liar) {
            assert_eq!(node.asked_of(liar), [cheat.hash()], "{name}");
            node.hears(liar, Message::Blocks(vec![cheat.to_block()]));
        }
        assert!(node.has_banned(liar), "{name}");
        let honest = branch.clone().grow(1);
        node.meets(stranger(2));
        node.hears(stranger(2), Message::Announce(announcement(&honest)));
        assert_eq!(node.tip(), honest.hash(), "{name}: the honest block after it");
    }
}

#[test]
fn a_block_from_the_future_is_refused_without_blame_and_may_come_true() {
    let branch = trunk();
    let mut node = node_on(&branch);
    let early = spoilt(&branch, |draft| draft.header.time = Seconds(node.now.seconds().0 + 150)).checked();
    let request = node.asks(Request::SubmitBlock(early.clone()));
    assert!(node.refusal(request).contains("ahead of this node's clock"), "{}", node.refusal(request));
    node.meets(stranger(1));
    node.hears(stranger(1), Message::Announce(announcement(&early)));
    assert!(node.keeps(stranger(1)) && node.tip() == branch.tip());
    node.waits(60);
    node.hears(stranger(1), Message::Announce(announcement(&early)));
    assert_eq!(node.tip(), early.hash());
}

#[test]
fn a_swapped_body_is_refused_and_does_not_stand_in_the_way_of_the_right_one() {
    let branch = trunk();
    let mut node = node_on(&branch);
    let block = branch.clone().grow_with(vec![note(&key(101), 1, 10, 0)]);
    let mut swapped = block.to_block();
    swapped.transactions = vec![note(&key(101), 1, 11, 0)];
    let swapped = std::sync::Arc::new(swapped.check(&network()).unwrap());
    assert_eq!(swapped.hash(), block.hash());
    let request = node.asks(Request::SubmitBlock(swapped.clone()));
    assert!(node.refusal(request).contains("not those that its header commits to"));
    let request = node.asks(Request::ReplaceChain(vec![swapped.clone()]));
    assert!(node.refusal(request).contains("not those that its header commits to"));

    let (liar, honest) = (stranger(1), stranger(2));
    let mut longer = branch.clone();
    longer.push(block.clone());
    for peer in [liar, honest] {
        node.meets_with(peer, &longer);
        node.learns_headers(peer, &longer.headers()[2..]);
    }
    node.hears(liar, Message::Blocks(vec![swapped.to_block()]));
    assert!(node.has_banned(liar));
    assert_eq!(node.asked_of(honest).last(), Some(&block.hash()));
    node.hears(honest, Message::Blocks(vec![block.to_block()]));
    assert_eq!(node.tip(), block.hash());
    assert!(node.keeps(honest));
}

#[test]
fn a_swapped_body_deep_in_a_chain_handed_over_is_found_although_the_block_is_known() {
    let branch = trunk();
    let mut node = node_on(&branch);
    let mut longer = branch.clone();
    longer.grow(1);
    let mut chain = longer.blocks.clone();
    let mut swapped = chain[1].to_block();
    swapped.transactions.clear();
    chain[1] = std::sync::Arc::new(swapped.check(&network()).unwrap());
    let request = node.asks(Request::ReplaceChain(chain));
    let refusal = node.refusal(request);
    assert!(refusal.contains("block 2") && refusal.contains("not those that its header commits to"), "{refusal}");
    assert_eq!(node.tip(), branch.tip());
}

#[test]
fn what_needs_no_chain_never_reaches_the_machine() {
    let branch = trunk();
    let mut node = node_on(&branch);
    let unproven = {
        let mut block = branch.draft(Vec::new()).prove();
        while block.header.proven_hash().is_ok() {
            block.header.nonce += 1;
        }
        block
    };
    let too_easy = spoilt(&branch, |draft| draft.header.bits = Bits(0x2100_ffff)).prove();
    let mut forged = branch.draft(vec![note(&key(101), 1, 1, 0)]).prove();
    forged.transactions[0].fee = Amount::new(7).unwrap();
    let large = branch.draft((1..34).map(|nonce| note(&key(101), nonce, 32 * 1024, 0)).collect()).prove();
    for (number, block) in (1..).zip([unproven, too_easy, forged, large]) {
        let liar = stranger(number);
        node.meets(liar);
        node.hears(liar, Message::Blocks(vec![block.clone()]));
        assert!(node.has_banned(liar), "{:?}", block.check(&network()).unwrap_err());
    }
    assert_eq!(node.tip(), branch.tip());
}

#[test]
fn chains_that_lead_nowhere_are_refused_with_the_reason() {
    let branch = trunk();
    let mut node = node_on(&branch);
    let mut equal = Branch::of(&key(105));
    equal.grow(2);
    let mut unknown = equal.clone();
    unknown.grow(5);
    let mut gap = branch.clone();
    gap.grow(3);
    gap.blocks.remove(3);
    let table: [(&str, Vec<_>, &str); 5] = [
        ("nothing", Vec::new(), "the chain is empty"),
        ("unknown start", unknown.blocks[3..].to_vec(), "not known here"),
        ("shorter", equal.blocks[..1].to_vec(), "less work than ours"),
        ("equal", equal.blocks.clone(), "just as much work"),
        ("a gap", gap.blocks.clone(), "does not follow"),
    ];
    for (name, chain, sentence) in table {
        let request = node.asks(Request::ReplaceChain(chain));
        assert!(node.refusal(request).contains(sentence), "{name}: {}", node.refusal(request));
        assert_eq!(node.tip(), branch.tip(), "{name}");
    }
}
