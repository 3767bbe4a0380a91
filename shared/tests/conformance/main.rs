//! The crate against published data from outside. The data is not part of the repository: the
//! environment variable `CONFORMANCE_VECTORS` names its folder, and without it these tests are
//! ignored. Data that is missing or empty fails a test, it never passes one.

#![allow(clippy::unwrap_used, reason = "an unexpected value fails the test")]

mod bitcoin;
mod difficulty;
mod log;
mod signatures;

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde::de::DeserializeOwned;

/// A file or folder of the published data. A relative folder counts from the workspace's root.
fn vectors(path: &str) -> PathBuf {
    let folder = std::env::var_os("CONFORMANCE_VECTORS").expect("CONFORMANCE_VECTORS names the folder of the vectors");
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(folder).join(path)
}

/// The files of a folder and of the folders in it, in order of name; at least one.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(!paths.is_empty(), "{} is empty", folder.display());
    paths.into_iter().flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

fn text(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

fn json<T: DeserializeOwned>(file: &Path) -> T {
    serde_json::from_str(&text(file)).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

fn hex<const N: usize>(text: &str) -> [u8; N] {
    let bytes = data_encoding::HEXLOWER.decode(text.as_bytes()).unwrap();
    bytes.try_into().unwrap_or_else(|_| panic!("{text} is not {N} bytes"))
}
