//! Several people, one chain, and what each of them reads.

mod changes;
mod history;
mod letters;
mod town;
mod trust;
