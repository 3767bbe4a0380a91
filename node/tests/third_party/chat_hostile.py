"""Chats that break the rules of section 20 of docs/protocol.md, or go to their limits, on a real chain: node and Python
must read the same, and what each room is meant to hold."""

import dataclasses
import json
import os
import pathlib

import pyhpke

import chat
import chat_keys
import check
import keystore
import protocol
from chat_envelopes import MESSAGES, PROFILES, ROOMS, Member, departure_bytes, message_id, profile_bytes
from chat_groups import Chats
from chat_writer import Room, Writer

PEOPLE = ("hanna", "ingo", "jana", "kurt")
LAST = 2**64 - 1
EMPTY_TEXT = bytes(29)


def messages(writer, hanna, ingo, jana, kurt):
    """One message after the other that counts or not."""
    room = Room(writer, hanna, [hanna, ingo, jana])
    room.says(ingo, "the shortest size")
    room.says(ingo, "x" * (128 - 29))
    room.says(ingo, "x" * (128 - 28))
    room.says(ingo, "x" * 16_000)
    room.says(ingo, "a time after all others", moment=2**53 - 1)
    room.says(jana, "an answer to nothing", reply_to=bytes(16))
    tag = os.urandom(16)
    room.says(jana, "the first of two with one id", tag=tag)
    room.fails(jana, "the second of two with one id", tag=tag)
    room.says(ingo, "the same tag of another author", tag=tag)
    room.fails(ingo, "no text: ", change=lambda padded: EMPTY_TEXT.ljust(128, b"\x00"))
    room.fails(ingo, "too long", change=lambda padded: (bytes(25) + protocol.counted(b"x" * 16_001)).ljust(16_384, b"\x00"))
    room.fails(ingo, "no UTF-8", change=lambda padded: (bytes(25) + protocol.counted(b"\xff\xfe")).ljust(128, b"\x00"))
    room.fails(ingo, "longer than it must be", change=lambda padded: padded.ljust(256, b"\x00"))
    room.fails(ingo, "no padding", change=lambda padded: padded.rstrip(b"\x00"))
    room.fails(ingo, "something after it", change=lambda padded: padded[:-1] + b"\x01")
    room.fails(ingo, "a flag that is none", change=lambda padded: padded[:24] + b"\x02" + padded[25:])
    room.fails(kurt, "from outside, with the key")
    said = room.message(ingo, "another body around it")
    for topic, body in (
        (room.topic, said + b"\x00"),
        (room.topic, said[:5] + b"\x02" + said[6:]),
        (room.topic, said[:-1]),
        (room.topic, b"nmg2" + said[4:]),
        (MESSAGES + room.id.hex().upper(), said),
        (ROOMS, said),
        (PROFILES, said),
        (MESSAGES + os.urandom(16).hex(), said),
    ):
        writer.put(ingo, topic, body)
    for other in (hanna, kurt):
        writer.put(other, room.topic, room.message(ingo, "said by another"))
    # Several authors in one block: the order is the block's.
    for author in (jana, ingo, hanna, jana):
        room.counting.append("in one block")
        writer.file(author, room.topic, room.message(author, "in one block"))
    writer.node.mine()
    return room


def membership(writer, hanna, ingo, jana, kurt):
    """Who is in, and when: messages of those who went and came again."""
    room = Room(writer, hanna, [hanna, ingo, jana])
    first = room.epoch
    room.says(ingo, "before he is put out")
    second = room.planned(hanna, [hanna, jana])
    room.says(jana, "before its epoch", epoch=second)
    room.put(second)
    room.epochs.append(second)
    room.says(jana, "under an epoch that is over", epoch=first)
    room.fails(ingo, "after he was put out", epoch=first)
    room.fails(ingo, "under an epoch without him, whose key he got", epoch=second)
    room.fails(hanna, "under an epoch that is none", epoch=room.planned(hanna, [hanna, jana]))
    room.begins(hanna, [hanna, ingo, jana])
    room.fails(ingo, "once he is back, under the epoch before that", epoch=first)
    room.says(ingo, "once he is back")
    room.departs(ingo, epoch=first)
    without = room.planned(jana, [hanna, jana], admins=[hanna])
    room.put(without)
    room.fails(jana, "without him, who was out after the epoch that he departed from", epoch=without)
    # The first of two after one epoch.
    early, late = (room.planned(hanna, [hanna, ingo, jana]) for _ in range(2))
    room.put(early)
    room.put(late)
    room.epochs.append(early)
    room.fails(jana, "under the one that lost", epoch=late)
    # An admin who puts herself out.
    room.begins(hanna, [ingo, jana])
    room.fails(hanna, "after she put herself out")
    room.fails(hanna, "under the epoch before", epoch=early)
    room.says(ingo, "and she is out")
    return room


def early_ones(writer, hanna, ingo, jana, kurt):
    """Rotations and departures that stand before what they need."""
    room = Room(writer, hanna, [hanna, ingo, jana, kurt])
    second = room.planned(hanna, [hanna, ingo, jana, kurt])
    third = room.planned(hanna, [hanna, ingo, jana], after=second)
    fourth = room.planned(hanna, [hanna, ingo, jana], after=third)
    other_fourth = room.planned(hanna, [hanna, jana], after=third)
    for epoch in (fourth, third, other_fourth):
        room.put(epoch)
    room.says(kurt, "still in")
    room.put(second)
    room.fails(kurt, "put out at the place of another rotation", epoch=second)
    room.epochs += [second, third, fourth]
    room.says(ingo, "the first that waited was taken")
    # What an ordinary member may do waits until somebody has left.
    without = room.planned(ingo, [hanna, ingo], admins=[hanna])
    room.put(without)
    room.says(jana, "not yet gone")
    room.departs(jana)
    room.fails(jana, "gone with her departure", epoch=room.epoch)
    room.epochs.append(without)
    room.says(ingo, "she is gone")
    # A departure that names an epoch that is yet to come.
    fifth = room.planned(hanna, [hanna, ingo, jana])
    room.departs(jana, epoch=fifth)
    room.put(fifth)
    room.epochs.append(fifth)
    sixth = room.planned(ingo, [hanna, ingo], admins=[hanna])
    room.put(sixth)
    room.epochs.append(sixth)
    room.says(hanna, "she came and was gone at once")
    return room


def leaving(writer, hanna, ingo, jana, kurt):
    """What those who stay and have no say may do, and what they may not."""
    room = Room(writer, hanna, [hanna, ingo, jana, kurt])
    lost = [
        room.planned(ingo, [hanna, ingo, jana, kurt], admins=[hanna]),
        room.planned(ingo, [hanna, ingo, jana], admins=[hanna]),
        room.planned(ingo, [hanna, ingo, jana, kurt], admins=[ingo]),
    ]
    room.departs(kurt)
    room.says(kurt, "gone, and nobody made another epoch")
    stays = room.planned(hanna, [hanna, ingo, jana, kurt])
    room.put(stays)
    room.epochs.append(stays)
    room.says(kurt, "gone, and still among the members")
    for epoch in lost:
        room.put(epoch)
    same = dict(admins=[hanna])
    foreign = lambda rotation: dataclasses.replace(
        rotation, members=tuple(dataclasses.replace(member, receiving=bytes([9]) * 32) for member in rotation.members)
    )
    for epoch in (
        room.planned(ingo, [hanna, ingo, jana, kurt], **same),
        room.planned(ingo, [hanna, ingo], **same),
        room.planned(ingo, [ingo, jana], admins=[ingo]),
        room.planned(ingo, [hanna, ingo, jana], admins=[hanna, ingo]),
        room.planned(ingo, [hanna, ingo, jana], admins=[ingo]),
        room.planned(ingo, [hanna, ingo, jana], change=foreign, **same),
        room.planned(kurt, [hanna, ingo, jana], **same),
    ):
        room.put(epoch)
        room.fails(ingo, "under one that may not be", epoch=epoch)
    room.begins(ingo, [hanna, ingo, jana], admins=[hanna], link=False)
    room.says(jana, "kurt is out")
    # The only admin goes; the next one is whoever makes the rotation.
    room.departs(hanna)
    for epoch in (
        room.planned(hanna, [ingo, jana], admins=[ingo]),
        room.planned(ingo, [ingo, jana], admins=[jana]),
        room.planned(ingo, [ingo, jana], admins=[ingo, jana]),
    ):
        room.put(epoch)
    room.begins(ingo, [ingo, jana], admins=[ingo])
    room.fails(hanna, "gone", epoch=room.epochs[-2])
    room.says(ingo, "and he is the admin")
    room.begins(ingo, [hanna, ingo, jana], admins=[ingo])
    room.says(hanna, "back, and an ordinary member")
    return room


def bad_foundings(writer, hanna, ingo, jana, kurt):
    """Rotations that are malformed or found nothing, and then a founding that does."""
    room = Room(writer, hanna, [hanna, ingo], name="the right one")
    original, room.epochs = room.epochs, []
    again = room.planned(hanna, [hanna, jana], name="a second founding")
    room.put(again)
    room.put(dataclasses.replace(again, author=ingo))
    room.epochs = original

    def changed(**fields):
        return lambda rotation: dataclasses.replace(rotation, **fields)

    def members(change):
        return lambda rotation: dataclasses.replace(rotation, members=tuple(change(list(rotation.members))))

    for change in (
        members(lambda found: found[::-1]),
        members(lambda found: [found[0]] * 2),
        members(lambda found: []),
        members(lambda found: [dataclasses.replace(member, admin=False) for member in found]),
        members(lambda found: [dataclasses.replace(member, admin=2) for member in found]),
        members(lambda found: [dataclasses.replace(found[0], address=n.to_bytes(32, "big")) for n in range(201)]),
        changed(name=bytes(167)),
        changed(link=bytes(71)),
    ):
        epoch = room.planned(hanna, [hanna, ingo], change=change)
        room.put(epoch)
        room.fails(hanna, "under a malformed one", epoch=epoch)
    epoch = room.planned(hanna, [hanna, ingo])
    for body in (epoch.body + b"\x00", epoch.body[:5] + b"\x02" + epoch.body[6:], epoch.body[:-1]):
        writer.put(hanna, ROOMS, body)
    writer.put(hanna, room.topic, epoch.body)
    room.says(ingo, "as it was founded")
    return room


def spoiled_keys(writer, hanna, ingo, jana, kurt):
    """Seals, commitments, names and links that do not open. What jana reads is hers alone to compare."""
    room = Room(writer, hanna, [hanna, ingo, jana], name="the first name")

    def without_seal(rotation):
        spoiled = lambda m: dataclasses.replace(m, sealed=bytes(48)) if m.address == jana.public else m
        return dataclasses.replace(rotation, members=tuple(map(spoiled, rotation.members)))

    room.begins(hanna, [hanna, ingo, jana], change=without_seal, name="jana has no seal")
    room.says(ingo, "readable for jana by the link after it")
    room.begins(hanna, [hanna, ingo, jana], change=lambda r: dataclasses.replace(r, name=bytes(168)))
    room.says(ingo, "the name does not open")
    room.begins(hanna, [hanna, ingo, jana], change=lambda r: dataclasses.replace(r, link=bytes(72)), name="no link")
    room.says(ingo, "the link does not open")
    wrong = room.begins(hanna, [hanna, ingo, jana], change=lambda r: dataclasses.replace(r, commitment=bytes(32)))
    room.fails(ingo, "the commitment is another key's", epoch=wrong)
    room.begins(hanna, [hanna, ingo, jana], name="the last name")
    room.says(ingo, "and here it is right again")
    return room


def no_name(writer, hanna, ingo, jana, kurt):
    """A room whose present name does not open, and one that never had any."""
    room = Room(writer, hanna, [hanna, ingo, jana], name="the last that opens")
    room.begins(hanna, [hanna, ingo, kurt], change=lambda rotation: dataclasses.replace(rotation, name=bytes(168)))
    room.says(ingo, "in a room without a name")
    return room


def gaps(writer, hanna, ingo, jana, kurt):
    """Somebody comes back and does not get what was said meanwhile; messages answer what cannot be read, what comes
    later, and themselves."""
    room = Room(writer, hanna, [hanna, ingo, jana, kurt])
    tags = [os.urandom(16) for _ in range(4)]
    ids = [message_id(room.id, author.public, tag) for author, tag in zip((jana, hanna, ingo, ingo), tags)]
    room.says(jana, "for all", tag=tags[0], reply_to=ids[3])
    between = room.begins(hanna, [hanna, ingo, jana])
    room.says(hanna, "not for kurt", tag=tags[1], epoch=between)
    again = os.urandom(16)
    room.says(ingo, "not for kurt, who reads the second of these two", tag=again)
    room.begins(hanna, [hanna, ingo, jana, kurt], link=False)
    room.fails(ingo, "for kurt, who did not read the first of these two", tag=again)
    room.says(ingo, "an answer to what kurt cannot read", tag=tags[2], reply_to=ids[1])
    room.says(ingo, "an answer to itself", tag=tags[3], reply_to=ids[3])
    return room


def odd_receivers(writer, hanna, ingo, jana, kurt):
    """Jana's seal is for her key, while another one is written beside it; in the second, `info` has hers."""
    room = Room(writer, hanna, [hanna, ingo, jana])
    for in_info in (kurt, jana):
        planned = {}

        def change(rotation):
            key, setting = planned["key"], rotation.setting(writer.genesis)
            recipient = pyhpke.KEMKey.from_pyca_cryptography_key(jana.exchange.public_key())
            info = chat_keys.seal_info(setting, jana.public, in_info.receiving)
            encapsulated, context = chat_keys.HPKE.create_sender_context(recipient, info)
            other = Member(jana.public, kurt.receiving, False, encapsulated, context.seal(key))
            members = tuple(other if member.address == jana.public else member for member in rotation.members)
            return dataclasses.replace(rotation, members=members)

        planned["key"] = os.urandom(32)
        room.begins(hanna, [hanna, ingo, jana], link=False, key=planned["key"], change=change)
        room.says(ingo, f"sealed for {'kurt' if in_info == kurt else 'jana'}")
    return room


def from_the_end(writer, hanna, ingo, jana, kurt):
    """All of a room stands on the chain before its founding, which comes with a link to nothing."""
    room = Room.__new__(Room)
    room.prepare(writer, hanna)
    spoiled = lambda rotation: dataclasses.replace(rotation, link=bytes(72))
    first = room.planned(hanna, [hanna, ingo, jana], change=spoiled, name=" ")
    second = room.planned(hanna, [hanna, ingo, jana], after=first, name="\n")
    room.says(ingo, "in the second epoch", epoch=second)
    room.put(second)
    room.departs(jana, epoch=first)
    room.says(jana, "in the first epoch", epoch=first)
    room.put(first)
    room.epochs += [first, second]
    room.says(jana, "founded at last")
    room.begins(ingo, [hanna, ingo], admins=[hanna])
    room.says(ingo, "and she is out")
    return room


def two_leave(writer, hanna, ingo, jana, kurt):
    """Of two who have left one stays among the members for another epoch; and then a time that no double holds."""
    room = Room(writer, hanna, [hanna, ingo, jana, kurt], admins=[hanna, jana])
    room.departs(jana)
    room.departs(kurt)
    for admins in ([hanna, ingo], [ingo], [hanna, kurt]):
        room.put(room.planned(ingo, [hanna, ingo, kurt], admins=admins))
    room.begins(ingo, [hanna, ingo, kurt], admins=[hanna])
    room.says(kurt, "left, and still a member")
    room.begins(ingo, [hanna, ingo], admins=[hanna])
    room.says(ingo, "both are out")
    room.says(hanna, "the end of time", moment=LAST)
    return room


def crowded(writer, hanna, ingo, jana, kurt):
    """More waits than there is room for."""
    room = Room(writer, hanna, [hanna, ingo, jana])
    second = room.planned(hanna, [hanna, ingo, jana])
    third = room.planned(hanna, [hanna, ingo], after=second)
    for _ in range(63):
        writer.file(kurt, ROOMS, departure_bytes(room.id, os.urandom(32)))
    writer.node.mine()
    room.departs(jana, epoch=second)
    room.put(third)
    room.put(second)
    room.epochs.append(second)
    room.fails(ingo, "the 65th that waits is lost", epoch=third)
    room.says(jana, "her departure was the 64th")
    again = room.planned(ingo, [hanna, ingo], admins=[hanna])
    room.put(again)
    room.epochs.append(again)
    room.says(ingo, "and it took effect")
    return room


def profiles(writer, hanna, ingo, jana, kurt):
    """The last one that is one counts."""
    writer.profile(kurt, "Kurt before")
    writer.profile(kurt, "Kurt")
    body = profile_bytes(kurt.receiving, "another suite")
    for topic, body in (
        (PROFILES, profile_bytes(kurt.receiving, "")),
        (PROFILES, profile_bytes(kurt.receiving, "k" * 65)),
        (PROFILES, body[:5] + b"\x02" + body[6:]),
        (PROFILES, body + b"\x00"),
        (ROOMS, body),
    ):
        writer.put(kurt, topic, body)
    return Room(writer, hanna, [hanna, ingo, jana, kurt], name="n" * 64)


def check_hostile(host, folder, password, compare, session):
    """How many messages counted; `compare` holds a session of an account against what Python reads."""
    node = check.Node(host)
    for name in PEOPLE:
        status, text = node.ask("POST", "/wallet/accounts", {"name": name, "password": password})
        check.check(status == 201, f"an account: {status} {text}")
    files = [(pathlib.Path(folder) / f"{name}.json").read_text(encoding="utf-8") for name in PEOPLE]
    people = [keystore.opened(file, password)[0] for file in files]
    writer = Writer(node, Chats(chat.chain_of(host)).genesis)
    made = (messages, membership, early_ones, leaving, bad_foundings, spoiled_keys, no_name, gaps, odd_receivers, from_the_end, two_leave, crowded, profiles)
    rooms = {make.__name__: make(writer, *people) for make in made}
    chats = Chats(chat.chain_of(host))
    read = {}
    for name, account in zip(PEOPLE, people):
        status, text = node.ask("POST", "/wallet/login", {"name": name, "password": password})
        check.check(status == 200, f"a login: {status} {text}")
        read[name] = compare(session(host, account, json.loads(text)["token"]), chats)
    for what, room in rooms.items():
        texts = [message["text"] for message in read["ingo"][room.id.hex()]["messages"]]
        check.check(texts == room.counting, f"{what}: {texts} and not {room.counting}")
    return sum(len(room.counting) for room in rooms.values())
