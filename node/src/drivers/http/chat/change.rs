//! How a change that was asked for looks as JSON.

use serde::Serialize;
use shared::Address;
use utoipa::ToSchema;

use super::{super::docs, shown::name_of};
use crate::chat::{
    desk::{ChangeState, Desk},
    outbox::{Change, Item, ItemId, Wish},
};

/// A change that was asked for.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ChatChange)]
pub(super) struct ChangeShown {
    #[schema(value_type = String, example = docs::message_id)]
    id: ItemId,
    /// What.
    what: WhatShown,
    /// Whom it concerns.
    #[schema(value_type = Option<String>, example = docs::address)]
    member: Option<Address>,
    /// The room's new name, or the member's.
    name: Option<String>,
    /// Whether the member may read what was written before.
    history: Option<bool>,
    /// Where it stands.
    state: ChangeStateShown,
    /// Why it waits, or was given up.
    reason: Option<String>,
}

/// What is to change.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ChatWhat)]
enum WhatShown {
    Found,
    Add,
    Remove,
    Leave,
    Admin,
    NoAdmin,
    Name,
    Rotate,
}

/// Where a change stands.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ChatChangeState)]
enum ChangeStateShown {
    /// In this node's outbox.
    Waiting,
    /// In the pool.
    Pending,
    /// Given up: the reason says why.
    Undone,
}

impl ChangeShown {
    pub(super) fn new(desk: &Desk, item: &Item, state: ChangeState) -> Option<Self> {
        let (what, member, name, history) = match &item.wish {
            Wish::Found { name, .. } => (WhatShown::Found, None, Some(name.clone()), None),
            Wish::Leave { .. } => (WhatShown::Leave, None, None, None),
            Wish::Change { change, .. } => match change {
                Change::Add { member, history, .. } => (WhatShown::Add, Some(*member), None, Some(*history)),
                Change::Remove { member } => (WhatShown::Remove, Some(*member), None, None),
                Change::Appoint { member, admin: true } => (WhatShown::Admin, Some(*member), None, None),
                Change::Appoint { member, admin: false } => (WhatShown::NoAdmin, Some(*member), None, None),
                Change::Rename { name } => (WhatShown::Name, None, Some(name.clone()), None),
                Change::Rotate => (WhatShown::Rotate, None, None, None),
            },
            Wish::Profile { .. } | Wish::Say { .. } => return None,
        };
        let (state, reason) = match state {
            ChangeState::Waiting(why) => (ChangeStateShown::Waiting, Some(why)),
            ChangeState::Pending => (ChangeStateShown::Pending, None),
            ChangeState::Undone(why) => (ChangeStateShown::Undone, Some(why)),
        };
        let name = name.or_else(|| member.and_then(|member| name_of(desk, &member)));
        Some(Self { id: item.id, what, member, name, history, state, reason })
    }
}
