//! The cookie that keeps a browser logged in. Scripts cannot read it, and other sites cannot make use of
//! it; its name has a part of the node's id in it, since browsers show a cookie to every port of a host.

use axum::http::{HeaderMap, HeaderValue, header};

use super::super::status::Identity;
use crate::accounts::session::Token;

/// Name of the cookie of this node.
pub(super) fn name(identity: &Identity) -> String {
    format!("networkmngr-{}", &identity.id.to_string()[..16])
}

/// The token in the cookie of this name. Of several, the first.
pub(super) fn read<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|cookies| cookies.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(found, _)| *found == name).map(|(_, token)| token)
}

/// The header value that sets it, until the browser is closed.
pub(super) fn set(name: &str, token: &Token) -> HeaderValue {
    let text = format!("{name}={}; Path=/; HttpOnly; SameSite=Strict", token.as_str());
    let mut value = HeaderValue::from_str(&text).expect("names and tokens are letters, digits and hyphens");
    value.set_sensitive(true);
    value
}

/// The header value that removes it.
pub(super) fn clear(name: &str) -> HeaderValue {
    let text = format!("{name}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0");
    HeaderValue::from_str(&text).expect("names are letters, digits and hyphens")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_right_cookie_is_found_among_others() {
        let read = |cookies: &[&str]| {
            let headers = cookies.iter().map(|value| (header::COOKIE, HeaderValue::from_str(value).unwrap()));
            read(&headers.collect::<HeaderMap>(), "networkmngr-ab").map(str::to_owned)
        };
        assert_eq!(read(&["networkmngr-ab=1"]).as_deref(), Some("1"));
        assert_eq!(read(&["a=b; networkmngr-ab=1;x=y"]).as_deref(), Some("1"));
        assert_eq!(read(&["a=b"]), None);
        assert_eq!(read(&["xnetworkmngr-ab=1; networkmngr-abc=2; networkmngr-ab"]), None);
        assert_eq!(read(&[]), None);
    }
}
