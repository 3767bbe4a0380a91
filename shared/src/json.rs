//! Blocks and transactions as JSON. Hashes, heights and ids are shown for the reader's convenience;
//! when JSON comes in they may be left out, but where they stand they must be right, so that nobody
//! is misled by a hash that belongs to other contents.

use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::{
    address::Address,
    amount::Amount,
    block::{Block, CheckedBlock},
    coinbase::Coinbase,
    hash::{BlockHash, CoinbaseHash, LogRoot, SpecHash, TxId},
    header::{Header, Height},
    time::Millis,
    transaction::{Payload, Topic, Transaction},
    wire::{NodeId, PeerId},
    work::{Bits, Work},
};

/// Serializes through `Display` and reads through `FromStr`.
macro_rules! as_text {
    ($($type:ty),*) => {$(
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
            }
        }
    )*};
}

as_text!(Address, Bits, BlockHash, CoinbaseHash, LogRoot, NodeId, PeerId, SpecHash, TxId, Work);

pub(crate) mod hex {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(bytes: impl AsRef<[u8]>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&HEXLOWER.encode(bytes.as_ref()))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>, T: TryFrom<Vec<u8>>>(deserializer: D) -> Result<T, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = HEXLOWER_PERMISSIVE.decode(text.as_bytes()).map_err(|_| D::Error::custom("not hexadecimal"))?;
        let length = bytes.len();
        T::try_from(bytes).map_err(|_| D::Error::custom(format!("{length} bytes are the wrong length here")))
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CoinbaseJson {
    height: Height,
    miner: Address,
    reward: Amount,
    log_size: u64,
    log_root: LogRoot,
    #[serde(with = "hex", default)]
    extra: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum PayloadJson {
    Transfer {
        to: Address,
        amount: Amount,
    },
    Data {
        topic: String,
        #[serde(with = "hex")]
        body: Vec<u8>,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TransactionJson {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id: Option<TxId>,
    version: u8,
    sender: Address,
    nonce: u64,
    fee: Amount,
    time: Millis,
    payload: PayloadJson,
    #[serde(with = "hex")]
    signature: [u8; 64],
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct BlockJson {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    height: Option<Height>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hash: Option<BlockHash>,
    header: Header,
    coinbase: CoinbaseJson,
    #[serde(default)]
    transactions: Vec<Transaction>,
}

impl Serialize for Transaction {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let payload = match &self.payload {
            Payload::Transfer { to, amount } => PayloadJson::Transfer { to: *to, amount: *amount },
            Payload::Data { topic, body } => PayloadJson::Data { topic: topic.as_str().to_owned(), body: body.clone() },
        };
        TransactionJson {
            id: Some(self.id()),
            version: self.version,
            sender: self.sender,
            nonce: self.nonce,
            fee: self.fee,
            time: self.time,
            payload,
            signature: self.signature,
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Transaction {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = TransactionJson::deserialize(deserializer)?;
        let payload = match json.payload {
            PayloadJson::Transfer { to, amount } => Payload::Transfer { to, amount },
            PayloadJson::Data { topic, body } => {
                Payload::Data { topic: Topic::new(topic).map_err(D::Error::custom)?, body }
            }
        };
        let transaction = Self {
            version: json.version,
            sender: json.sender,
            nonce: json.nonce,
            fee: json.fee,
            time: json.time,
            payload,
            signature: json.signature,
        };
        match json.id {
            Some(id) if id != transaction.id() => {
                Err(D::Error::custom(format!("the id {id} does not belong to this transaction")))
            }
            _ => Ok(transaction),
        }
    }
}

impl Serialize for Block {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        BlockJson {
            height: Some(self.coinbase.height),
            hash: Some(self.header.hash()),
            header: self.header,
            coinbase: CoinbaseJson {
                height: self.coinbase.height,
                miner: self.coinbase.miner,
                reward: self.coinbase.reward,
                log_size: self.coinbase.log_size,
                log_root: self.coinbase.log_root,
                extra: self.coinbase.extra.clone(),
            },
            transactions: self.transactions.clone(),
        }
        .serialize(serializer)
    }
}

impl Serialize for CheckedBlock {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_block().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Block {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = BlockJson::deserialize(deserializer)?;
        let coinbase = Coinbase {
            height: json.coinbase.height,
            miner: json.coinbase.miner,
            reward: json.coinbase.reward,
            log_size: json.coinbase.log_size,
            log_root: json.coinbase.log_root,
            extra: json.coinbase.extra,
        };
        if json.hash.is_some_and(|hash| hash != json.header.hash()) {
            return Err(D::Error::custom(
                "the block's \"hash\" is not the hash of its header: one of the two was changed",
            ));
        }
        if json.height.is_some_and(|height| height != coinbase.height) {
            return Err(D::Error::custom("the block's \"height\" is not its coinbase's height"));
        }
        Ok(Self { header: json.header, coinbase, transactions: json.transactions })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::{ChainSpec, Network};

    #[test]
    fn a_block_reads_back_and_may_leave_out_what_follows_from_it() {
        let block = Network::new(ChainSpec::practice()).unwrap().genesis().to_block();
        let mut json = serde_json::to_value(&block).unwrap();
        assert_eq!(serde_json::from_value::<Block>(json.clone()).unwrap(), block);
        json.as_object_mut().unwrap().remove("hash");
        json.as_object_mut().unwrap().remove("height");
        assert_eq!(serde_json::from_value::<Block>(json).unwrap(), block);
    }

    #[test]
    fn a_hash_of_other_contents_is_refused() {
        let block = Network::new(ChainSpec::practice()).unwrap().genesis().to_block();
        let mut json = serde_json::to_value(&block).unwrap();
        json["header"]["nonce"] = 1.into();
        let error = serde_json::from_value::<Block>(json).unwrap_err();
        assert!(error.to_string().contains("not the hash of its header"), "{error}");
    }

    #[test]
    fn a_field_that_means_nothing_is_refused_everywhere() {
        let block = Network::new(ChainSpec::practice()).unwrap().genesis().to_block();
        for part in ["", "/header", "/coinbase"] {
            let mut json = serde_json::to_value(&block).unwrap();
            json.pointer_mut(part).unwrap()["colour"] = "blue".into();
            let error = serde_json::from_value::<Block>(json).expect_err(part);
            assert!(error.to_string().contains("unknown field `colour`"), "{error}");
        }
    }
}
