"""Holds a node's group chat against chat.py, which was written from docs/protocol.md alone.

Usage: chat_check.py HOST:PORT ACCOUNTS < TOLD, with the folder of the node's keystore files and, in JSON, what was said
in a room and who may read it. Ends with 0 when the node, the document and these programs agree in everything.
"""

import json
import pathlib
import sys

import chat
import chat_envelopes
import chat_examples
import chat_hostile
import chat_outside
import chat_tampered
import check
import keystore
import protocol
from chat_groups import Chats
from check import check as holds

PAGE = 3


class Session(check.Node):
    """The node, asked in the name of an account."""

    def __init__(self, host, account, token):
        super().__init__(host)
        self.account, self.head = account, {"authorization": f"Bearer {token}"}

    def ask(self, method, path, body=None):
        self.connection.request(method, path, body, self.head)
        answer = self.connection.getresponse()
        return answer.status, answer.read().decode()

    def messages(self, room):
        """All of them, page by page; the oldest first."""
        found, cursor = [], ""
        while cursor is not None:
            page = self.get(f"/chat/rooms/{room}/messages?limit={PAGE}{cursor}")
            found += page["messages"]
            cursor = page.get("next") and f"&before={page['next']}"
        return found[::-1]


def compare(session, chats):
    """What the node tells an account is what Python reads with the account's keys; it gives that."""
    rooms = {room["id"]: room for room in chat.rooms(session.account, chats)}
    listed = session.get("/chat/rooms")["rooms"]
    holds(sorted(rooms) == sorted(room["id"] for room in listed), f"rooms: {list(rooms)} and {listed}")
    for id, room in rooms.items():
        compare_room(session.get(f"/chat/rooms/{id}"), room, session.account)
        told = session.messages(id)
        same("the texts", [message["text"] for message in told], [message["text"] for message in room["messages"]])
        for theirs, ours in zip(told, room["messages"]):
            compare_message(theirs, ours, room)
    return rooms


def compare_room(told, room, account):
    same("the room's name", told["name"], room["name"])
    same("the room's epoch", told["epoch"]["id"], room["epoch"])
    people = [{key: person.get(key) for key in room["members"][0]} for person in told["people"]]
    same("the people", people, room["members"])
    me = (account.public, account.receiving)
    for person in told["people"]:
        other = (protocol.public_key(person["address"]), bytes.fromhex(person["receiving"]))
        number = None if person["me"] else chat_envelopes.safety_number(me, other)
        same("a safety number", person.get("safety_number"), number)


def compare_message(told, read, room):
    same("the state", told["state"], "confirmed")
    for field in ("id", "author", "time", "text", "height", "transaction"):
        same(f"a message's {field}", told[field], read[field])
    quote = told.get("reply_to") or {"id": None}
    same("what a message answers", quote["id"], read["reply_to"])
    quoted = next((other["text"] for other in room["messages"] if other["id"] == read["reply_to"]), None)
    same("the quoted text", quote.get("text"), quoted)


def same(what, told, read):
    holds(told == read, f"{what} is {told!r} for the node and {read!r} for Python")


def check_readers(told, rooms):
    """Everybody reads what they are to read, in the order in which it was said."""
    for name, own in rooms.items():
        read = own[told["room"]]["messages"] if told["room"] in own else []
        meant = [said["message"] for said in told["said"] if name in said["readers"]]
        same(f"what {name} reads", list(map(content, meant)), list(map(content, read)))


def content(message):
    return {field: message[field] for field in ("id", "author", "text", "reply_to", "time")}


def main(host, folder):
    told = json.load(sys.stdin)
    chat_examples.recomputed()
    accounts = {}
    for name in told["tokens"]:
        text = (pathlib.Path(folder) / f"{name}.json").read_text(encoding="utf-8")
        accounts[name], _ = keystore.opened(text, told["password"])
    sessions = {name: Session(host, accounts[name], token) for name, token in told["tokens"].items()}
    chain = chat.chain_of(host)
    chats = Chats(chain)
    rooms = {name: compare(session, chats) for name, session in sessions.items()}
    check_readers(told, rooms)
    chat_outside.check_outside(told, chain, chats, accounts)
    chat_tampered.check_tampered(chain, chats, accounts, told["room"])
    others = chat_hostile.check_hostile(host, folder, told["password"], compare, Session)
    print(f"agreed on {len(told['said'])} messages of a room and {others} of other rooms")


if __name__ == "__main__":
    main(*sys.argv[1:])
