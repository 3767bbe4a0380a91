//! Re-hashing the database's file without the database, which trusts its pages: it hashes them only when it
//! repairs a file, says not where one is wrong, and breaks off when it meets one in passing. Here every page
//! that the newest commit refers to is hashed, from the root down, before anything in it is believed.
//!
//! The format is redb's, version 3 (docs/design.md of the redb crate). A page has an XXH3 checksum of 128 bits
//! in whatever refers to it, and the two roots have theirs in the commit slot, which has its own. Not covered
//! is what has no meaning: free pages, the unused end of a page, padding, and the older of the two slots.

use std::{fmt, io};

use redb::StorageBackend;
use shared::Height;
use twox_hash::XxHash3_128;

use super::{Table, tables};

const MAGIC: &[u8] = b"redb\x1a\x0a\xa9\x0d\x0a";
const VERSION: u8 = 3;

/// Bytes of the smallest page; a page's number says how often that is doubled.
const PAGE: u64 = 4096;

/// Bytes of a region, which is as many pages as have a number in it. The first one begins after one page.
const REGION: u64 = PAGE << 20;

/// Where the header has the sizes of page, head of a region and rest of a region, in bytes and in pages. They
/// are the same in all files that this program makes, and nothing else would tell if they were changed.
const SIZES: usize = 12;

/// Where the header says which slot is the newest commit's, in its lowest bit.
const CHOICE: usize = 9;

/// Where the slots are, and their length.
const SLOTS: [usize; 2] = [64, 192];
const SLOT: usize = 128;

/// Deeper than any tree.
const MAX_DEPTH: usize = 64;

/// A place in the file where not those bytes are that were written there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageFault {
    /// The first byte of the part of the file that is wrong.
    pub offset: u64,
    /// How many bytes that part has.
    pub length: u64,
    /// The table that the part belongs to, where it belongs to one.
    pub table: Option<String>,
    /// Heights between which its rows are, where the table is ordered by height.
    pub heights: Option<(Height, Height)>,
    /// What is wrong with it.
    pub reason: &'static str,
}

impl fmt::Display for PageFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "bytes {} to {} of the file", self.offset, self.offset + self.length - 1)?;
        if let Some(table) = &self.table {
            write!(f, ", in table {table}")?;
        }
        if let Some((first, last)) = self.heights {
            write!(f, ", rows of heights {first} to {last}")?;
        }
        write!(f, ": {}", self.reason)
    }
}

/// Why a file does not pass.
#[derive(Debug)]
pub(super) enum Failure {
    /// It is damaged.
    Fault(Box<PageFault>),
    /// It cannot be read.
    Io(io::Error),
}

type Result<T> = std::result::Result<T, Failure>;

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

fn fault(offset: u64, length: u64, reason: &'static str) -> Failure {
    Failure::Fault(Box::new(PageFault { offset, length, table: None, heights: None, reason }))
}

/// Hashes all that means something in a database's file.
pub(super) fn check(file: &impl StorageBackend) -> Result<()> {
    let length = file.len()?;
    let mut header = [0; SLOTS[1] + SLOT];
    if length < PAGE {
        return Err(fault(0, length.max(1), "the file is too short"));
    }
    file.read(0, &mut header)?;
    let slot = newest_slot(&header)?;
    let sizes = [PAGE, 0, REGION / PAGE].map(|size| (size as u32).to_le_bytes()).concat();
    if header[SIZES..SIZES + sizes.len()] != sizes {
        let length = sizes.len() as u64;
        return Err(fault(SIZES as u64, length, "the sizes of pages and regions are not those of this program"));
    }
    let pages = Pages { file, length };
    for (present, root) in [(1, 8), (2, 40)] {
        if slot[present] != 0 {
            pages.tables(Root::read(slot, root).expect("a slot is longer"))?;
        }
    }
    Ok(())
}

/// The slot of the newest commit, which must be the one that the header names.
fn newest_slot(header: &[u8]) -> Result<&[u8]> {
    if !header.starts_with(MAGIC) {
        return Err(fault(0, MAGIC.len() as u64, "the file does not begin as a database does"));
    }
    let slots = SLOTS.map(|at| &header[at..at + SLOT]);
    let named = usize::from(header[CHOICE] & 1);
    let at = SLOTS[named] as u64;
    if slots[named][0] != VERSION {
        return Err(fault(at, 1, "the version of the file's format is not what this program writes"));
    }
    let sound = |slot: &[u8]| array(slot, SLOT - 16) == Some(checksum(&slot[..SLOT - 16]).to_le_bytes());
    if !sound(slots[named]) {
        return Err(fault(at, SLOT as u64, "the record of the newest commit does not have its checksum"));
    }
    let number = |slot: &[u8]| u64::from_le_bytes(array(slot, 104).unwrap_or_default());
    let other = slots[1 - named];
    if sound(other) && number(other) > number(slots[named]) {
        let reason = "the file names an older commit than its newest one. If the node was killed in the middle of a \
                      commit, nothing that it acknowledged is lost: start it once, and audit again";
        return Err(fault(CHOICE as u64, 1, reason));
    }
    Ok(slots[named])
}

fn checksum(bytes: &[u8]) -> u128 {
    XxHash3_128::oneshot(bytes)
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

fn offset_at(bytes: &[u8], at: usize) -> Option<usize> {
    Some(u32::from_le_bytes(array(bytes, at)?) as usize)
}

/// What refers to a page: its number, and its checksum.
#[derive(Clone, Copy)]
struct Root {
    page: u64,
    checksum: u128,
}

impl Root {
    fn read(bytes: &[u8], at: usize) -> Option<Self> {
        let (page, checksum) = (array(bytes, at)?, array(bytes, at + 8)?);
        Some(Self { page: u64::from_le_bytes(page), checksum: u128::from_le_bytes(checksum) })
    }
}

/// Lengths of keys and values where they are always the same.
#[derive(Clone, Copy)]
struct Widths {
    key: Option<usize>,
    value: Option<usize>,
}

/// A tree whose pages are being hashed: that of the tables, or a table's.
struct Tree<'a> {
    name: Option<&'a str>,
    widths: Widths,
}

/// The lowest and the highest height that rows below a page may have.
type Span = (Option<Height>, Option<Height>);

struct Pages<'a, F> {
    file: &'a F,
    length: u64,
}

impl<F: StorageBackend> Pages<'_, F> {
    /// A tree of tables, and all tables in it.
    fn tables(&self, root: Root) -> Result<()> {
        let mut rows = Vec::new();
        let tree = Tree { name: None, widths: Widths { key: None, value: None } };
        self.tree(&tree, root, (None, None), 0, &mut |page| rows.extend(definitions(page)))?;
        for row in rows {
            let unreadable = || fault(0, self.length, "a table is not described as this program describes tables");
            let (name, definition) = row.ok_or_else(unreadable)?;
            let (root, widths) = definition.ok_or_else(unreadable)?;
            if let Some(root) = root {
                self.tree(&Tree { name: Some(&name), widths }, root, (None, None), 0, &mut |_| {})?;
            }
        }
        Ok(())
    }

    /// A page and all below it; each leaf that is right is shown to `leaf`.
    fn tree(&self, tree: &Tree<'_>, root: Root, span: Span, depth: usize, leaf: &mut dyn FnMut(&[u8])) -> Result<()> {
        let (offset, length) = place(root.page);
        let wrong = |reason| {
            let heights = span.0.zip(span.1);
            let table = tree.name.map(str::to_owned);
            Failure::Fault(Box::new(PageFault { offset, length, table, heights, reason }))
        };
        if depth > MAX_DEPTH || offset.checked_add(length).is_none_or(|end| end > self.length) {
            return Err(wrong("the page is not in the file"));
        }
        let mut page = vec![0; usize::try_from(length).map_err(|_| wrong("the page is too large"))?];
        self.file.read(offset, &mut page)?;
        let meant = meaning(&page, tree.widths).filter(|meant| checksum(meant) == root.checksum);
        let page = meant.ok_or_else(|| wrong("the page does not have its checksum"))?;
        if page[0] == LEAF {
            leaf(page);
            return Ok(());
        }
        let (children, keys) = (count(page) + 1, count(page));
        let mut low = span.0;
        for child in 0..children {
            let number = array(page, 8 + 16 * children + 8 * child).map(u64::from_le_bytes);
            let checksum = array(page, 8 + 16 * child).map(u128::from_le_bytes);
            let root = number.zip(checksum).map(|(page, checksum)| Root { page, checksum });
            let root = root.ok_or_else(|| wrong("the page does not have room for what it refers to"))?;
            let bound = (child < keys).then(|| height_of_key(tree, page, child)).flatten();
            let high = if child < keys { bound } else { span.1 };
            self.tree(tree, root, (low, high), depth + 1, leaf)?;
            low = bound;
        }
        Ok(())
    }
}

/// Where a page is, and its length.
fn place(number: u64) -> (u64, u64) {
    let order = number >> 59;
    let (region, index) = ((number >> 20) & 0xf_ffff, number & (0xf_ffff >> order));
    let length = PAGE << order;
    (PAGE + region * REGION + index * length, length)
}

const LEAF: u8 = 1;
const BRANCH: u8 = 2;

/// Pairs in a leaf, keys in a branch.
fn count(page: &[u8]) -> usize {
    array(page, 2).map(u16::from_le_bytes).map_or(0, usize::from)
}

/// The part of a page that means something, as far as its own lengths can be believed.
fn meaning(page: &[u8], widths: Widths) -> Option<&[u8]> {
    let last = count(page).checked_sub(1)?;
    let end = match page[0] {
        LEAF => leaf_value_end(page, widths, last)?,
        BRANCH => branch_key_end(page, widths, last)?,
        _ => return None,
    };
    page.get(..end)
}

fn leaf_key_end(page: &[u8], widths: Widths, at: usize) -> Option<usize> {
    let count = count(page);
    let lists = usize::from(widths.key.is_none()) + usize::from(widths.value.is_none());
    match widths.key {
        Some(width) => (4 + 4 * count * lists).checked_add(width.checked_mul(at + 1)?),
        None => offset_at(page, 4 + 4 * at),
    }
}

fn leaf_value_end(page: &[u8], widths: Widths, at: usize) -> Option<usize> {
    let count = count(page);
    match widths.value {
        Some(width) => leaf_key_end(page, widths, count.checked_sub(1)?)?.checked_add(width.checked_mul(at + 1)?),
        None => offset_at(page, 4 + if widths.key.is_none() { 4 * count } else { 0 } + 4 * at),
    }
}

fn branch_key_end(page: &[u8], widths: Widths, at: usize) -> Option<usize> {
    let fixed = 8 + 24 * (count(page) + 1);
    match widths.key {
        Some(width) => fixed.checked_add(width.checked_mul(at + 1)?),
        None => offset_at(page, fixed + 4 * at),
    }
}

/// The height in a branch's key, in tables that are ordered by height.
fn height_of_key(tree: &Tree<'_>, page: &[u8], at: usize) -> Option<Height> {
    let key = branch_key_end(page, tree.widths, at)?.checked_sub(tree.widths.key?)?;
    let name = tree.name?;
    if name == Table::Active.name() {
        return Some(Height(u32::from_le_bytes(array(page, key)?)));
    }
    let by_block = [Table::Entries, Table::Bodies, Table::Undo].iter().any(|table| table.name() == name);
    by_block.then(|| array(page, key).map(|key| tables::block_of(&key).0)).flatten()
}

/// A table's name, and its tree if it has rows.
type Definition = Option<(String, Option<(Option<Root>, Widths)>)>;

/// The rows of a leaf of a tree of tables.
fn definitions(page: &[u8]) -> Vec<Definition> {
    let widths = Widths { key: None, value: None };
    let range = |at: usize, end: fn(&[u8], Widths, usize) -> Option<usize>, first: Option<usize>| {
        let begin = if at == 0 { first } else { end(page, widths, at - 1) };
        page.get(begin?..end(page, widths, at)?)
    };
    let row = |at| {
        let name = range(at, leaf_key_end, Some(4 + 8 * count(page)))?;
        let value = range(at, leaf_value_end, leaf_key_end(page, widths, count(page).checked_sub(1)?))?;
        Some((std::str::from_utf8(name).ok()?.to_owned(), definition(value)))
    };
    (0..count(page)).map(row).collect()
}

/// Root and widths of a table: after its kind (3 is one value for each key) and its length.
fn definition(bytes: &[u8]) -> Option<(Option<Root>, Widths)> {
    let optional = |at: usize| Some((*bytes.get(at)? != 0).then_some(at + 1));
    let width = |at| optional(at)?.map_or(Some(None), |at| offset_at(bytes, at).map(Some));
    let root = optional(9)?.map_or(Some(None), |at| Root::read(bytes, at).map(Some));
    (*bytes.first()? == 3).then_some((root?, Widths { key: width(42)?, value: width(47)? }))
}
