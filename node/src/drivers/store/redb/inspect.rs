//! Reading the database row by row, as only an audit does: which tables there are, which rows are in
//! each, and single rows that nobody else asks for one by one. What the rows should be is not known here.

use std::fmt;

use borsh::BorshSerialize;
use redb::{ReadOnlyTable, ReadableTable, TableHandle as _};
use shared::{Address, BlockHash, Height, Topic, Transaction, TxId, log::LogNode};

use super::{
    Snapshot,
    tables::{
        self, ACCOUNTS, ACTIVE, BODIES, ENTRIES, FILED, HEIGHTS, HISTORY, JOURNAL, LOCATIONS, LOG, META, OWN, UNDO,
        decode, meta,
    },
};
use crate::machine::{
    journal::ChainEvent,
    store::{Entry, Location, Result, Touch},
};

/// A table of the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Table {
    /// Single values by name.
    Meta,
    /// Heights of blocks.
    Heights,
    /// Places of blocks in the tree.
    Entries,
    /// Blocks without their headers.
    Bodies,
    /// What takes blocks back.
    Undo,
    /// The active chain.
    Active,
    /// Accounts.
    Accounts,
    /// Where transactions are.
    Locations,
    /// Kept nodes of the log.
    Log,
    /// What concerns whom.
    History,
    /// Data by topic.
    Filed,
    /// Own users' unconfirmed transactions.
    Own,
    /// The journal.
    Journal,
}

/// Names of single values that this program knows.
pub const NAMES: [&str; 5] = meta::ALL;

/// The key of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Key {
    /// Of [`Table::Meta`].
    Name(String),
    /// Of [`Table::Heights`].
    Block(BlockHash),
    /// Of [`Table::Entries`], [`Table::Bodies`] and [`Table::Undo`].
    BlockAt(Height, BlockHash),
    /// Of [`Table::Active`].
    Height(Height),
    /// Of [`Table::Accounts`].
    Address(Address),
    /// Of [`Table::Locations`] and [`Table::Own`].
    Transaction(TxId),
    /// Of [`Table::Log`].
    Node(LogNode),
    /// Of [`Table::History`].
    Touch(Address, Location),
    /// Of [`Table::Filed`].
    Filed(Option<Topic>, Location),
    /// Of [`Table::Journal`].
    Number(u64),
}

impl Table {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::Meta,
        Self::Heights,
        Self::Entries,
        Self::Bodies,
        Self::Undo,
        Self::Active,
        Self::Accounts,
        Self::Locations,
        Self::Log,
        Self::History,
        Self::Filed,
        Self::Own,
        Self::Journal,
    ];

    /// Its name in the database.
    pub fn name(self) -> &'static str {
        match self {
            Self::Meta => META.name(),
            Self::Heights => HEIGHTS.name(),
            Self::Entries => ENTRIES.name(),
            Self::Bodies => BODIES.name(),
            Self::Undo => UNDO.name(),
            Self::Active => ACTIVE.name(),
            Self::Accounts => ACCOUNTS.name(),
            Self::Locations => LOCATIONS.name(),
            Self::Log => LOG.name(),
            Self::History => HISTORY.name(),
            Self::Filed => FILED.name(),
            Self::Own => OWN.name(),
            Self::Journal => JOURNAL.name(),
        }
    }
}

impl Key {
    /// The height that it speaks of.
    pub fn height(&self) -> Option<Height> {
        match self {
            Self::BlockAt(height, _) | Self::Height(height) => Some(*height),
            Self::Touch(_, at) | Self::Filed(_, at) => Some(at.height),
            _ => None,
        }
    }

    /// The block that it speaks of.
    pub fn hash(&self) -> Option<BlockHash> {
        match self {
            Self::Block(hash) | Self::BlockAt(_, hash) => Some(*hash),
            _ => None,
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => name.fmt(f),
            Self::Block(hash) => write!(f, "block {hash}"),
            Self::BlockAt(height, hash) => write!(f, "height {height}, block {hash}"),
            Self::Height(height) => write!(f, "height {height}"),
            Self::Address(address) => address.fmt(f),
            Self::Transaction(id) => write!(f, "transaction {id}"),
            Self::Node(LogNode { level, index }) => write!(f, "level {level}, index {index}"),
            Self::Touch(address, at) => write!(f, "{address} at {}", Place(*at)),
            Self::Filed(Some(topic), at) => write!(f, "topic {:?} at {}", topic.as_str(), Place(*at)),
            Self::Filed(None, at) => write!(f, "no topic at {}", Place(*at)),
            Self::Number(number) => write!(f, "entry {number}"),
        }
    }
}

struct Place(Location);

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Location { height, position } = self.0;
        if self.0 == Location::reward(height) {
            write!(f, "height {height}, reward")
        } else {
            write!(f, "height {height}, position {position}")
        }
    }
}

/// Rows as they come, each with what is wrong with it if it does not read.
pub type Rows<'a, T> = Box<dyn Iterator<Item = Result<T>> + 'a>;

fn keys_of<'a, K: redb::Key + 'static, V: redb::Value + 'static>(
    table: &'a ReadOnlyTable<K, V>,
    read: impl for<'k> Fn(K::SelfType<'k>) -> Result<Key> + 'a,
) -> Result<Rows<'a, Key>> {
    Ok(Box::new(table.iter()?.map(move |row| read(row?.0.value()))))
}

impl Snapshot {
    /// Names of tables that are none of ours.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn foreign_tables(&self) -> Result<Vec<String>> {
        let tables = self.transaction.list_tables()?.map(|table| table.name().to_owned());
        let multimaps =
            self.transaction.list_multimap_tables()?.map(|table| redb::MultimapTableHandle::name(&table).to_owned());
        Ok(tables.chain(multimaps).filter(|name| Table::ALL.iter().all(|table| table.name() != name)).collect())
    }

    /// The keys of all rows of a table, in their order.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn keys(&self, table: Table) -> Result<Rows<'_, Key>> {
        let block_at = |key: &[u8; 36]| {
            let (height, hash) = tables::block_of(key);
            Ok(Key::BlockAt(height, hash))
        };
        match table {
            Table::Meta => keys_of(&self.meta, |name| Ok(Key::Name(name.to_owned()))),
            Table::Heights => keys_of(&self.heights, |hash| Ok(Key::Block(BlockHash(*hash)))),
            Table::Entries => keys_of(&self.entries, block_at),
            Table::Bodies => keys_of(&self.bodies, block_at),
            Table::Undo => keys_of(&self.undo, block_at),
            Table::Active => keys_of(&self.active, |height| Ok(Key::Height(Height(height)))),
            Table::Accounts => keys_of(&self.accounts, |address| Ok(Key::Address(Address(*address)))),
            Table::Locations => keys_of(&self.locations, |id| Ok(Key::Transaction(TxId(*id)))),
            Table::Log => keys_of(&self.log, |key| Ok(Key::Node(tables::log_node(key)))),
            Table::History => keys_of(&self.history, |key| {
                let (address, at) = tables::history_of(key);
                Ok(Key::Touch(address, at))
            }),
            Table::Filed => keys_of(&self.filed, |key| {
                let (topic, at) = tables::filed_place(key)?;
                Ok(Key::Filed(topic, at))
            }),
            Table::Own => keys_of(&self.own, |id| Ok(Key::Transaction(TxId(*id)))),
            Table::Journal => keys_of(&self.journal, |number| Ok(Key::Number(number))),
        }
    }

    /// Every stored block's place with what its row's key says, lowest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn entries(&self) -> Result<Rows<'_, (Height, BlockHash, Result<Entry>)>> {
        Ok(Box::new(self.entries.iter()?.map(|row| {
            let (key, bytes) = row?;
            let (height, hash) = tables::block_of(key.value());
            Ok((height, hash, decode("the entry", bytes.value())))
        })))
    }

    /// Own users' transactions with the ids that they are stored under.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn own_rows(&self) -> Result<Rows<'_, (TxId, Result<Transaction>)>> {
        Ok(Box::new(self.own.iter()?.map(|row| {
            let (id, bytes) = row?;
            Ok((TxId(*id.value()), decode("the transaction", bytes.value())))
        })))
    }

    /// The journal's entries with their numbers, in order.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn journal_rows(&self) -> Result<Rows<'_, (u64, Result<ChainEvent>)>> {
        Ok(Box::new(self.journal.iter()?.map(|row| {
            let (number, bytes) = row?;
            Ok((number.value(), decode("the entry", bytes.value())))
        })))
    }

    /// The height at which a block is stored.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn height_of(&self, hash: &BlockHash) -> Result<Option<Height>> {
        Ok(self.heights.get(&hash.0)?.map(|height| Height(height.value())))
    }

    /// Whether a block has a place under this height and hash.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn has_entry(&self, height: Height, hash: &BlockHash) -> Result<bool> {
        Ok(self.entries.get(&tables::block_key(height, hash))?.is_some())
    }

    /// How what is at a place concerns an address.
    ///
    /// # Errors
    /// When the database cannot be read, or the row does not.
    pub fn touch(&self, address: &Address, at: Location) -> Result<Option<Touch>> {
        let touch = self.history.get(&tables::history_key(address, at))?;
        touch.map(|touch| decode("it", &[touch.value()])).transpose()
    }

    /// Whether there is data at a place under this topic, or under none.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn is_filed(&self, topic: Option<&Topic>, at: Location) -> Result<bool> {
        Ok(self.filed.get(tables::filed_key(topic, at).as_slice())?.is_some())
    }

    /// Whether the database says that it is of this program's format.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn is_of_this_format(&self) -> Result<bool> {
        self.meta_is(meta::FORMAT, &tables::FORMAT)
    }

    /// Whether the database says that this is its genesis block.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn is_of_genesis(&self, genesis: &BlockHash) -> Result<bool> {
        self.meta_is(meta::GENESIS, genesis)
    }

    fn meta_is(&self, name: &str, value: &impl BorshSerialize) -> Result<bool> {
        Ok(self.meta.get(name)?.is_some_and(|bytes| bytes.value() == tables::encode(value)))
    }
}

/// A row as the bytes of its key and its value.
#[cfg(test)]
pub type Row = (Table, Vec<u8>, Vec<u8>);

#[cfg(test)]
impl Snapshot {
    /// Every row of every table.
    pub fn dump(&self) -> Result<Vec<Row>> {
        fn rows<K: redb::Key + 'static, V: redb::Value + 'static>(
            name: Table,
            table: &ReadOnlyTable<K, V>,
        ) -> Result<Vec<Row>> {
            let row = |row: std::result::Result<(redb::AccessGuard<'_, K>, redb::AccessGuard<'_, V>), _>| {
                let (key, value) = row?;
                let (key, value) =
                    (K::as_bytes(&key.value()).as_ref().to_vec(), V::as_bytes(&value.value()).as_ref().to_vec());
                Ok((name, key, value))
            };
            table.iter()?.map(row).collect()
        }
        let tables = [
            rows(Table::Meta, &self.meta)?,
            rows(Table::Heights, &self.heights)?,
            rows(Table::Entries, &self.entries)?,
            rows(Table::Bodies, &self.bodies)?,
            rows(Table::Undo, &self.undo)?,
            rows(Table::Active, &self.active)?,
            rows(Table::Accounts, &self.accounts)?,
            rows(Table::Locations, &self.locations)?,
            rows(Table::Log, &self.log)?,
            rows(Table::History, &self.history)?,
            rows(Table::Filed, &self.filed)?,
            rows(Table::Own, &self.own)?,
            rows(Table::Journal, &self.journal)?,
        ];
        Ok(tables.concat())
    }
}
