"""Reads an account's group chats: a keystore file, its password on stdin, and a node's chain are all it needs.

Usage: chat.py HOST:PORT KEYSTORE.json < PASSWORD. Prints the rooms as JSON.
"""

import http.client
import json
import sys

import chat_envelopes
import chat_keys
import keystore
import protocol
from chat_groups import Chats


def chain_of(host):
    connection = http.client.HTTPConnection(host, timeout=60)
    connection.request("GET", "/chain")
    return json.loads(connection.getresponse().read())


def epoch_keys(account, group, genesis):
    """The keys of a group's epochs, None for those that the account cannot read: its own seals first, and then from
    each epoch to the one before."""
    keys = []
    for epoch in group.epochs:
        own, setting = epoch.members().get(account.public), epoch.rotation.setting(genesis)
        keys.append(own and chat_keys.unsealed(account, own, setting, epoch.rotation.commitment))
    for number in reversed(range(1, len(keys))):
        link = group.epochs[number].rotation.link
        if keys[number] and link and not keys[number - 1]:
            key = chat_keys.linked(keys[number], group.epochs[number].rotation.setting(genesis), link)
            before = group.epochs[number - 1].rotation
            if key and chat_keys.commitment(key, before.setting(genesis)) == before.commitment:
                keys[number - 1] = key
    return keys


def messages(chats, group, keys):
    """What the holder of these keys reads, in the chain's order."""
    found = {}
    for entry in chats.candidates(group):
        number = group.number(entry.said.epoch)
        said = keys[number] and opened(chats.genesis, group, keys[number], group.epochs[number], entry)
        if said:
            id = chat_envelopes.message_id(group.id, entry.author, said.tag).hex()
            found.setdefault(id, {
                "id": id,
                "author": protocol.address(entry.author),
                "time": said.time,
                "reply_to": said.reply_to and said.reply_to.hex(),
                "text": said.text,
                "height": entry.height,
                "transaction": entry.transaction,
            })
    return list(found.values())


def opened(genesis, group, key, epoch, entry):
    box = entry.said.nonce + entry.said.ciphertext
    associated = chat_keys.message_associated(genesis, group.id, epoch.id, entry.author)
    padded = chat_keys.unboxed(chat_keys.message_key(key, epoch.rotation.setting(genesis)), box, associated)
    return padded and chat_keys.plaintext(padded)


def room_name(group, keys, genesis):
    """The last name that can be read."""
    for key, epoch in zip(reversed(keys), reversed(group.epochs)):
        name = key and chat_keys.room_name(key, epoch.rotation.setting(genesis), epoch.rotation.name)
        if name:
            return name
    return None


def room(account, chats, group):
    keys = epoch_keys(account, group, chats.genesis)
    members = []
    for member in group.epochs[-1].rotation.members:
        profile = chats.profiles.get(member.address)
        members.append({
            "address": protocol.address(member.address),
            "name": profile and profile.name,
            "receiving": member.receiving.hex(),
            "admin": member.admin,
            "leaving": member.address in group.left,
        })
    return {
        "id": group.id.hex(),
        "epoch": group.epochs[-1].id.hex(),
        "name": room_name(group, keys, chats.genesis),
        "members": members,
        "messages": messages(chats, group, keys),
    }


def rooms(account, chats):
    """All that the account is or was in."""
    groups = chats.founded().values()
    own = [group for group in groups if any(account.public in epoch.members() for epoch in group.epochs)]
    return [room(account, chats, group) for group in own]


def main(host, keystore_file):
    with open(keystore_file, encoding="utf-8") as file:
        account, _ = keystore.opened(file.read(), sys.stdin.readline().rstrip("\r\n"))
    print(json.dumps(rooms(account, Chats(chain_of(host))), ensure_ascii=False, indent=2))


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except keystore.Locked as error:
        raise SystemExit(f"error: {error}") from error
