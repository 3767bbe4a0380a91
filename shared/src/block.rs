//! Blocks: a header, its coinbase, its transactions; and every check on a block that needs no chain.
//! A [`CheckedBlock`] can only come from such a check. Rules that need the chain live in [`crate::rules`].

use std::sync::Arc;

use borsh::{BorshDeserialize, BorshSerialize, io};

use crate::{
    coinbase::Coinbase,
    hash::BlockHash,
    header::{Header, HeaderProofError, Height},
    spec::Network,
    transaction::{CheckedTransaction, Transaction, TransactionError, check_all},
};

/// A block as it travels: nothing about it has been checked yet.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Block {
    /// The 80 bytes that are hashed.
    pub header: Header,
    /// What the miner claims and commits to.
    pub coinbase: Coinbase,
    /// The transactions, in the order in which they take effect and enter the log.
    pub transactions: Vec<Transaction>,
}

/// Why a block is wrong whatever the chain.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BlockError {
    /// Larger than the chain spec allows.
    #[error("the block has {size} bytes; this network allows {limit}")]
    TooLarge {
        /// Bytes of the encoding.
        size: usize,
        /// The chain spec's limit.
        limit: u32,
    },
    /// No valid work.
    #[error(transparent)]
    Proof(#[from] HeaderProofError),
    /// The target is easier than the network's easiest.
    #[error("the block's target is easier than this network allows")]
    TooEasy,
    /// The header commits to another coinbase.
    #[error("the header does not commit to this coinbase: one of the two was changed")]
    CoinbaseMismatch,
    /// The miner's free bytes are too many.
    #[error("the coinbase carries {0} extra bytes; at most {max} are allowed", max = Coinbase::MAX_EXTRA)]
    ExtraTooLong(usize),
    /// One of the transactions is wrong.
    #[error("transaction {position} of the block is wrong: {error}")]
    Transaction {
        /// Counted from 0.
        position: usize,
        /// What is wrong with it.
        error: TransactionError,
    },
}

impl Block {
    /// The borsh encoding.
    pub fn to_bytes(&self) -> Vec<u8> {
        borsh::to_vec(self).expect("writing to memory cannot fail")
    }

    /// A block of these exact bytes.
    ///
    /// # Errors
    /// When the bytes are truncated, have bytes to spare, or hold an impossible value.
    pub fn from_bytes(bytes: &[u8]) -> io::Result<Self> {
        Self::try_from_slice(bytes)
    }

    /// Every check that needs no chain, in this order: proof of work, coinbase, size, transactions.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub fn check(self, network: &Network) -> Result<CheckedBlock, BlockError> {
        let hash = check_header(&self.header, network)?;
        check_coinbase(&self.header, &self.coinbase)?;
        let size = self.to_bytes().len();
        check_size(size, network)?;
        let transactions = check_all(self.transactions, &network.genesis_hash())
            .map_err(|(position, error)| BlockError::Transaction { position, error })?;
        let transactions = transactions.into_iter().map(Arc::new).collect();
        Ok(CheckedBlock { header: self.header, coinbase: self.coinbase, transactions, hash, size })
    }
}

/// The work of a header, and that it is not below the network's least.
///
/// # Errors
/// When the work is missing or the target too easy.
pub fn check_header(header: &Header, network: &Network) -> Result<BlockHash, BlockError> {
    let hash = header.proven_hash()?;
    let target = header.bits.target().map_err(HeaderProofError::from)?;
    if target > network.spec().easiest_target() {
        return Err(BlockError::TooEasy);
    }
    Ok(hash)
}

/// That a coinbase is the one its header commits to, and within its limit.
///
/// # Errors
/// When it is another one, or too long.
pub fn check_coinbase(header: &Header, coinbase: &Coinbase) -> Result<(), BlockError> {
    if coinbase.extra.len() > Coinbase::MAX_EXTRA {
        return Err(BlockError::ExtraTooLong(coinbase.extra.len()));
    }
    if coinbase.hash() != header.coinbase_hash {
        return Err(BlockError::CoinbaseMismatch);
    }
    Ok(())
}

fn check_size(size: usize, network: &Network) -> Result<(), BlockError> {
    let limit = network.spec().max_block_bytes;
    if size > limit as usize { Err(BlockError::TooLarge { size, limit }) } else { Ok(()) }
}

/// A block whose work, commitment, sizes and signatures are right. Whether it fits a chain is another
/// question. Cheap to share: transactions are behind `Arc`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedBlock {
    header: Header,
    coinbase: Coinbase,
    transactions: Vec<Arc<CheckedTransaction>>,
    hash: BlockHash,
    size: usize,
}

impl CheckedBlock {
    /// Puts a block together from transactions that were checked before; only the work, the
    /// commitment and the size are checked here. For blocks mined here or rebuilt from the pool.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub fn assemble(
        header: Header,
        coinbase: Coinbase,
        transactions: Vec<Arc<CheckedTransaction>>,
        network: &Network,
    ) -> Result<Self, BlockError> {
        let hash = check_header(&header, network)?;
        check_coinbase(&header, &coinbase)?;
        let size = encoded_size(&coinbase, transactions.iter().map(|transaction| transaction.size()));
        check_size(size, network)?;
        Ok(Self { header, coinbase, transactions, hash, size })
    }

    /// Takes a block that this node checked before it stored it, without checking it again.
    pub fn trusted(block: Block) -> Self {
        let size = block.to_bytes().len();
        let transactions = block.transactions.into_iter().map(CheckedTransaction::trusted).map(Arc::new).collect();
        Self { hash: block.header.hash(), header: block.header, coinbase: block.coinbase, transactions, size }
    }

    /// The header.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The coinbase.
    pub fn coinbase(&self) -> &Coinbase {
        &self.coinbase
    }

    /// The transactions in order.
    pub fn transactions(&self) -> &[Arc<CheckedTransaction>] {
        &self.transactions
    }

    /// The header's hash.
    pub fn hash(&self) -> BlockHash {
        self.hash
    }

    /// The height that the coinbase claims; the chain decides whether it is right.
    pub fn height(&self) -> Height {
        self.coinbase.height
    }

    /// Bytes of the encoding.
    pub fn size(&self) -> usize {
        self.size
    }

    /// The block as it travels.
    pub fn to_block(&self) -> Block {
        Block {
            header: self.header,
            coinbase: self.coinbase.clone(),
            transactions: self.transactions.iter().map(|transaction| (***transaction).clone()).collect(),
        }
    }
}

/// Bytes of a block with this coinbase and transactions of these sizes.
pub fn encoded_size(coinbase: &Coinbase, transaction_sizes: impl Iterator<Item = usize>) -> usize {
    let count_prefix = 4;
    Header::SIZE + coinbase.to_bytes().len() + count_prefix + transaction_sizes.sum::<usize>()
}
