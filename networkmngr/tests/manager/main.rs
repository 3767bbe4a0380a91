//! The manager as its users meet it: the real program, with the fake node in place of the real one.

mod api;
mod death;
mod mining;
mod start;
mod stop;
mod support;
