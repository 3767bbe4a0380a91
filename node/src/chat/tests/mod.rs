//! Several people, one chain, and what each of them reads.

mod changes;
mod document;
mod history;
mod letters;
mod review;
mod simulated;
mod town;
mod trust;
