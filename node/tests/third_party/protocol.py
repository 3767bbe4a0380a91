"""The bytes of the protocol, as docs/protocol.md tells them; the numbers are its sections."""

import hashlib

TRANSACTION_DOMAIN = b"networkmngr transaction 1\n"
BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"


# 1. Encoding


def integer(value, size):
    return value.to_bytes(size, "little")


def counted(data):
    return integer(len(data), 4) + data


def sha256(data):
    return hashlib.sha256(data).digest()


def sha256d(data):
    return sha256(sha256(data))


def shown(block_hash):
    """Block and coinbase hashes are shown with their bytes reversed."""
    return block_hash[::-1].hex()


# 2. Chain spec and genesis


def spec_bytes(spec):
    fields = [counted(spec["name"].encode()), integer(spec["spacing"], 4), integer(spec["half_life"], 4)]
    fields += [integer(int(spec[bits], 16), 4) for bits in ("easiest_bits", "start_bits")]
    fields += [integer(spec["subsidy"], 8), integer(spec["max_block_bytes"], 4), integer(spec["genesis_time"], 4)]
    return b"".join(fields)


def genesis_header(spec):
    first = coinbase(0, bytes(32), 0, 0, sha256(b""), sha256d(spec_bytes(spec)))
    return header(bytes(32), first, spec["genesis_time"], int(spec["start_bits"], 16), 0)


# 3. Header, 4. Coinbase


def header(previous, coinbase_bytes, time, bits, nonce):
    numbers = integer(time, 4) + integer(bits, 4) + integer(nonce, 4)
    return integer(1, 4) + previous + sha256d(coinbase_bytes) + numbers


def coinbase(height, miner, reward, log_size, log_root, extra=b""):
    return integer(height, 4) + miner + integer(reward, 8) + integer(log_size, 8) + log_root + counted(extra)


# 5. Addresses


def checksum(values):
    """The polynomial of BIP 173."""
    state = 1
    for value in values:
        top = state >> 25
        state = (state & 0x1FFFFFF) << 5 ^ value
        for bit, constant in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            if top >> bit & 1:
                state ^= constant
    return state


def address(key):
    """Bech32m (BIP 350) of a public key, with prefix nm."""
    bits = int.from_bytes(key, "big") << 4  # 256 bits are 51 digits of five and one left over.
    digits = [bits >> 5 * place & 31 for place in reversed(range(52))]
    prefix = [ord(c) >> 5 for c in "nm"] + [0] + [ord(c) & 31 for c in "nm"]
    check = checksum(prefix + digits + [0] * 6) ^ 0x2BC830A3
    digits += [check >> 5 * place & 31 for place in reversed(range(6))]
    return "nm1" + "".join(BECH32[digit] for digit in digits)


def public_key(text):
    """The key of an address in lower case."""
    value = 0
    for digit in text.removeprefix("nm1")[:52]:
        value = value << 5 | BECH32.index(digit)
    key = (value >> 4).to_bytes(32, "big")
    if address(key) != text:
        raise ValueError(f"{text} is no address")
    return key


# 6. Transactions


def transfer(to, amount):
    return b"\x00" + to + integer(amount, 8)


def data(topic, body):
    return b"\x01" + counted(topic.encode()) + counted(body)


def signed_transaction(key, genesis, nonce, fee, time, payload):
    """The bytes of a transaction. `key` is a nacl.signing.SigningKey."""
    sender = key.verify_key.encode()
    unsigned = b"\x01" + sender + integer(nonce, 8) + integer(fee, 8) + integer(time, 8) + payload
    return unsigned + key.sign(TRANSACTION_DOMAIN + genesis + unsigned).signature


def transaction_id(transaction):
    return sha256(b"\x00" + transaction)


# 9. Targets and work


def meets(block_hash, bits):
    mantissa, exponent = bits & 0x7FFFFF, bits >> 24
    return int.from_bytes(block_hash, "little") <= mantissa * 256**exponent >> 24


def proven(previous, coinbase_bytes, time, bits):
    """A header whose hash meets its target."""
    for nonce in range(2**32):
        candidate = header(previous, coinbase_bytes, time, bits, nonce)
        if meets(sha256d(candidate), bits):
            return nonce, candidate
    raise ValueError("no nonce proves the work")


# 7. The log


def root_from_inclusion(leaf, index, size, path):
    """The root that an inclusion proof leads to (RFC 9162 section 2.1.3.2); None for the wrong number of hashes."""
    last, node = size - 1, leaf
    for sibling in path:
        if last == 0:
            return None
        if index % 2 == 1 or index == last:
            node = sha256(b"\x01" + sibling + node)
            while index % 2 == 0 and index > 0:
                index, last = index >> 1, last >> 1
        else:
            node = sha256(b"\x01" + node + sibling)
        index, last = index >> 1, last >> 1
    return node if last == 0 else None


# 18. Records


def record(json_text, corrects=None):
    return b"nmr1" + optional(corrects) + b"\x00" + counted(json_text.encode())


def private_record(commitment, corrects=None):
    return b"nmr1" + optional(corrects) + b"\x01" + commitment


def optional(value):
    return b"\x00" if value is None else b"\x01" + value
