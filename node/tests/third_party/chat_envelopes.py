"""What everybody can read of a group chat, as section 20 of docs/protocol.md tells it: envelopes and ids. Who may do
what is the business of chat_groups.py, and what only members can read that of chat_keys.py."""

import dataclasses

from protocol import counted, integer, optional, sha256

MAGIC = b"nmg1"
SUITE = 1
PROFILES, ROOMS, MESSAGES = "chat/profiles", "chat/rooms", "chat/"


class Malformed(ValueError):
    """Bytes that say nothing."""


class Bytes:
    """Takes structures in borsh apart."""

    def __init__(self, data):
        self.rest = data

    def take(self, size):
        if len(self.rest) < size:
            raise Malformed("the bytes end early")
        taken, self.rest = self.rest[:size], self.rest[size:]
        return taken

    def integer(self, size):
        return int.from_bytes(self.take(size), "little")

    def tag(self, tags):
        """One byte that must be less than this."""
        value = self.integer(1)
        if value >= tags:
            raise Malformed(f"tag {value}")
        return value

    def suite(self):
        if self.integer(1) != SUITE:
            raise Malformed("another suite")

    def counted(self):
        return self.take(self.integer(4))

    def text(self, longest):
        data = self.counted()
        if not 1 <= len(data) <= longest:
            raise Malformed(f"a text of {len(data)} bytes")
        try:
            return data.decode()
        except UnicodeDecodeError as error:
            raise Malformed("no UTF-8") from error

    def optional(self, size):
        return self.take(size) if self.tag(2) else None

    def end(self):
        if self.rest:
            raise Malformed("bytes are left over")


# Envelopes


@dataclasses.dataclass(frozen=True)
class Profile:
    receiving: bytes
    name: str


@dataclasses.dataclass(frozen=True)
class Member:
    address: bytes
    receiving: bytes
    admin: bool
    encapsulated: bytes
    sealed: bytes

    def bytes(self):
        return self.address + self.receiving + bytes([self.admin]) + self.encapsulated + self.sealed


@dataclasses.dataclass(frozen=True)
class Rotation:
    group: bytes
    salt: bytes | None
    after: bytes | None
    members: tuple[Member, ...]
    commitment: bytes
    name: bytes
    link: bytes | None

    def admins(self):
        return {member.address for member in self.members if member.admin}

    def by_address(self):
        return {member.address: member for member in self.members}

    def setting(self, genesis):
        return genesis + self.group + optional(self.after)


@dataclasses.dataclass(frozen=True)
class Message:
    group: bytes
    epoch: bytes
    nonce: bytes
    ciphertext: bytes


@dataclasses.dataclass(frozen=True)
class Departure:
    group: bytes
    epoch: bytes


def envelope(topic, body):
    """What a data payload says in a chat; None for one that carries no chat."""
    if not body.startswith(MAGIC):
        return None
    try:
        data = Bytes(body[len(MAGIC) :])
        read, home = ((profile, PROFILES), (rotation, ROOMS), (message, None), (departure, ROOMS))[data.tag(4)]
        said = read(data) if home else message(data, group_of(topic))
        data.end()
    except Malformed:
        return None
    return said if home in (topic, None) else None


def group_of(topic):
    digits = topic.removeprefix(MESSAGES)
    if digits == topic or len(digits) != 32 or set(digits) - set("0123456789abcdef"):
        raise Malformed("no group's topic")
    return bytes.fromhex(digits)


def profile(data):
    data.suite()
    return Profile(data.take(32), data.text(64))


def message(data, group):
    data.suite()
    return Message(group, data.take(32), data.take(24), data.counted())


def departure(data):
    return Departure(data.take(16), data.take(32))


def rotation(data):
    data.suite()
    group = data.take(16)
    salt, after = (None, data.take(32)) if data.tag(2) else (data.take(32), None)
    count = data.integer(4)
    if not 1 <= count <= 200:
        raise Malformed(f"{count} members")
    members = tuple(
        Member(data.take(32), data.take(32), bool(data.tag(2)), data.take(32), data.take(48)) for _ in range(count)
    )
    addresses = [member.address for member in members]
    if addresses != sorted(set(addresses)) or not any(member.admin for member in members):
        raise Malformed("members in disorder, or no admin")
    return Rotation(group, salt, after, members, data.take(32), data.take(24 + 144), data.optional(24 + 48))


def profile_bytes(receiving, name):
    return MAGIC + b"\x00" + bytes([SUITE]) + receiving + counted(name.encode())


def rotation_bytes(said):
    origin = b"\x01" + said.after if said.salt is None else b"\x00" + said.salt
    members = integer(len(said.members), 4) + b"".join(member.bytes() for member in said.members)
    start = MAGIC + b"\x01" + bytes([SUITE]) + said.group + origin
    return start + members + said.commitment + said.name + optional(said.link)


def message_bytes(epoch, nonce, ciphertext):
    return MAGIC + b"\x02" + bytes([SUITE]) + epoch + nonce + counted(ciphertext)


def departure_bytes(group, epoch):
    return MAGIC + b"\x03" + group + epoch


# Ids


def group_id(genesis, founder, salt):
    return sha256(b"networkmngr chat group 1\n" + genesis + founder + salt)[:16]


def epoch_id(genesis, author, body):
    return sha256(b"networkmngr chat epoch 1\n" + genesis + author + body)


def message_id(group, author, tag):
    return sha256(b"networkmngr chat message id 1\n" + group + author + tag)[:16]


def safety_number(*accounts):
    """Of two accounts, each an address and a receiving key."""

    def groups(address, receiving):
        digest = sha256(b"networkmngr chat safety 1\n" + address + receiving)
        return [int.from_bytes(digest[at : at + 5], "big") % 100_000 for at in range(0, 30, 5)]

    lists = sorted(groups(*account) for account in accounts)
    return " ".join(f"{group:05}" for groups in lists for group in groups)
