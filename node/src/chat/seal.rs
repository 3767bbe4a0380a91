//! An epoch's key for one member: HPKE in base mode with X25519, HKDF-SHA256 and ChaCha20-Poly1305 (RFC 9180). Who made
//! it is shown by the signature of the transaction around it.

use hpke::{
    Deserializable as _, Kem as _, OpModeR, OpModeS, Serializable as _, aead::ChaCha20Poly1305, kdf::HkdfSha256,
    kem::X25519HkdfSha256,
};
use rand::CryptoRng;
use shared::Address;
use zeroize::Zeroizing;

use super::{
    envelope::{SUITE, Seal},
    key::{EpochKey, Setting},
};

type PublicKey = <X25519HkdfSha256 as hpke::Kem>::PublicKey;
type PrivateKey = <X25519HkdfSha256 as hpke::Kem>::PrivateKey;

const DOMAIN: &[u8] = b"networkmngr chat seal 1\n";

/// A receiving key to which nothing can be sealed: one of the few points for which X25519 gives zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("its receiving key is none that anything can be encrypted for")]
pub struct NoReceivingKey;

/// What opens for nobody.
pub const NONE: Seal = Seal { encapsulated: [0; 32], ciphertext: [0; 48] };

/// Whom a seal is for, and where it stands: HPKE's `info`.
pub fn info(setting: &Setting, address: &Address, receiving: &[u8; 32]) -> Vec<u8> {
    [DOMAIN, &[SUITE], &setting.to_bytes(), &address.0, receiving].concat()
}

/// The public half of a receiving key (RFC 7748 section 5).
pub fn receiving_of(secret: &[u8; 32]) -> [u8; 32] {
    X25519HkdfSha256::sk_to_pk(&private(secret)).to_bytes().into()
}

fn private(secret: &[u8; 32]) -> PrivateKey {
    PrivateKey::from_bytes(secret).expect("any 32 bytes are a key of X25519")
}

/// Seals a key for a member.
///
/// # Errors
/// When the member's receiving key is no usable one.
pub fn seal(
    key: &EpochKey,
    setting: &Setting,
    address: &Address,
    receiving: &[u8; 32],
    rng: &mut impl CryptoRng,
) -> Result<Seal, NoReceivingKey> {
    let recipient = PublicKey::from_bytes(receiving).map_err(|_| NoReceivingKey)?;
    let info = info(setting, address, receiving);
    let (encapsulated, ciphertext) = hpke::single_shot_seal_with_rng::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
        &OpModeS::Base,
        &recipient,
        &info,
        key.as_bytes(),
        &[],
        rng,
    )
    .map_err(|_| NoReceivingKey)?;
    let ciphertext = ciphertext.try_into().expect("32 bytes and a tag of 16");
    Ok(Seal { encapsulated: encapsulated.to_bytes().into(), ciphertext })
}

/// Opens a seal with the member's secret key. `None` when it is not for this member, not of this setting, or was
/// changed.
pub fn open(seal: &Seal, setting: &Setting, address: &Address, secret: &[u8; 32]) -> Option<EpochKey> {
    let info = info(setting, address, &receiving_of(secret));
    let opened = open_base(secret, &seal.encapsulated, &info, &[], &seal.ciphertext)?;
    Some(EpochKey::from_bytes(opened.as_slice().try_into().ok()?))
}

/// `OpenBase` of RFC 9180 section 6.1.
fn open_base(
    secret: &[u8; 32],
    encapsulated: &[u8; 32],
    info: &[u8],
    aad: &[u8],
    ciphertext: &[u8],
) -> Option<Zeroizing<Vec<u8>>> {
    let encapsulated = <X25519HkdfSha256 as hpke::Kem>::EncappedKey::from_bytes(encapsulated).ok()?;
    let opened = hpke::single_shot_open::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
        &OpModeR::Base,
        &private(secret),
        &encapsulated,
        info,
        ciphertext,
        aad,
    );
    opened.ok().map(Zeroizing::new)
}

#[cfg(test)]
mod tests {
    use data_encoding::HEXLOWER;
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::SeedableRng as _;
    use shared::BlockHash;

    use super::*;
    use crate::chat::envelope::GroupId;

    fn hex<const N: usize>(text: &str) -> [u8; N] {
        HEXLOWER.decode(text.as_bytes()).unwrap().try_into().unwrap()
    }

    /// RFC 9180 appendix A.2.1: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20-Poly1305, base mode, the first
    /// encryption.
    #[test]
    fn what_the_rfc_sealed_is_opened() {
        let secret = hex("8057991eef8f1f1af18f4a9491d16a1ce333f695d4db8e38da75975c4478e0fb");
        assert_eq!(receiving_of(&secret), hex("4310ee97d88cc1f088a5576c77ab0cf5c3ac797f3d95139c6c84b5429c59662a"));
        let encapsulated = hex("1afa08d3dec047a643885163f1180476fa7ddb54c6a8029ea33f95796bf2ac4a");
        let ciphertext: [u8; 45] =
            hex("1c5250d8034ec2b784ba2cfd69dbdb8af406cfe3ff938e131f0def8c8b60b4db21993c62ce81883d2dd1b51a28");
        let opened = open_base(&secret, &encapsulated, b"Ode on a Grecian Urn", b"Count-0", &ciphertext).unwrap();
        assert_eq!(opened.as_slice(), b"Beauty is truth, truth beauty");
    }

    #[test]
    fn a_seal_opens_for_its_member_in_its_place_alone() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let setting = Setting { genesis: BlockHash([1; 32]), group: GroupId([2; 16]), parent: None };
        let (address, secret, key) = (Address([3; 32]), [4; 32], EpochKey::from_bytes(&[5; 32]));
        let sealed = seal(&key, &setting, &address, &receiving_of(&secret), &mut rng).unwrap();
        assert_eq!(open(&sealed, &setting, &address, &secret).unwrap().as_bytes(), key.as_bytes());
        assert!(open(&sealed, &setting, &address, &[6; 32]).is_none());
        assert!(open(&sealed, &setting, &Address([6; 32]), &secret).is_none());
        assert!(open(&sealed, &Setting { group: GroupId([6; 16]), ..setting }, &address, &secret).is_none());
        assert!(open(&sealed, &Setting { genesis: BlockHash([6; 32]), ..setting }, &address, &secret).is_none());
        for bit in 0..sealed.ciphertext.len() * 8 {
            let mut changed = sealed;
            changed.ciphertext[bit / 8] ^= 1 << (bit % 8);
            assert!(open(&changed, &setting, &address, &secret).is_none());
        }
    }

    #[test]
    fn nothing_is_sealed_for_a_point_that_gives_everybody_the_same_secret() {
        let setting = Setting { genesis: BlockHash([1; 32]), group: GroupId([2; 16]), parent: None };
        let key = EpochKey::from_bytes(&[5; 32]);
        let sealed = seal(&key, &setting, &Address([3; 32]), &[0; 32], &mut ChaCha8Rng::seed_from_u64(1));
        assert_eq!(sealed, Err(NoReceivingKey));
    }
}
