//! Sets of nodes as people write them: `0-2`, `0,3,5`, `all`; and as programs do: `[0, 3, 5]`.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use utoipa::ToSchema;

use crate::plan::MAX_NODES;
use crate::term;

/// Some of the nodes, by number, or all there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NodeSet {
    All,
    /// At least one.
    Some(BTreeSet<u16>),
}

/// Nodes: `all`, text such as `0-2` or `0,3,5`, or a list of their numbers.
#[derive(Serialize, ToSchema)]
#[expect(dead_code, reason = "it is there for its schema alone")]
#[serde(untagged)]
pub(crate) enum Numbers {
    /// `all`, `0-2`, `0,3,5`.
    #[schema(example = "0-2")]
    Text(String),
    /// Their numbers.
    List(Vec<u16>),
}

/// A text that is no set of nodes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} names no nodes: write numbers and ranges such as 0-2 or 0,3,5, or all")]
pub(crate) struct NoNodeSet(String);

impl NodeSet {
    /// Whether the node is in it.
    pub(crate) fn contains(&self, number: u16) -> bool {
        match self {
            Self::All => true,
            Self::Some(numbers) => numbers.contains(&number),
        }
    }

    /// The numbers that are named one by one; none for all.
    pub(crate) fn named(&self) -> impl Iterator<Item = u16> {
        match self {
            Self::All => None,
            Self::Some(numbers) => Some(numbers.iter().copied()),
        }
        .into_iter()
        .flatten()
    }
}

impl FromStr for NodeSet {
    type Err = NoNodeSet;

    fn from_str(text: &str) -> Result<Self, NoNodeSet> {
        let wrong = || NoNodeSet(text.to_owned());
        if text.trim() == "all" {
            return Ok(Self::All);
        }
        let mut numbers = BTreeSet::new();
        for part in text.split(',').map(str::trim) {
            let number = |text: &str| text.trim().parse::<u16>().map_err(|_| wrong());
            let (first, last) = match part.split_once('-') {
                Some((first, last)) => (number(first)?, number(last)?),
                None => (number(part)?, number(part)?),
            };
            // Far beyond the last node there can be: what comes from outside must not make sets of any size.
            if first > last || u32::from(last) >= MAX_NODES {
                return Err(wrong());
            }
            numbers.extend(first..=last);
        }
        Ok(Self::Some(numbers))
    }
}

impl fmt::Display for NodeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::Some(numbers) => f.write_str(&term::numbers(&numbers.iter().copied().collect::<Vec<_>>())),
        }
    }
}

/// As `"all"`, or the list of numbers.
impl Serialize for NodeSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::All => serializer.serialize_str("all"),
            Self::Some(numbers) => numbers.serialize(serializer),
        }
    }
}

/// From text as people write it, a number, or a list of numbers that is not empty.
impl<'de> Deserialize<'de> for NodeSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            One(u16),
            List(BTreeSet<u16>),
            Text(String),
        }
        let expected =
            "nodes are written as a list of numbers such as [0, 1, 2], or as text such as \"0-2\" or \"all\"";
        match Written::deserialize(deserializer) {
            Ok(Written::One(number)) => Ok(Self::Some([number].into())),
            Ok(Written::List(numbers)) if numbers.is_empty() => Err(D::Error::custom("a list of nodes is empty")),
            Ok(Written::List(numbers)) => Ok(Self::Some(numbers)),
            Ok(Written::Text(text)) => text.parse().map_err(D::Error::custom),
            Err(_) => Err(D::Error::custom(expected)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_read_as_people_write_them() {
        let shown = |text: &str| text.parse::<NodeSet>().map(|set| set.to_string());
        assert_eq!(shown("0-2").unwrap(), "0-2");
        assert_eq!(shown("5, 0 ,3,1-1").unwrap(), "0-1, 3, 5");
        assert_eq!(shown("all").unwrap(), "all");
        for wrong in ["", "-", "2-1", "1,,2", "1-2-3", "a", "-1", "65536", "0-65535", "2000", "ALL", "0 1"] {
            assert_eq!(shown(wrong).unwrap_err().0, wrong);
        }
        let set: NodeSet = "0-2".parse().unwrap();
        assert!(set.contains(1) && !set.contains(3) && NodeSet::All.contains(9));
        assert_eq!((set.named().count(), NodeSet::All.named().count()), (3, 0));
    }

    #[test]
    fn programs_may_write_lists() {
        let read = |json: &str| serde_json::from_str::<NodeSet>(json);
        assert_eq!(read("[2, 0, 1]").unwrap(), "0-2".parse().unwrap());
        assert_eq!(read("7").unwrap(), "7".parse().unwrap());
        assert_eq!(read("\"0-2\"").unwrap(), read("[0,1,2]").unwrap());
        assert_eq!(serde_json::to_string(&read("\"0-2\"").unwrap()).unwrap(), "[0,1,2]");
        assert_eq!(serde_json::to_string(&read("\"all\"").unwrap()).unwrap(), "\"all\"");
        for (wrong, why) in [("[]", "empty"), ("[-1]", "list of numbers"), ("{}", "list of numbers"), ("\"x\"", "0-2")]
        {
            let error = read(wrong).unwrap_err().to_string();
            assert!(error.contains(why), "{wrong}: {error}");
        }
    }
}
