//! aserti3-2d against the runs published with it.

use std::{collections::HashMap, path::Path};

use shared::{
    asert::{Anchor, next_target},
    work::Bits,
};

use crate::{files, text, vectors};

/// `0x1d00ffff`
fn bits(text: &str) -> Bits {
    Bits(u32::from_str_radix(text.strip_prefix("0x").unwrap(), 16).unwrap())
}

/// Follows one run; returns how many rows it had, and how many it should have.
fn follow(file: &Path) -> (usize, usize) {
    let text = text(file);
    let head: HashMap<_, _> =
        text.lines().filter_map(|line| line.strip_prefix("##")?.trim().split_once(": ")).collect();
    let number = |name: &str| head[name].trim().parse::<u64>().unwrap();
    let anchor = Anchor {
        target: bits(head["anchor nBits"]).target().unwrap(),
        easiest: Bits(0x1d00_ffff).target().unwrap(),
        spacing: 600,
        half_life: 172_800,
    };
    let rows = text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
    let checked = rows.map(|row| {
        let [_, height, time, expected] = row.split_whitespace().collect::<Vec<_>>().try_into().unwrap();
        let time_delta = time.parse::<i64>().unwrap() - i64::try_from(number("anchor parent time")).unwrap();
        let height_delta = u32::try_from(height.parse::<u64>().unwrap() - number("anchor height")).unwrap();
        let target = next_target(&anchor, time_delta, height_delta);
        assert_eq!(target.bits(), bits(expected), "{}: {row}", file.display());
    });
    (checked.count(), usize::try_from(number("iterations")).unwrap())
}

#[test]
#[ignore = "needs the published vectors: set CONFORMANCE_VECTORS"]
fn conformance_asert_follows_every_published_run() {
    for file in files(&vectors("asert")) {
        let (checked, announced) = follow(&file);
        assert!(checked > 0, "{} has no rows", file.display());
        assert_eq!(checked, announced, "{} is incomplete", file.display());
    }
}
