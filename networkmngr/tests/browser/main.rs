//! The pages in a real browser, on real networks: Chromium without a window, told what to do through WebDriver.
//! Ignored unless asked for, since they need `chromium` and `chromedriver`; CI has both. What is seen is kept as
//! pictures in the folder that `SCREENSHOTS` names, if it is set.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail the test that calls them")]

mod chat;
mod driver;
mod hostile;
// What the tests of whole networks use.
#[expect(dead_code, reason = "made for the tests of whole networks, which need more of it")]
#[path = "../../../node/tests/process/http.rs"]
mod http;
mod ledger;
mod lessons;
mod network;
mod pictures;
#[expect(dead_code, reason = "made for the tests of whole networks, which need more of it")]
#[path = "../network/support.rs"]
mod support;
mod wallet;
