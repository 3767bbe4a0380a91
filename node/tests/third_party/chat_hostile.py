"""Puts chats that break the rules, or go to their limits, on a real chain: node and Python must read the same, and what
each room is meant to hold."""

import json
import pathlib
import time

import chat
import chat_malformed
import chat_orders
import chat_random
import keystore
from chat_groups import Chats
from chat_writer import Writer
from check import Node, check

PEOPLE = ("hanna", "ingo", "jana", "kurt")
READER = "ingo"  # Reads everything that counts in every room.
PATIENCE = 60
SEEDS = range(6)


def check_hostile(host, folder, password, compare, session):
    """How many messages there were; `compare` holds a session of an account against what Python reads."""
    node = Node(host)
    people = [made(node, folder, name, password) for name in PEOPLE]
    writer = Writer(node, Chats(chat.chain_of(host)).genesis)
    rooms = {make.__name__: make(writer, *people) for make in chat_malformed.ALL + chat_orders.ALL}
    for seed in SEEDS:
        chat_random.wander(writer, people, seed)
    sessions = [session(host, account, token(node, name, password)) for name, account in zip(PEOPLE, people)]
    for one in sessions:
        one.get("/chat/rooms")  # From here on the node acts for the account.
    chats = settled(node, host)
    read = {name: compare(one, chats) for name, one in zip(PEOPLE, sessions)}
    for what, room in rooms.items():
        texts = [message["text"] for message in read[READER][room.id.hex()]["messages"]]
        check(texts == room.counting, f"{what}: {texts} and not {room.counting}")
    counted = sum(len(room["messages"]) for room in read[READER].values())
    check(counted > sum(len(room.counting) for room in rooms.values()), "no message at random counts")
    return sum(map(len, chats.messages.values()))


def made(node, folder, name, password):
    """An account of the node, which does nothing for it until it logs in."""
    status, text = node.ask("POST", "/wallet/accounts", {"name": name, "password": password})
    check(status == 201, f"an account: {status} {text}")
    account, _ = keystore.opened((pathlib.Path(folder) / f"{name}.json").read_text(encoding="utf-8"), password)
    return account


def token(node, name, password):
    status, text = node.ask("POST", "/wallet/login", {"name": name, "password": password})
    check(status == 200, f"a login: {status} {text}")
    return json.loads(text)["token"]


def settled(node, host):
    """Mines until the node has put out all who left, as it does for members who are logged in; gives the chats."""
    until = time.monotonic() + PATIENCE
    while True:
        node.mine()
        chats = Chats(chat.chain_of(host))
        leaving = [group.id.hex() for group in chats.founded().values() if group.left < set(group.epochs[-1].members())]
        leaving = [id for id in leaving if chats.groups[bytes.fromhex(id)].left]
        if not leaving and node.get("/health")["pending"] == 0:
            return chats
        check(time.monotonic() < until, f"somebody has left and is still a member of {leaving}")
        time.sleep(0.05)
