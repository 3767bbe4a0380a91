//! Where the chain is kept.
