//! How profiles, rooms and messages look as JSON.

use data_encoding::HEXLOWER;
use serde::Serialize;
use shared::{Address, BlockHash, Height, Millis, TxId};
use utoipa::ToSchema;

use super::{
    super::{App, docs},
    change::ChangeShown,
};
use crate::chat::{
    desk::{Desk, Relation, Seen, SeenState},
    envelope::{EpochId, GroupId, MessageId},
    people::{Person, safety_number},
    seal,
};
use crate::machine::store::ReadChain as _;

/// A message.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ChatMessage)]
pub(in super::super) struct MessageShown {
    /// Its id: the same one however often it has to be encrypted anew.
    #[schema(value_type = String, example = docs::message_id)]
    id: MessageId,
    /// Who wrote it.
    #[schema(value_type = String, example = docs::address)]
    author: Address,
    /// What the author calls itself.
    author_name: Option<String>,
    /// Whether this account wrote it.
    mine: bool,
    /// The text.
    text: String,
    /// When its author says that it was written, in milliseconds since 1970.
    #[schema(value_type = u64)]
    time: Millis,
    /// The message that it answers.
    reply_to: Option<QuotedShown>,
    /// Where it stands.
    state: StateShown,
    /// Why it waits.
    reason: Option<String>,
    /// The height of its block.
    #[schema(value_type = Option<u32>)]
    height: Option<Height>,
    /// Blocks from that one to the tip, both counted; 0 while it has none.
    confirmations: u32,
    /// Its block.
    #[schema(value_type = Option<String>, example = docs::hash)]
    block: Option<BlockHash>,
    /// The transaction that carries it.
    #[schema(value_type = Option<String>, example = docs::hash)]
    transaction: Option<TxId>,
}

/// Where something stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ChatState)]
pub(in super::super) enum StateShown {
    /// There is none. Profiles only.
    None,
    /// In this node's outbox.
    Waiting,
    /// In the outbox, until its author says whether those who are in the room now may read it.
    Undecided,
    /// In the pool.
    Pending,
    /// Its block left the chain; it is on its way again.
    Retracted,
    /// On the chain.
    Confirmed,
}

/// What a message answers.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ChatQuote)]
struct QuotedShown {
    /// The message.
    #[schema(value_type = String, example = docs::message_id)]
    id: MessageId,
    /// Who wrote it, if this account can read it.
    #[schema(value_type = Option<String>, example = docs::address)]
    author: Option<Address>,
    /// What the author calls itself.
    author_name: Option<String>,
    /// Its text, if this account can read it.
    text: Option<String>,
}

impl MessageShown {
    pub(super) fn new(app: &App, desk: &Desk, seen: Seen<'_>) -> Self {
        let (state, reason, at) = state(seen.state);
        let block = at.and_then(|height| app.snapshot().hash_at(height).ok()?);
        let reply_to = seen.quoted.map(|quoted| QuotedShown {
            id: quoted.id,
            author: quoted.said.map(|(author, _)| author),
            author_name: quoted.said.and_then(|(author, _)| name_of(desk, &author)),
            text: quoted.said.map(|(_, text)| text.to_owned()),
        });
        Self {
            id: seen.id,
            author: seen.author,
            author_name: name_of(desk, &seen.author),
            mine: seen.author == desk.account().address,
            text: seen.text.text.clone(),
            time: seen.text.time,
            reply_to,
            state,
            reason,
            height: at,
            confirmations: at.map_or(0, |height| confirmations(desk, height)),
            block,
            transaction: seen.transaction,
        }
    }
}

/// A state, its reason, and the height.
pub(super) fn state(state: SeenState) -> (StateShown, Option<String>, Option<Height>) {
    match state {
        SeenState::Waiting(why) => (StateShown::Waiting, Some(why), None),
        SeenState::Undecided => (StateShown::Undecided, Some(UNDECIDED.to_owned()), None),
        SeenState::Pending => (StateShown::Pending, None, None),
        SeenState::Retracted => (StateShown::Retracted, None, None),
        SeenState::Confirmed(at) => (StateShown::Confirmed, None, Some(at.height)),
    }
}

const UNDECIDED: &str = "since this was written, people came into the room who were not to read it; send it to those \
                         who are in the room now, or discard it";

fn confirmations(desk: &Desk, height: Height) -> u32 {
    desk.tip().map_or(0, |(_, tip)| tip.0.saturating_sub(height.0).saturating_add(1))
}

/// What somebody calls themselves; oneself also before the chain says so.
pub(super) fn name_of(desk: &Desk, address: &Address) -> Option<String> {
    if *address == desk.account().address {
        return desk.profile().map(|(name, _)| name.to_owned());
    }
    desk.board().people().get(address).map(|person| person.name.clone())
}

/// An account that made itself known.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ChatPerson)]
pub(super) struct PersonShown {
    #[schema(value_type = String, example = docs::address)]
    address: Address,
    /// What it calls itself. Names are not unique.
    name: String,
    /// The X25519 key that is encrypted for, in hexadecimal.
    receiving: String,
    /// The height at which that was published.
    #[schema(value_type = u32)]
    height: Height,
    /// Whether the account has published another receiving key before: compare the safety numbers.
    key_changed: bool,
    /// 60 digits that are the same for both as long as each has the other's true keys. Not for oneself.
    safety_number: Option<String>,
}

impl PersonShown {
    pub(super) fn new(desk: &Desk, address: Address, person: &Person) -> Self {
        Self {
            address,
            name: person.name.clone(),
            receiving: HEXLOWER.encode(&person.receiving),
            height: person.at.height,
            key_changed: person.key_changed,
            safety_number: safety(desk, &address, &person.receiving),
        }
    }
}

fn safety(desk: &Desk, address: &Address, receiving: &[u8; 32]) -> Option<String> {
    let me = desk.account();
    let own = seal::receiving_of(me.keys.exchange());
    (me.address != *address).then(|| safety_number((&me.address, &own), (address, receiving)))
}

/// A room in a list.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ChatSummary)]
pub(super) struct SummaryShown {
    #[schema(value_type = String, example = docs::room_id)]
    id: GroupId,
    /// The room's name, if this account can read it.
    name: Option<String>,
    /// What this account has to do with it.
    standing: StandingShown,
    /// Whether this account is an admin.
    admin: bool,
    /// How many are in it, as far as this node knows.
    members: usize,
    /// Messages of others that were not read here.
    unread: usize,
    /// Own messages that wait for a decision.
    undecided: usize,
    /// The newest message.
    last: Option<MessageShown>,
    /// The height at which it was founded.
    #[schema(value_type = Option<u32>)]
    height: Option<Height>,
}

/// What an account has to do with a room.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ChatStanding)]
enum StandingShown {
    /// It is being founded: nothing is confirmed.
    Founding,
    /// In it.
    Member,
    /// It went; what was written before stays readable.
    Left,
    /// It was put out; likewise.
    Removed,
}

impl SummaryShown {
    pub(super) fn new(app: &App, desk: &Desk, group: GroupId) -> Option<Self> {
        let standing = match desk.relation(&group)? {
            Relation::Founding => StandingShown::Founding,
            Relation::Member => StandingShown::Member,
            Relation::Left => StandingShown::Left,
            Relation::Removed => StandingShown::Removed,
        };
        let now = desk.expected(&group).now();
        let me = desk.account().address;
        let invited = desk.founding(&group).map_or(0, |(_, members)| members.len() + 1);
        Some(Self {
            id: group,
            name: desk.name(&group).map(str::to_owned),
            standing,
            admin: now.map_or(invited > 0, |now| now.seat(&me).is_some_and(|seat| seat.admin)),
            members: now.map_or(invited, |now| now.rotation().members.len()),
            unread: desk.count_unread(&group),
            undecided: desk.count_undecided(&group),
            last: desk.newest(&group).map(|seen| MessageShown::new(app, desk, seen)),
            height: desk.confirmed(&group).epochs().first().map(|epoch| epoch.at.height),
        })
    }
}

/// A room.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ChatRoom)]
pub(super) struct RoomShown {
    #[serde(flatten)]
    summary: SummaryShown,
    /// Who is in it, as far as this node knows.
    people: Vec<MemberShown>,
    /// The key that is in use.
    epoch: Option<EpochShown>,
    /// What this account asked for and is not confirmed.
    changes: Vec<ChangeShown>,
    /// What was written before this height cannot be read by this account; absent if all can.
    #[schema(value_type = Option<u32>)]
    readable_from: Option<Height>,
}

/// A time with one key.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ChatEpoch)]
struct EpochShown {
    #[schema(value_type = String, example = docs::hash)]
    id: EpochId,
    /// How many keys the room has had, this one included.
    number: usize,
    /// The height at which it took effect.
    #[schema(value_type = u32)]
    height: Height,
}

/// Somebody in a room.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ChatMember)]
struct MemberShown {
    #[schema(value_type = String, example = docs::address)]
    address: Address,
    /// What they call themselves.
    name: Option<String>,
    /// Whether they may change the room.
    admin: bool,
    /// Whether that is this account.
    me: bool,
    /// Whether they have said that they go.
    leaving: bool,
    /// The X25519 key that the room's key is encrypted for, in hexadecimal.
    receiving: String,
    /// Whether they have published another receiving key than this one: compare the safety numbers.
    key_changed: bool,
    /// 60 digits, the same for both. Not for oneself.
    safety_number: Option<String>,
}

impl RoomShown {
    pub(super) fn new(app: &App, desk: &Desk, group: GroupId) -> Option<Self> {
        let summary = SummaryShown::new(app, desk, group)?;
        let confirmed = desk.confirmed(&group);
        let epoch = confirmed.now().map(|epoch| EpochShown {
            id: epoch.id,
            number: confirmed.epochs().len(),
            height: epoch.at.height,
        });
        let changes = desk.changes(&group).into_iter();
        Some(Self {
            summary,
            people: people(desk, &group),
            epoch,
            changes: changes.filter_map(|(item, state)| ChangeShown::new(desk, item, state)).collect(),
            readable_from: desk.readable_from(&group),
        })
    }
}

fn people(desk: &Desk, group: &GroupId) -> Vec<MemberShown> {
    let expected = desk.expected(group);
    let seats: Vec<_> = match (expected.now(), desk.founding(group)) {
        (Some(now), _) => {
            now.rotation().members.iter().map(|seat| (seat.address, seat.receiving, seat.admin)).collect()
        }
        (None, Some((_, members))) => {
            let me = desk.account();
            let own = (me.address, seal::receiving_of(me.keys.exchange()), true);
            members.iter().map(|(member, receiving)| (*member, *receiving, false)).chain([own]).collect()
        }
        (None, None) => Vec::new(),
    };
    let shown = seats.into_iter().map(|(address, receiving, admin)| {
        let person = desk.board().people().get(&address);
        MemberShown {
            address,
            name: name_of(desk, &address),
            admin,
            me: address == desk.account().address,
            leaving: expected.leaving().contains_key(&address),
            receiving: HEXLOWER.encode(&receiving),
            key_changed: person.is_some_and(|person| person.key_changed || person.receiving != receiving),
            safety_number: safety(desk, &address, &receiving),
        }
    });
    shown.collect()
}
