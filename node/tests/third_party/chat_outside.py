"""What a chain tells of its group chats to somebody without a key: as much as section 20 of docs/protocol.md says under
"What others see", and nothing else."""

import json

import chat
import chat_keys
import protocol
from check import check

TAG = 16


def seen(chats):
    """All of it, by group."""
    return {id.hex(): seen_group(chats, group) for id, group in chats.founded().items()}


def seen_group(chats, group):
    members = []
    for member in group.epochs[-1].rotation.members:
        profile = chats.profiles.get(member.address)
        members.append((protocol.address(member.address), profile and profile.name, member.receiving, member.admin))
    candidates = [(entry, protocol.address(entry.author)) for entry in chats.candidates(group)]
    return {
        "members": members,
        "changes": [
            (epoch.height, protocol.address(epoch.author), epoch.rotation.link is not None) for epoch in group.epochs
        ],
        "departures": [(entry.height, protocol.address(entry.author)) for entry in group.departures],
        "messages": [
            (entry.height, group.number(entry.said.epoch), author, len(entry.said.ciphertext) - TAG)
            for entry, author in candidates
        ],
    }


def check_outside(told, chain, chats, accounts):
    """`told` is what was said in the chain's only room."""
    groups = seen(chats)
    check(list(groups) == [told["room"]], f"groups: {groups}")
    room = groups[told["room"]]
    address = {name: account.address for name, account in accounts.items()}
    members = [
        (address[name], f"{name} of the house", accounts[name].receiving, name in told["admins"])
        for name in sorted(told["members"], key=lambda name: accounts[name].public)
    ]
    check(room["members"] == members, f"members: {room['members']}")
    check([link for *_, link in room["changes"]] == [link for _, link in told["changes"]], f"links: {room['changes']}")
    for (_, author, _), (name, _) in zip(room["changes"], told["changes"]):
        check(author in ([address[name]] if name else address.values()), f"{author} made an epoch, and not {name}")
    departed = [author for _, author in room["departures"]]
    check(departed == [address[name] for name in told["departed"]], f"who left: {room['departures']}")
    heights = [height for height, *_ in room["changes"] + room["departures"] + room["messages"]]
    check(min(heights) > 0, f"heights: {heights}")
    messages = [message[1:] for message in room["messages"]]
    expected = [(said["epoch"], said["message"]["author"], padded(said["message"])) for said in told["said"]]
    check(messages == expected, f"epochs, authors and lengths: {messages}")
    check_nothing_else(told, chain)
    check_strangers_keys(chats, chats.groups[bytes.fromhex(told["room"])], accounts)


def padded(said):
    reply_to = said["reply_to"] and bytes.fromhex(said["reply_to"])
    plaintext = chat_keys.Plaintext(bytes(16), said["time"], reply_to, said["text"])
    return chat_keys.padded_size(len(plaintext.bytes()))


def check_nothing_else(told, chain):
    """No text, no room's name and no message's id is anywhere in the chain."""
    blocks = [json.dumps(chain, ensure_ascii=False).encode()]
    blocks += [bytes.fromhex(data["body"]) for data in payloads(chain)]
    said = [said["message"] for said in told["said"]]
    secrets = [message["text"].encode() for message in said] + [name.encode() for name in told["names"]]
    ids = [message["id"] for message in said]
    secrets += [id.encode() for id in ids] + [bytes.fromhex(id) for id in ids]
    found = [secret for secret in secrets for block in blocks if secret in block]
    check(not found, f"in the chain stands {found}")
    # The search finds what is there.
    check(any(b"anna of the house" in block for block in blocks), "Anna's display name is not in the chain")


def payloads(chain):
    for block in chain["chain"]:
        for transaction in block["transactions"]:
            if "data" in transaction["payload"]:
                yield transaction["payload"]["data"]


def check_strangers_keys(chats, group, accounts):
    """Nobody's key opens a seal that is not theirs."""
    opened = 0
    for epoch in group.epochs:
        setting, committed = epoch.rotation.setting(chats.genesis), epoch.rotation.commitment
        for member in epoch.rotation.members:
            for account in accounts.values():
                key = chat_keys.unsealed(account, member, setting, committed)
                check((key is not None) == (account.public == member.address), f"a seal for {account.address}")
                opened += key is not None
    check(opened == sum(len(epoch.rotation.members) for epoch in group.epochs), "all members open their seals")
    outside = [account for account in accounts.values() if not chat.rooms(account, chats)]
    check(len(outside) == 1, "one account is in no room")
