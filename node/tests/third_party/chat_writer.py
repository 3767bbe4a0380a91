"""Writes group chats by docs/protocol.md alone: rooms, rotations, departures and messages of accounts whose seeds are
known, also such as break the rules."""

import dataclasses
import os
import time

import chat_envelopes
import chat_keys
import protocol
from chat_envelopes import MESSAGES, PROFILES, ROOMS
from check import check


class Writer:
    """Files data transactions of several accounts through a node, which mines."""

    def __init__(self, node, genesis):
        self.node, self.genesis, self.nonces = node, genesis, {}

    def file(self, account, topic, body):
        """It waits for the next block."""
        nonce = self.nonces.get(account.address, 0)
        moment, payload = int(time.time() * 1000), protocol.data(topic, body)
        signed = protocol.signed_transaction(account.signing, self.genesis, nonce, 0, moment, payload)
        transaction = {"version": 1, "sender": account.address, "nonce": nonce, "fee": 0, "time": moment}
        transaction |= {"payload": {"data": {"topic": topic, "body": body.hex()}}, "signature": signed[-64:].hex()}
        status, text = self.node.ask("POST", "/transactions", transaction)
        check(status == 202, f"a transaction: {status} {text}")
        self.nonces[account.address] = nonce + 1

    def put(self, account, topic, body):
        self.file(account, topic, body)
        self.node.mine()

    def profile(self, account, name):
        self.put(account, PROFILES, chat_envelopes.profile_bytes(account.receiving, name))


def same(structure):
    return structure


@dataclasses.dataclass(frozen=True)
class Epoch:
    """As whoever began it knows it: with its envelope's body, and which of its members are admins."""

    author: object
    id: bytes
    key: bytes
    setting: bytes
    body: bytes
    members: dict


class Room:
    """A group and the epochs that it is meant to have; what is to count in it is kept in `counting`."""

    def __init__(self, writer, founder):
        """Before its founding."""
        self.writer, self.genesis, self.counting = writer, writer.genesis, []
        self.salt = os.urandom(32)
        self.id = chat_envelopes.group_id(self.genesis, founder.public, self.salt)
        self.topic = MESSAGES + self.id.hex()
        self.epochs = []

    @classmethod
    def founded(cls, writer, founder, members, admins=None, name="room"):
        room = cls(writer, founder)
        room.begins(founder, members, admins, name=name)
        return room

    @property
    def epoch(self):
        return self.epochs[-1]

    def planned(self, author, members, admins=None, after=None, name="room", link=True, key=None, change=same):
        """An epoch after this one, or after the last; the first of the members is its admin unless others are.
        `change` makes the rotation another one."""
        after = after or (self.epoch if self.epochs else None)
        key = key or os.urandom(32)
        setting = self.genesis + self.id + protocol.optional(after and after.id)
        admins = admins or members[:1]
        rotation = chat_envelopes.Rotation(
            group=self.id,
            salt=None if after else self.salt,
            after=after and after.id,
            members=self.sealed(members, admins, key, setting),
            commitment=chat_keys.commitment(key, setting),
            name=chat_keys.name_box(key, setting, os.urandom(24), name),
            link=chat_keys.link_box(key, setting, os.urandom(24), after.key) if after and link else None,
        )
        body = chat_envelopes.rotation_bytes(change(rotation))
        id = chat_envelopes.epoch_id(self.genesis, author.public, body)
        return Epoch(author, id, key, setting, body, {account: account in admins for account in members})

    def sealed(self, members, admins, key, setting):
        def member(account):
            seal = chat_keys.sealed(key, setting, account.public, account.receiving)
            return chat_envelopes.Member(account.public, account.receiving, account in admins, *seal)

        return tuple(member(account) for account in sorted(members, key=lambda account: account.public))

    def put(self, epoch):
        """Puts a planned one on the chain, where it does not have to take effect."""
        self.writer.put(epoch.author, ROOMS, epoch.body)

    def begins(self, author, members, admins=None, **how):
        """A rotation that takes effect."""
        epoch = self.planned(author, members, admins, **how)
        self.put(epoch)
        self.epochs.append(epoch)
        return epoch

    def departs(self, account, epoch=None):
        self.writer.put(account, ROOMS, chat_envelopes.departure_bytes(self.id, (epoch or self.epoch).id))

    def message(self, author, text, epoch=None, tag=None, reply_to=None, moment=0, change=same):
        """A message's body; `change` makes the padded plaintext another one."""
        epoch = epoch or self.epoch
        said = chat_keys.Plaintext(tag or os.urandom(16), moment, reply_to, text).bytes()
        padded = change(said.ljust(chat_keys.padded_size(len(said)), b"\x00"))
        associated = chat_keys.message_associated(self.genesis, self.id, epoch.id, author.public)
        nonce = os.urandom(24)
        box = chat_keys.boxed(chat_keys.message_key(epoch.key, epoch.setting), nonce, padded, associated)
        return chat_envelopes.message_bytes(epoch.id, nonce, box[24:])

    def says(self, author, text, **how):
        """A message that counts."""
        self.counting.append(text)
        self.writer.put(author, self.topic, self.message(author, text, **how))

    def fails(self, author, text, **how):
        """A message that does not count."""
        self.writer.put(author, self.topic, self.message(author, text, **how))
