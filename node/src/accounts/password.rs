//! Passwords, and what it costs to try one. A password is never printed, and is overwritten when it is
//! let go.

use std::fmt;

use argon2::{Algorithm, Argon2, Block, Params, Version};
use serde::{Deserialize, Deserializer};
use zeroize::Zeroizing;

/// A password as somebody typed it, right or wrong. What counts are its bytes in UTF-8.
pub struct Password(Zeroizing<String>);

/// A password that may be set for an account.
#[derive(Debug)]
pub struct NewPassword(Password);

/// Why a password may not be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Too easily guessed.
    #[error("the password is too short: take {min} characters or more, such as four random words", min = NewPassword::MIN)]
    Short,
    /// Longer than anybody types.
    #[error("the password is too long: take at most {max} bytes", max = NewPassword::MAX)]
    Long,
}

impl From<String> for Password {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl From<Zeroizing<String>> for Password {
    fn from(text: Zeroizing<String>) -> Self {
        Self(text)
    }
}

impl<'de> Deserialize<'de> for Password {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::from)
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(secret)")
    }
}

impl NewPassword {
    /// Fewest characters.
    pub const MIN: usize = 8;
    /// Most bytes.
    pub const MAX: usize = 1024;
}

impl AsRef<Password> for NewPassword {
    fn as_ref(&self) -> &Password {
        &self.0
    }
}

impl TryFrom<Password> for NewPassword {
    type Error = PasswordError;

    fn try_from(password: Password) -> Result<Self, PasswordError> {
        if password.0.chars().count() < Self::MIN {
            return Err(PasswordError::Short);
        }
        if password.0.len() > Self::MAX { Err(PasswordError::Long) } else { Ok(Self(password)) }
    }
}

/// What one try of a password takes: the parameters of Argon2id (RFC 9106) version 19. Whatever the file
/// they come from says, they are never more than a node can bear.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

/// Parameters that Argon2id does not have, or that ask for too much.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the cost of a password must lie within 8 KiB for each lane and {max} KiB of memory, 1 to {passes} passes \
     and 1 to {lanes} lanes",
    max = Cost::MAX_MEMORY_KIB, passes = Cost::MAX_PASSES, lanes = Cost::MAX_LANES
)]
pub struct CostError;

/// The system has no memory for trying a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there is not enough memory to check a password: {0} KiB are needed")]
pub struct NoMemory(u32);

impl Cost {
    /// Most memory, in KiB.
    pub const MAX_MEMORY_KIB: u32 = 256 * 1024;
    /// Most passes over the memory.
    pub const MAX_PASSES: u32 = 10;
    /// Most lanes.
    pub const MAX_LANES: u32 = 16;
    /// Of new accounts: 64 MiB, three passes, four lanes, the second choice of RFC 9106 section 4.
    pub const STANDARD: Self = Self { memory_kib: 64 * 1024, passes: 3, lanes: 4 };

    /// A cost of `memory_kib` KiB that are passed over `passes` times in `lanes` lanes.
    ///
    /// # Errors
    /// When Argon2id has no such parameters, or they ask for too much.
    pub const fn new(memory_kib: u32, passes: u32, lanes: u32) -> Result<Self, CostError> {
        let some = lanes >= 1 && passes >= 1 && lanes <= Self::MAX_LANES && passes <= Self::MAX_PASSES;
        if some && memory_kib >= 8 * lanes && memory_kib <= Self::MAX_MEMORY_KIB {
            return Ok(Self { memory_kib, passes, lanes });
        }
        Err(CostError)
    }

    /// Memory in KiB, passes, and lanes.
    pub fn figures(self) -> [u32; 3] {
        [self.memory_kib, self.passes, self.lanes]
    }

    /// The key that belongs to a password: Argon2id of its bytes, 32 bytes long. Takes a while.
    ///
    /// # Errors
    /// When there is no memory for it.
    pub fn key(self, password: &Password, salt: &[u8; 16]) -> Result<Zeroizing<[u8; 32]>, NoMemory> {
        let params = Params::new(self.memory_kib, self.passes, self.lanes, Some(32));
        let params = params.expect("a cost lies within what Argon2id takes");
        let mut memory = Zeroizing::new(Vec::new());
        memory.try_reserve_exact(params.block_count()).map_err(|_| NoMemory(self.memory_kib))?;
        memory.resize(params.block_count(), Block::new());
        let mut key = Zeroizing::new([0; 32]);
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into_with_memory(password.0.as_bytes(), salt, &mut *key, &mut memory[..])
            .expect("memory, salt and key have the lengths that Argon2id takes");
        Ok(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_passwords_have_limits() {
        let new = |text: &str| NewPassword::try_from(Password::from(text.to_owned())).map(|_| ());
        assert_eq!(new("1234567"), Err(PasswordError::Short));
        assert_eq!(new("äöüäöü7"), Err(PasswordError::Short));
        assert_eq!(new("12345678"), Ok(()));
        assert_eq!(new(&"x".repeat(1024)), Ok(()));
        assert_eq!(new(&"x".repeat(1025)), Err(PasswordError::Long));
        assert_eq!(format!("{:?}", Password::from("opensesame".to_owned())), "Password(secret)");
    }

    #[test]
    fn costs_are_capped() {
        for (memory, passes, lanes) in [(64 * 1024, 3, 4), (8, 1, 1), (256 * 1024, 10, 16)] {
            assert_eq!(Cost::new(memory, passes, lanes).unwrap().figures(), [memory, passes, lanes]);
        }
        for (memory, passes, lanes) in [
            (0, 0, 0),
            (7, 1, 1),
            (31, 1, 4),
            (8, 0, 1),
            (8, 1, 0),
            (256 * 1024 + 1, 1, 1),
            (8, 11, 1),
            (256 * 1024, 1, 17),
            (u32::MAX, u32::MAX, u32::MAX),
        ] {
            assert_eq!(Cost::new(memory, passes, lanes), Err(CostError));
        }
    }

    #[test]
    fn the_key_is_argon2s_own() {
        // What the reference implementation gives for
        // `echo -n password | argon2 somesaltsomesalt -id -t 2 -k 256 -p 2`.
        let cost = Cost::new(256, 2, 2).unwrap();
        let key = cost.key(&Password::from("password".to_owned()), b"somesaltsomesalt").unwrap();
        assert_eq!(
            data_encoding::HEXLOWER.encode(&*key),
            "c112d2ee6b9d514413f806243187952186e8f19cacab80f20a823d549f111d2c"
        );
    }
}
