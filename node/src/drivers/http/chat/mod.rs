//! Chat over HTTP. What is decided is decided in `crate::chat`; here requests become questions and wishes to a desk, the
//! desk is shown the chain and the pool, and what it has to send is signed and sent.
//!
//! - `desks`: the desks of those who are logged in, each with a task that follows the chain
//! - `keep`: the file in which a desk's outbox lies
//! - `profile`, `rooms`, `members`, `messages`: the routes
//! - `shown`, `change`: how all of it looks as JSON; `refusal`: what goes wrong, in words

mod change;
mod desks;
mod keep;
mod members;
mod messages;
mod profile;
mod refusal;
mod rooms;
mod shown;

use std::sync::Arc;

pub(super) use self::desks::{ChatNews, Desks};
use super::{App, openapi::Routes, openapi::routes, wallet};

/// The routes, for callers on this machine.
pub(super) fn routes(app: &Arc<App>, none: Routes<Arc<App>>) -> Routes<Arc<App>> {
    let routes = none
        .routes(routes!(profile::profile, profile::publish_profile))
        .routes(routes!(profile::people))
        .routes(routes!(profile::person))
        .routes(routes!(rooms::rooms, rooms::found_room))
        .routes(routes!(rooms::room))
        .routes(routes!(rooms::rename_room))
        .routes(routes!(rooms::rotate_key))
        .routes(routes!(rooms::leave_room))
        .routes(routes!(rooms::read_up_to))
        .routes(routes!(rooms::export_room))
        .routes(routes!(rooms::cancel_change))
        .routes(routes!(members::invite))
        .routes(routes!(members::remove_member))
        .routes(routes!(members::appoint_admin))
        .routes(routes!(members::dismiss_admin))
        .routes(routes!(messages::messages, messages::say))
        .routes(routes!(messages::send_undecided))
        .routes(routes!(messages::take_back_message));
    wallet::from_here(app, routes)
}
