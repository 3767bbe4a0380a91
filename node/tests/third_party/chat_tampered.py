"""Envelopes of a chain that somebody changed: whatever is done to them, everybody reads the same as before."""

import chat
import protocol
from chat_groups import Chats
from check import check

FLIPS = 16


def check_tampered(chain, chats, accounts, room):
    group = chats.groups[bytes.fromhex(room)]
    before = {name: chat.rooms(account, chats) for name, account in accounts.items()}
    for change in (reattributed, flipped, truncated, moved, replayed):
        forged = [entry for original in chats.candidates(group) for entry in change(group, original)]
        changed = Chats(with_block(chain, forged))
        more = sum(map(len, changed.messages.values())) - sum(map(len, chats.messages.values()))
        check(more > 0, f"{change.__name__}: nothing reaches the keys")
        for name, account in accounts.items():
            check(chat.rooms(account, changed) == before[name], f"{change.__name__}: {name} reads something else")


def with_block(chain, forged):
    transactions = [
        {
            "id": f"{number:064x}",
            "sender": protocol.address(sender),
            "time": 0,
            "payload": {"data": {"topic": topic, "body": body.hex()}},
        }
        for number, (sender, topic, body) in enumerate(forged)
    ]
    block = {"height": len(chain["chain"]), "transactions": transactions}
    return {"chain": chain["chain"] + [block]}


def topic(group_id):
    return f"chat/{group_id.hex()}"


def reattributed(group, entry):
    """Everybody else who ever was in the room says it."""
    others = {address for epoch in group.epochs for address in epoch.members()} - {entry.author}
    return [(other, topic(group.id), entry.body) for other in others]


def flipped(group, entry):
    """One bit is another, all over the body, and in every field of it."""
    places = {len(entry.body) * part // FLIPS for part in range(FLIPS)} | {0, 4, 5, 6, 38, 62, 66, len(entry.body) - 1}
    for place in places:
        body = bytearray(entry.body)
        body[place] ^= 1 << place % 8
        yield entry.author, topic(group.id), bytes(body)


def truncated(group, entry):
    """With and without a count that fits; down to less than a tag."""
    said = entry.said
    yield entry.author, topic(group.id), entry.body[:-1]
    for size in {0, 15, 16, len(said.ciphertext) // 2, len(said.ciphertext) - 1}:
        start = b"nmg1\x02\x01" + said.epoch + said.nonce
        yield entry.author, topic(group.id), start + protocol.counted(said.ciphertext[:size])


def moved(group, entry):
    """Into another group's topic, and under other epochs of the same group."""
    yield entry.author, topic(protocol.sha256(group.id)[:16]), entry.body
    for epoch in group.epochs:
        if epoch.id != entry.said.epoch:
            body = b"nmg1\x02\x01" + epoch.id + entry.said.nonce + protocol.counted(entry.said.ciphertext)
            yield entry.author, topic(group.id), body


def replayed(group, entry):
    """The author says it again; the first of two with one id counts."""
    yield entry.author, topic(group.id), entry.body
