//! Chains with everything in them, sound and spoilt: a sound one passes, and whatever is changed in it is
//! found and named. `rows` changes rows of the database, `bytes` changes bytes of its file.

mod bytes;
mod chain;
mod rows;
