"""What a chain says of its group chats to everybody, as section 20 of docs/protocol.md tells it: profiles, which
rotations and departures take effect, and whose messages may count. Needs no key and knows none."""

import dataclasses

import chat_envelopes
import protocol
from chat_envelopes import Departure, Message, Profile, Rotation

MOST_WAITING = 64
TAKES_EFFECT, WAITS, LOST = "takes effect", "waits", "lost"


@dataclasses.dataclass(frozen=True)
class Entry:
    """An envelope and where it stands: its place counts all transactions of the chain."""

    place: int
    height: int
    transaction: str
    author: bytes
    time: int
    body: bytes
    said: Profile | Rotation | Message | Departure


@dataclasses.dataclass(frozen=True)
class Epoch:
    """A rotation that took effect, and where that was."""

    id: bytes
    rotation: Rotation
    author: bytes
    place: int
    height: int

    def members(self):
        return self.rotation.by_address()


class Group:
    """Takes a group's rotations and departures in the order of the chain."""

    def __init__(self, genesis, id):
        self.genesis, self.id = genesis, id
        self.epochs, self.left, self.waiting, self.departures = [], set(), [], []

    def take(self, entry):
        fate = self.judge(entry, entry)
        if fate == WAITS and len(self.waiting) < MOST_WAITING:
            self.waiting.append(entry)
        while fate == TAKES_EFFECT:
            fate = self.try_again(entry)

    def try_again(self, cause):
        """Goes through what waits, up to the first that takes effect."""
        for entry in list(self.waiting):
            fate = self.judge(entry, cause)
            if fate != WAITS:
                self.waiting.remove(entry)
            if fate == TAKES_EFFECT:
                return TAKES_EFFECT
        return LOST

    def judge(self, entry, cause):
        """The fate of a rotation or departure now; takes it in if it takes effect, which is where its cause stands."""
        if isinstance(entry.said, Departure):
            fate = self.departs(entry)
            if fate == TAKES_EFFECT:
                self.left.add(entry.author)
                self.departures.append(entry)
            return fate
        fate = self.rotates(entry)
        if fate == TAKES_EFFECT:
            epoch_id = chat_envelopes.epoch_id(self.genesis, entry.author, entry.body)
            self.epochs.append(Epoch(epoch_id, entry.said, entry.author, cause.place, cause.height))
            self.left &= set(entry.said.by_address())
        return fate

    def departs(self, entry):
        named = self.number(entry.said.epoch)
        if named is None:
            return WAITS
        return TAKES_EFFECT if self.was_member(entry.author, named, len(self.epochs) - 1) else LOST

    def rotates(self, entry):
        rotation, author = entry.said, entry.author
        if rotation.after is None:
            fits = rotation.group == chat_envelopes.group_id(self.genesis, author, rotation.salt)
            return TAKES_EFFECT if fits and author in rotation.admins() and not self.epochs else LOST
        named = self.number(rotation.after)
        if named is None:
            return WAITS
        if named != len(self.epochs) - 1:
            return LOST
        return TAKES_EFFECT if self.may_rotate(author, rotation) else WAITS

    def may_rotate(self, author, rotation):
        present = self.epochs[-1].rotation
        before, after = present.by_address(), rotation.by_address()
        if author not in before or author in self.left:
            return False
        if before[author].admin:
            return True
        missing = set(before) - set(after)
        if not missing or not set(after) <= set(before) or not missing <= self.left:
            return False
        same_keys = all(member.receiving == before[address].receiving for address, member in after.items())
        admins = present.admins() & set(after)
        same_admins = rotation.admins() == admins or (not admins and rotation.admins() == {author})
        return same_keys and same_admins

    def number(self, epoch):
        """Where an epoch stands among the group's."""
        return next((number for number, known in enumerate(self.epochs) if known.id == epoch), None)

    def was_member(self, author, first, last):
        return all(author in epoch.members() for epoch in self.epochs[first : max(first, last) + 1])

    def may_count(self, message):
        """Whether a message counts if it opens."""
        named = self.number(message.said.epoch)
        if named is None:
            return False
        last = max((number for number, epoch in enumerate(self.epochs) if epoch.place <= message.place), default=-1)
        return self.was_member(message.author, named, last)


class Chats:
    """All that the chain says; `groups` and `messages` by the group's id, `profiles` by address."""

    def __init__(self, chain):
        """Of the answer to `GET /chain`."""
        self.genesis = genesis_hash(chain)
        self.profiles, self.groups, self.messages = {}, {}, {}
        for entry in entries(chain):
            said = entry.said
            if isinstance(said, Profile):
                self.profiles[entry.author] = said
            elif isinstance(said, Message):
                self.messages.setdefault(said.group, []).append(entry)
            else:
                self.groups.setdefault(said.group, Group(self.genesis, said.group)).take(entry)

    def founded(self):
        return {id: group for id, group in self.groups.items() if group.epochs}

    def candidates(self, group):
        """The messages of a group that count if they open, in the chain's order."""
        return [entry for entry in self.messages.get(group.id, []) if group.may_count(entry)]


def genesis_hash(chain):
    block = chain["chain"][0]
    header = block["header"]
    numbers = [header["time"], int(header["bits"], 16), header["nonce"]]
    start = protocol.integer(header["version"], 4) + bytes.fromhex(header["previous"])[::-1]
    middle = bytes.fromhex(header["coinbase_hash"])[::-1]
    found = protocol.sha256d(start + middle + b"".join(protocol.integer(number, 4) for number in numbers))
    if protocol.shown(found) != block["hash"]:
        raise ValueError("the genesis block has another hash")
    return found


def entries(chain):
    place = 0
    for block in chain["chain"]:
        for transaction in block["transactions"]:
            place += 1
            data = transaction["payload"].get("data")
            body = bytes.fromhex(data["body"]) if data else b""
            said = data and chat_envelopes.envelope(data["topic"], body)
            if said:
                author = protocol.public_key(transaction["sender"])
                yield Entry(place, block["height"], transaction["id"], author, transaction["time"], body, said)
