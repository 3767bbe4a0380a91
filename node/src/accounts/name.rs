//! What an account is called, and its owner's e-mail address, as people type them. Which names are taken
//! is the folder's business.

use std::{fmt, str::FromStr};

/// A name that people type and that is a file's name as well. Capitals are kept but do not tell two names
/// apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountName(String);

/// Why a text is no account name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "an account name has 1 to {max} characters: the letters a to z, digits, dots, hyphens and underscores, \
     with a letter or digit first and last",
    max = AccountName::MAX
)]
pub struct NameError;

impl AccountName {
    /// Longest name, in characters.
    pub const MAX: usize = 32;

    /// The name of the account that gets a node's rewards.
    pub fn miner() -> Self {
        Self("miner".to_owned())
    }

    /// Whether it is that one.
    pub fn is_miner(&self) -> bool {
        self.key() == "miner"
    }

    /// The name as its owner typed it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What tells names apart: the name in lower case.
    pub fn key(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

impl FromStr for AccountName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
        let ends = [text.bytes().next(), text.bytes().last()];
        let good = text.len() <= Self::MAX
            && text.bytes().all(allowed)
            && ends.iter().all(|end| end.is_some_and(|byte| byte.is_ascii_alphanumeric()));
        if good { Ok(Self(text.to_owned())) } else { Err(NameError) }
    }
}

impl fmt::Display for AccountName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An e-mail address, kept for its owner alone; nothing is ever sent there.
#[derive(Clone, PartialEq, Eq)]
pub struct Email(String);

/// Why a text is no e-mail address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no e-mail address: write it as name@example.org, with at most {max} bytes and no spaces", max = Email::MAX)]
pub struct EmailError;

impl Email {
    /// Longest address, in bytes (RFC 5321 section 4.5.3.1.3, without its brackets).
    pub const MAX: usize = 254;

    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Email {
    type Err = EmailError;

    fn from_str(text: &str) -> Result<Self, EmailError> {
        let (name, host) = text.rsplit_once('@').ok_or(EmailError)?;
        let odd = |letter: char| letter.is_whitespace() || letter.is_control();
        let good = text.len() <= Self::MAX && !name.is_empty() && !host.is_empty() && !text.contains(odd);
        if good { Ok(Self(text.to_owned())) } else { Err(EmailError) }
    }
}

/// An address is nobody's business, and no log's.
impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Email(private)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_people_type_and_files_may_be_called() {
        for good in ["a", "Alice", "anna.b", "shop-2", "x_y", "0", &"n".repeat(32)] {
            assert_eq!(good.parse::<AccountName>().unwrap().as_str(), good);
        }
        for wrong in ["", ".", "..", "a/b", "../a", "a b", ".a", "a.", "-a", "a-", "ä", "a\0", "a\n", &"n".repeat(33)]
        {
            assert_eq!(wrong.parse::<AccountName>(), Err(NameError), "{wrong:?}");
        }
    }

    #[test]
    fn capitals_do_not_tell_names_apart() {
        let name = |text: &str| text.parse::<AccountName>().unwrap();
        assert_eq!(name("Alice").key(), name("aLICE").key());
        assert!(name("MINER").is_miner() && AccountName::miner().is_miner() && !name("miner2").is_miner());
    }

    #[test]
    fn mail_addresses_are_only_looked_at_for_slips() {
        for good in ["a@b", "anna.b+shop@example.org", "\"@\"@example.org", "jürg@beispiel.ch"] {
            assert_eq!(good.parse::<Email>().unwrap().as_str(), good);
        }
        for wrong in ["", "a", "@", "a@", "@b", "a b@c", "a@b\n", &("a".repeat(253) + "@b")] {
            assert_eq!(wrong.parse::<Email>(), Err(EmailError), "{wrong:?}");
        }
        assert_eq!(format!("{:?}", "a@b".parse::<Email>().unwrap()), "Email(private)");
    }
}
