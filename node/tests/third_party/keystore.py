"""Accounts and their files, as section 17 of docs/protocol.md tells them."""

import dataclasses
import hashlib
import hmac
import json

import argon2.low_level
import nacl.bindings
import nacl.exceptions
import nacl.signing
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

import protocol

MEMBERS = {"version", "name", "address", "kdf", "cipher"}
KDF = {"algorithm", "memory_kib", "passes", "lanes", "salt"}
CIPHER = {"algorithm", "nonce", "ciphertext"}
TAG = 16
MOST = {"memory_kib": 262_144, "passes": 10, "lanes": 16}


class Locked(Exception):
    """The file is none, or the password is not its."""


def hkdf(secret, info):
    """HKDF-SHA256 (RFC 5869) without salt, 32 bytes long: one round of its expansion."""
    extracted = hmac.digest(bytes(32), secret, hashlib.sha256)
    return hmac.digest(extracted, info + b"\x01", hashlib.sha256)


def decrypted(key, nonce, ciphertext, associated):
    """What XChaCha20-Poly1305 opens to; None where it does not."""
    if len(ciphertext) < TAG:
        return None
    try:
        return nacl.bindings.crypto_aead_xchacha20poly1305_ietf_decrypt(ciphertext, associated, nonce, key)
    except nacl.exceptions.CryptoError:
        return None


def encrypted(key, nonce, plaintext, associated):
    return nacl.bindings.crypto_aead_xchacha20poly1305_ietf_encrypt(plaintext, associated, nonce, key)


@dataclasses.dataclass(frozen=True)
class Account:
    """All of an account comes from its seed."""

    seed: bytes

    @property
    def signing(self):
        return nacl.signing.SigningKey(hkdf(self.seed, b"networkmngr account signing 1"))

    @property
    def exchange(self):
        return X25519PrivateKey.from_private_bytes(hkdf(self.seed, b"networkmngr account exchange 1"))

    @property
    def public(self):
        return self.signing.verify_key.encode()

    @property
    def receiving(self):
        return self.exchange.public_key().public_bytes_raw()

    @property
    def address(self):
        return protocol.address(self.public)


def password_key(kdf, password):
    for cost, most in MOST.items():
        if not isinstance(kdf[cost], int) or not 1 <= kdf[cost] <= most:
            raise Locked(f"{cost} is {kdf[cost]}")
    return argon2.low_level.hash_secret_raw(
        secret=password.encode(),
        salt=bytes.fromhex(kdf["salt"]),
        time_cost=kdf["passes"],
        memory_cost=kdf["memory_kib"],
        parallelism=kdf["lanes"],
        hash_len=32,
        type=argon2.low_level.Type.ID,
        version=19,
    )


def associated_data(file, public):
    kdf = file["kdf"]
    costs = b"".join(protocol.integer(kdf[cost], 4) for cost in ("memory_kib", "passes", "lanes"))
    name = protocol.counted(file["name"].encode())
    return b"networkmngr keystore 1\n" + name + public + costs + bytes.fromhex(kdf["salt"])


def opened(text, password):
    """The account and the e-mail address in a keystore file."""
    file = json.loads(text)
    kdf, cipher = file["kdf"], file["cipher"]
    if (set(file), set(kdf), set(cipher)) != (MEMBERS, KDF, CIPHER) or file["version"] != 1:
        raise Locked("no keystore of version 1")
    if (kdf["algorithm"], cipher["algorithm"]) != ("argon2id", "xchacha20-poly1305"):
        raise Locked("other algorithms")
    nonce, ciphertext = bytes.fromhex(cipher["nonce"]), bytes.fromhex(cipher["ciphertext"])
    associated = associated_data(file, protocol.public_key(file["address"]))
    plaintext = decrypted(password_key(kdf, password), nonce, ciphertext, associated)
    if plaintext is None:
        raise Locked("the password is wrong, or the file was changed")
    account = Account(plaintext[:32])
    if account.address != file["address"]:
        raise Locked("the seed is another account's")
    return account, plaintext[32:].decode()
