//! The protocol as values and rules.
