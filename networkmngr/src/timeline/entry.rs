//! One thing that happened in a network, and how it stands in the timeline: a JSON object on a line of its own. What
//! follows from it is worked out in [`super::state`]. Fields that older node programs do not tell are optional,
//! and what a node tells beyond what is known here stays as it is.

use node::cli::HashRate;
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};
use shared::{Address, BlockHash, TxId, Work};

use super::read::MAX_LINE;
use crate::network::LinkRule;

/// Version of the format that this program writes; it reads no newer one.
pub(crate) const FORMAT: u32 = 1;

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// Milliseconds since the Unix epoch by the recorder's clock, or of virtual time. Never less than before.
    pub(crate) at: u64,
    /// The node it is about; the network if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) node: Option<u16>,
    /// The id under which the node told it, if its journal did: where to go on after a restart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) journal: Option<String>,
    #[serde(flatten)]
    pub(crate) what: What,
}

/// How a timeline begins, and what each start of its network adds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Begun {
    /// Version of the format.
    pub(crate) format: u32,
    /// Number of this entry; the first ever has number 1.
    pub(crate) number: u64,
    /// Of the program.
    pub(crate) version: String,
    /// The genesis block, which names the network.
    pub(crate) genesis: Option<BlockHash>,
    /// Whether time is virtual.
    pub(crate) simulated: bool,
    /// What a simulated network left to chance.
    pub(crate) seed: Option<u64>,
    /// How many nodes it has at first.
    pub(crate) nodes: u16,
    /// Whether this is the beginning of another file of the same timeline, and not a start of the network.
    #[serde(default)]
    pub(crate) continued: bool,
    /// So many entries after this one tell again what held before.
    #[serde(default)]
    pub(crate) whole: u64,
}

/// What can happen. The tag is the field `event`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(crate) enum What {
    Begun(Begun),
    /// So many entries before this one were lost, because the file could not be written.
    Lost {
        entries: u64,
    },

    /// A node's process was made.
    Started {
        #[serde(default)]
        pid: Option<u32>,
    },
    /// It works; who it is.
    Ready {
        /// Whom its blocks pay.
        #[serde(default)]
        miner: Option<Address>,
        /// Its name among peers.
        #[serde(default)]
        peer: Option<String>,
        #[serde(default)]
        id: Option<String>,
        #[serde(default)]
        address: Option<String>,
    },
    /// Its process has ended, and its pool with it.
    Ended {
        how: String,
        /// Whether somebody asked for it.
        #[serde(default)]
        wanted: bool,
    },
    Paused,
    Resumed,
    /// Taken out of the network for good.
    Removed,
    /// What it holds, told whole, where its journal does not reach back.
    Held {
        height: u32,
        tip: BlockHash,
        /// What waits to be mined.
        #[serde(default)]
        pool: Vec<TxId>,
    },

    /// None of these groups reaches another from now on.
    Split {
        groups: Vec<Vec<u16>>,
    },
    Healed,
    /// What holds for the links from now on; nothing is made up where there are no rules.
    Links {
        rules: Vec<LinkRule>,
    },
    HashRate {
        rate: HashRate,
    },
    /// A mining job began, or came to its end.
    Mining {
        job: u64,
        state: MiningState,
        /// How many bursts; without end if absent.
        #[serde(default)]
        bursts: Option<u32>,
    },
    /// A scenario's step begins.
    Step {
        number: u32,
        text: String,
    },
    /// What a scenario came to.
    Verdict {
        passed: bool,
        text: String,
    },

    /// A node found a block, which it may keep to itself. Simulated networks alone tell this.
    Mined {
        height: u32,
        hash: BlockHash,
        #[serde(flatten)]
        about: About,
    },
    /// A block became part of a node's chain.
    Connected {
        height: u32,
        hash: BlockHash,
        #[serde(default)]
        transactions: u32,
        #[serde(flatten)]
        about: About,
    },
    /// A block left a node's chain for a branch that ends with `better`.
    Disconnected {
        height: u32,
        hash: BlockHash,
        better: BlockHash,
    },
    /// What such a change of branches came to as a whole.
    Reorganised(Reorganised),
    /// A node has a block beside its chain.
    Side {
        height: u32,
        hash: BlockHash,
        #[serde(flatten)]
        about: About,
    },
    /// A transaction entered a node's pool.
    Pooled {
        id: TxId,
        #[serde(default)]
        returned: bool,
    },
    /// A transaction left a node's pool unconfirmed.
    Dropped {
        id: TxId,
        reason: String,
    },
    /// A transaction is in a block of a node's chain.
    Confirmed {
        id: TxId,
        block: BlockHash,
        height: u32,
        #[serde(default)]
        position: u32,
    },
    /// A block left a node's chain although the node has signed its log up to it.
    Contradicted {
        height: u32,
        hash: BlockHash,
        better: BlockHash,
    },
    /// A node was given a block before the one that it is on top of. Peers are told by their ids.
    Orphan {
        hash: BlockHash,
        parent: BlockHash,
        #[serde(default)]
        peer: Option<String>,
    },
    /// A node holds a fault against a peer.
    Penalty {
        #[serde(default)]
        peer: Option<String>,
        fault: String,
        #[serde(default)]
        banned: bool,
    },
    /// A node was started again: what waited in its pool is gone, but for what is told after this.
    Restarted,
    /// A node's journal no longer has, or never had, what comes next.
    Gap {
        asked: u64,
        next: u64,
        reason: String,
    },

    /// What this program does not know, as it was told.
    #[serde(untagged)]
    Other(Map<String, Value>),
}

/// What is told of a block besides its place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct About {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) previous: Option<BlockHash>,
    /// Whom it pays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) miner: Option<Address>,
    /// Expected hashes behind the chain up to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) work: Option<Work>,
    /// Seconds since the Unix epoch, as its header says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) time: Option<u32>,
}

/// A change of branches.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Reorganised {
    /// The tip before.
    pub(crate) from: BlockHash,
    #[serde(default)]
    pub(crate) from_work: Option<Work>,
    /// The tip after.
    pub(crate) to: BlockHash,
    #[serde(default)]
    pub(crate) to_work: Option<Work>,
    /// Height of the last block of both branches.
    #[serde(default)]
    pub(crate) fork: Option<u32>,
    /// How many blocks were undone.
    #[serde(default)]
    pub(crate) left: u32,
    /// How many took their place.
    #[serde(default)]
    pub(crate) joined: u32,
    /// How many transactions went back to the pool.
    #[serde(default)]
    pub(crate) returned: u32,
    /// Whom the tip before pays.
    #[serde(default)]
    pub(crate) from_miner: Option<Address>,
    /// Whom the tip after pays.
    #[serde(default)]
    pub(crate) to_miner: Option<Address>,
}

/// How far a mining job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum MiningState {
    Begun,
    Done,
    Stopped,
}

impl Entry {
    /// Something about the network.
    pub(crate) fn network(at: u64, what: What) -> Self {
        Self { at, node: None, journal: None, what }
    }

    /// Something about one node.
    pub(crate) fn node(at: u64, node: u16, what: What) -> Self {
        Self { at, node: Some(node), journal: None, what }
    }

    /// Its line in the timeline, without the line break.
    pub(crate) fn line(&self) -> String {
        // These types have only fields that JSON can hold.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// An entry with its line, which may say more than the entry.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    pub(crate) entry: Entry,
    pub(crate) line: String,
}

/// Why what a node told is not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotTold {
    #[error("it is not one JSON object: {0}")]
    NoObject(#[from] serde_json::Error),
    #[error("it is longer than a line may be")]
    TooLong,
}

impl Told {
    /// What a node told: `data` is one JSON object, and stays as it is.
    ///
    /// # Errors
    /// It is none, or makes a line that nobody reads.
    pub(crate) fn by_node(at: u64, node: u16, journal: Option<&str>, data: &str) -> Result<Self, NotTold> {
        let told = match Self::as_it_stands(at, node, journal, data) {
            Some(told) => told,
            None => Self::written_anew(at, node, journal, data)?,
        };
        if told.line.len() as u64 >= MAX_LINE { Err(NotTold::TooLong) } else { Ok(told) }
    }

    /// The recorder's fields before the text of a node that tells what is known here, has none of these fields and is
    /// on one line. Nearly all that nodes tell is like that, and need not be taken apart and put together again.
    fn as_it_stands(at: u64, node: u16, journal: Option<&str>, data: &str) -> Option<Self> {
        /// What a node has no say in.
        #[derive(Deserialize)]
        struct Own {
            #[serde(default, deserialize_with = "is_there")]
            at: bool,
            #[serde(default, deserialize_with = "is_there")]
            node: bool,
            #[serde(default, deserialize_with = "is_there")]
            journal: bool,
        }
        let Own { at: false, node: false, journal: false } = serde_json::from_str(data).ok()? else { return None };
        let fields = data.strip_prefix(r#"{""#).filter(|_| !data.contains(['\n', '\r']))?;
        let what = serde_json::from_str(data).ok().filter(|what| !matches!(what, What::Other(_)))?;
        let entry = Entry { at, node: Some(node), journal: journal.map(str::to_owned), what };
        let journal = match journal {
            Some(id) => format!(r#""journal":{},"#, serde_json::to_string(id).ok()?),
            None => String::new(),
        };
        let line = format!(r#"{{"at":{at},"node":{node},{journal}"{fields}"#);
        Some(Self { entry, line })
    }

    /// Anything else that is an object.
    fn written_anew(at: u64, node: u16, journal: Option<&str>, data: &str) -> Result<Self, NotTold> {
        let mut object: Map<String, Value> = serde_json::from_str(data)?;
        ["at", "node", "journal"].into_iter().for_each(|field| drop(object.remove(field)));
        let what = What::deserialize(Value::Object(object.clone()))?;
        let entry = Entry { at, node: Some(node), journal: journal.map(str::to_owned), what };
        let line = Entry { what: What::Other(object), ..entry.clone() }.line();
        Ok(Self { entry, line })
    }
}

fn is_there<'de, D: Deserializer<'de>>(value: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(value).map(|_| true)
}

impl From<Entry> for Told {
    fn from(entry: Entry) -> Self {
        let line = entry.line();
        Self { entry, line }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Entry {
        serde_json::from_str(line).unwrap()
    }

    #[test]
    fn an_entry_is_one_line_that_reads_as_it_was() {
        let hash = BlockHash([7; 32]);
        for (what, text) in [
            (What::Healed, r#"{"at":5,"node":3,"event":"healed"}"#.to_owned()),
            (
                What::Disconnected { height: 2, hash, better: hash },
                format!(r#"{{"at":5,"node":3,"event":"disconnected","height":2,"hash":"{hash}","better":"{hash}"}}"#),
            ),
            (
                What::Connected { height: 2, hash, transactions: 0, about: About::default() },
                format!(r#"{{"at":5,"node":3,"event":"connected","height":2,"hash":"{hash}","transactions":0}}"#),
            ),
        ] {
            let entry = Entry::node(5, 3, what);
            assert_eq!(entry.line(), text);
            assert_eq!(read(&text), entry);
        }
    }

    /// What a node says is understood here, each event and each field.
    #[test]
    fn every_event_of_a_node_is_known() {
        use node::machine::journal::ChainEvent;
        use node::machine::notice::Notice;
        use shared::Height;
        use shared::wire::NodeId;

        let (hash, other, id, height) = (BlockHash([7; 32]), BlockHash([8; 32]), TxId([9; 32]), Height(3));
        let work = Work::from(5);
        let peer = Some(NodeId([1; 32]));
        let reason = "it had to go".to_owned();
        let chain = [
            ChainEvent::Connected { height, hash, transactions: 2 },
            ChainEvent::Disconnected { height, hash, better: other },
            ChainEvent::Pooled { id, returned: true },
            ChainEvent::Dropped { id, reason: reason.clone() },
            ChainEvent::Contradicted { height, hash, better: other },
            ChainEvent::Reorganised {
                from: hash,
                from_work: work,
                to: other,
                to_work: work,
                fork: height,
                left: 1,
                joined: 2,
                returned: 3,
            },
            ChainEvent::Side { height, hash, previous: other },
            ChainEvent::Restarted,
        ];
        let notices =
            [Notice::Orphan { hash, parent: other, peer }, Notice::Penalty { peer, fault: reason, banned: true }];
        let chain = chain.iter().map(|event| serde_json::to_value(event).unwrap());
        let notices = notices.iter().map(|notice| serde_json::to_value(notice).unwrap());
        for said in chain.chain(notices) {
            let what: What = serde_json::from_value(said.clone()).unwrap();
            assert!(!matches!(what, What::Other(_)), "{said}");
            let heard = serde_json::to_value(&what).unwrap();
            for (field, value) in said.as_object().unwrap() {
                assert_eq!(&heard[field], value, "{field} of {said}");
            }
        }
    }

    #[test]
    fn what_is_not_known_stays_as_it_was_told() {
        let data = r#"{"event":"snapshot","height":7,"parts":[1,2]}"#;
        let told = Told::by_node(9, 2, Some("4"), data).unwrap();
        assert_eq!(told.line, r#"{"at":9,"node":2,"journal":"4","event":"snapshot","height":7,"parts":[1,2]}"#);
        let What::Other(more) = read(&told.line).what else { panic!("{}", told.line) };
        assert_eq!(more["parts"][1], 2);

        // More about what is known.
        let hash = BlockHash([7; 32]);
        let data = format!(r#"{{"event":"connected","height":1,"hash":"{hash}","transactions":2,"size":80,"at":0}}"#);
        let told = Told::by_node(9, 2, None, &data).unwrap();
        assert!(matches!(told.entry.what, What::Connected { transactions: 2, .. }), "{:?}", told.entry);
        assert!(told.line.contains(r#""size":80"#) && told.line.starts_with(r#"{"at":9,"#), "{}", told.line);
        assert_eq!(read(&told.line), told.entry);
        assert!(matches!(Told::by_node(9, 2, None, "[]"), Err(NotTold::NoObject(_))));
    }

    /// However it is written: the line reads as the entry, and the node does not speak for the recorder.
    #[test]
    fn a_line_that_is_taken_as_it_stands_is_like_one_written_anew() {
        let id = TxId([9; 32]);
        for data in [
            format!(r#"{{"event":"pooled","id":"{id}","returned":true}}"#),
            format!(r#"{{"event":"pooled","id":"{id}","more":{{"at":1}}}}"#),
            format!(r#"{{ "event": "pooled", "id": "{id}", "returned": true }} "#),
            format!("{{\"event\":\"pooled\",\n\"id\":\"{id}\",\"returned\":true}}"),
            format!(r#"{{"event":"pooled","id":"{id}","at":null,"node":7,"journal":"x"}}"#),
            format!(r#"{{"\u0061t":1,"event":"pooled","id":"{id}"}}"#),
            format!(r#"{{"event":"pooled","id":"{id}","id":"{id}"}}"#),
            format!(r#"{{"event":"pooled","id":"{id}","at":null}}"#),
            r#"{"event":"pooled","id":7}"#.to_owned(),
            r#"{"event":"said","text":"a\nb\u2028"}"#.to_owned(),
            "{}".to_owned(),
        ] {
            let told = Told::by_node(5, 3, Some("1.\"2"), &data).unwrap();
            let anew = Told::written_anew(5, 3, Some("1.\"2"), &data).unwrap();
            assert_eq!(told.entry, anew.entry, "{data}");
            assert_eq!(read(&told.line), told.entry, "{data}");
            assert!(!told.line.contains(['\n', '\r']), "{}", told.line);
        }
    }

    /// One that is written out longer than it was told, too.
    #[test]
    fn what_makes_a_line_that_nobody_reads_is_not_taken() {
        let numbers = ["1e300"; 100_000].join(",");
        let data = format!(r#"{{"event":"said","numbers":[{numbers}]}}"#);
        assert!(Told::by_node(9, 2, None, &data).is_ok_and(|told| told.line.len() >= data.len()));
        let data = format!(r#"{{"event":"said","text":"{}"}}"#, "x".repeat(usize::try_from(MAX_LINE).unwrap()));
        assert!(matches!(Told::by_node(9, 2, None, &data), Err(NotTold::TooLong)));
    }
}
