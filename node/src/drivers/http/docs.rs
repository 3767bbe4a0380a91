//! The node's OpenAPI document, as far as it does not stand with the handlers.

#[expect(dead_code, reason = "these types are there for their schemas alone")]
mod shapes;

use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{ComponentsBuilder, Info, License, OpenApi, OpenApiBuilder};

pub use self::shapes::*;

pub(super) const NODE: &str = "node";
pub(super) const CHAIN: &str = "chain";
pub(super) const MINING: &str = "mining";
pub(super) const TRANSACTIONS: &str = "transactions";
pub(super) const LEDGER: &str = "ledger";
pub(super) const LOG: &str = "log";
pub(super) const WALLET: &str = "wallet";
pub(super) const CHAT: &str = "chat";
pub(super) const EVENTS: &str = "events";
pub(super) const NODES: &str = "nodes";
pub(super) const ADMIN: &str = "administration";

/// A hash as an example.
pub(super) fn hash() -> &'static str {
    "00000a1f6f4e0d1f8f2b7c1d6d1b0f3c9f5f2c1f6f4e0d1f8f2b7c1d6d1b0f3c"
}

/// An address as an example.
pub(super) fn address() -> String {
    shared::Address([1; 32]).to_string()
}

/// A room's id as an example.
pub(super) fn room_id() -> &'static str {
    "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
}

/// A message's id as an example.
pub(super) fn message_id() -> &'static str {
    "00112233445566778899aabbccddeeff"
}

/// An account's words as an example.
pub(super) fn words() -> String {
    "abandon ".repeat(23) + "art"
}

/// The document without its paths.
pub(super) fn frame() -> OpenApi {
    let mut info = Info::new("networkmngr node", env!("CARGO_PKG_VERSION"));
    info.license = Some(License::new(env!("CARGO_PKG_LICENSE")));
    info.description = Some(
        "One full peer of a proof-of-work network. Errors are application/problem+json with a sentence that says \
         what to do. Amounts are whole units. On an address other than loopback, administration needs the header \
         `Authorization: Bearer TOKEN` with the token from the file `admin.token` in the node's data folder. \
         The paths under /wallet and /chat answer to the node's own machine alone, and most of them need a session: the token \
         that POST /wallet/login gives, or the cookie that comes with it."
            .into(),
    );
    let session = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some("From POST /wallet/login"));
    let components = ComponentsBuilder::new().security_scheme("session", SecurityScheme::Http(session.build()));
    OpenApiBuilder::new().info(info).components(Some(components.build())).build()
}

/// Gives a path whose last part stands for the rest of it the name that OpenAPI knows.
pub(super) fn name_rest(document: &mut OpenApi, route: &str, name: &str) {
    if let Some(path) = document.paths.paths.remove(route) {
        document.paths.paths.insert(name.to_owned(), path);
    }
}
