//! Proofs of the log against the inclusion and consistency proofs published for RFC 6962, the right
//! ones and the wrong ones.

use serde::Deserialize;
use shared::{
    hash::sha256,
    log::{verify_consistency, verify_inclusion},
};

use crate::{files, json, vectors};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Inclusion {
    leaf_idx: u64,
    tree_size: u64,
    root: String,
    leaf_hash: String,
    proof: Option<Vec<String>>,
    want_err: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Consistency {
    size1: u64,
    size2: u64,
    root1: String,
    root2: String,
    proof: Option<Vec<String>>,
    want_err: bool,
}

/// A hash of the published data. Some of it is text of another length, for a root of which only
/// equality matters: its SHA-256 stands in for it. Nothing at all is no hash.
fn hash(base64: &str) -> Option<[u8; 32]> {
    let bytes = data_encoding::BASE64.decode(base64.as_bytes()).unwrap();
    if bytes.is_empty() {
        return None;
    }
    Some(<[u8; 32]>::try_from(bytes).unwrap_or_else(|bytes: Vec<u8>| sha256(&[&bytes])))
}

fn path(proof: &Option<Vec<String>>) -> Option<Vec<[u8; 32]>> {
    proof.iter().flatten().map(|node| hash(node)).collect()
}

impl Inclusion {
    fn holds(&self) -> Option<bool> {
        let (leaf, root, path) = (hash(&self.leaf_hash)?, hash(&self.root)?, path(&self.proof)?);
        Some(verify_inclusion(&leaf, self.leaf_idx, self.tree_size, &path, &root).is_ok())
    }
}

impl Consistency {
    fn holds(&self) -> Option<bool> {
        let (root1, root2, path) = (hash(&self.root1)?, hash(&self.root2)?, path(&self.proof)?);
        Some(verify_consistency(self.size1, self.size2, &path, &root1, &root2).is_ok())
    }
}

/// Checks every case of every folder and that there were right ones and wrong ones.
fn check<T: serde::de::DeserializeOwned>(
    kind: &str,
    holds: impl Fn(&T) -> Option<bool>,
    want_err: impl Fn(&T) -> bool,
) {
    let (mut right, mut wrong) = (0, 0);
    for file in files(&vectors(kind)) {
        let case: T = json(&file);
        assert_eq!(holds(&case).unwrap_or(false), !want_err(&case), "{}", file.display());
        if want_err(&case) { wrong += 1 } else { right += 1 }
    }
    assert!(right > 0 && wrong > 0, "{kind}: {right} right and {wrong} wrong proofs are not the published data");
}

#[test]
#[ignore = "needs the published vectors: set CONFORMANCE_VECTORS"]
fn conformance_inclusion_proofs() {
    check("rfc6962/inclusion", Inclusion::holds, |case| case.want_err);
}

#[test]
#[ignore = "needs the published vectors: set CONFORMANCE_VECTORS"]
fn conformance_consistency_proofs() {
    check("rfc6962/consistency", Consistency::holds, |case| case.want_err);
}
