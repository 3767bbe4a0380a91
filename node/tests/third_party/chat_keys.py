"""What only members can read of a group chat, as section 20 of docs/protocol.md tells it: an epoch's key, its seals,
and what is encrypted under it."""

import dataclasses

import pyhpke
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey

import keystore
from chat_envelopes import SUITE, Bytes, Malformed
from protocol import counted, integer, optional

HPKE = pyhpke.CipherSuite.new(
    pyhpke.KEMId.DHKEM_X25519_HKDF_SHA256, pyhpke.KDFId.HKDF_SHA256, pyhpke.AEADId.CHACHA20_POLY1305
)
NAME_SIZE = 128
SIZES = [128 << power for power in range(8)]
LONGEST_TEXT = 16_000


# Keys and seals


def commitment(key, setting):
    return keystore.hkdf(key, b"networkmngr chat commit 1\n" + setting)


def message_key(key, setting):
    return keystore.hkdf(key, b"networkmngr chat message key 1\n" + setting)


def name_key(key, setting):
    return keystore.hkdf(key, b"networkmngr chat name key 1\n" + setting)


def link_key(key, setting):
    return keystore.hkdf(key, b"networkmngr chat link key 1\n" + setting)


def seal_info(setting, address, receiving):
    return b"networkmngr chat seal 1\n" + bytes([SUITE]) + setting + address + receiving


def sealed(key, setting, address, receiving):
    """Encapsulated key and ciphertext of an epoch's key for one member."""
    recipient = pyhpke.KEMKey.from_pyca_cryptography_key(X25519PublicKey.from_public_bytes(receiving))
    encapsulated, context = HPKE.create_sender_context(recipient, seal_info(setting, address, receiving))
    return encapsulated, context.seal(key)


def unsealed(account, member, setting, committed):
    """The epoch's key that a rotation has for an account; None if it has none."""
    info = seal_info(setting, member.address, account.receiving)
    secret = pyhpke.KEMKey.from_pyca_cryptography_key(account.exchange)
    try:
        key = HPKE.create_recipient_context(member.encapsulated, secret, info).open(member.sealed)
    except (pyhpke.PyHPKEError, ValueError):
        return None
    return key if commitment(key, setting) == committed else None


# What is encrypted under an epoch's key


def boxed(key, nonce, plaintext, associated):
    return nonce + keystore.encrypted(key, nonce, plaintext, associated)


def unboxed(key, box, associated):
    return keystore.decrypted(key, box[:24], box[24:], associated)


def name_box(key, setting, nonce, name):
    plaintext = counted(name.encode()).ljust(NAME_SIZE, b"\x00")
    return boxed(name_key(key, setting), nonce, plaintext, b"networkmngr chat name 1\n" + setting)


def room_name(key, setting, box):
    """None for what is no name."""
    plaintext = unboxed(name_key(key, setting), box, b"networkmngr chat name 1\n" + setting)
    if plaintext is None:
        return None
    data = Bytes(plaintext)
    try:
        name = data.text(64)
    except Malformed:
        return None
    return None if any(data.rest) else name


def link_box(key, setting, nonce, earlier_key):
    return boxed(link_key(key, setting), nonce, earlier_key, b"networkmngr chat link 1\n" + setting)


def linked(key, setting, box):
    """The key of the epoch before; None where the link does not open."""
    return unboxed(link_key(key, setting), box, b"networkmngr chat link 1\n" + setting)


@dataclasses.dataclass(frozen=True)
class Plaintext:
    tag: bytes
    time: int
    reply_to: bytes | None
    text: str

    def bytes(self):
        return self.tag + integer(self.time, 8) + optional(self.reply_to) + counted(self.text.encode())


def padded_size(length):
    return next(size for size in SIZES if size >= length)


def message_associated(genesis, group, epoch, author):
    return b"networkmngr chat message 1\n" + genesis + group + epoch + author


def plaintext(padded):
    """What a member wrote; None for bytes that are no message."""
    data = Bytes(padded)
    try:
        said = Plaintext(data.take(16), data.integer(8), data.optional(16), data.text(LONGEST_TEXT))
    except Malformed:
        return None
    as_told = len(padded) == padded_size(len(padded) - len(data.rest)) and not any(data.rest)
    return said if as_told else None
