//! One full peer.
