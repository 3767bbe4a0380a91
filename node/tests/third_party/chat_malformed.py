"""Chats with bytes that are not as section 20 of docs/protocol.md wants them. Each of these puts a room on the chain
and gives it, with what is to count in it."""

import dataclasses
import os

import pyhpke

import chat_keys
import protocol
from chat_envelopes import MESSAGES, PROFILES, ROOMS, Member, profile_bytes
from chat_writer import Room

EMPTY_TEXT = bytes(29)


def messages(writer, hanna, ingo, jana, kurt):
    """One message after the other that counts or not."""
    room = Room.founded(writer, hanna, [hanna, ingo, jana])
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
    too_long = (bytes(25) + protocol.counted(b"x" * 16_001)).ljust(16_384, b"\x00")
    room.fails(ingo, "too long", change=lambda padded: too_long)
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
    for place in (6, 38, 66, len(said) - 1):
        writer.put(ingo, room.topic, said[:place] + bytes([said[place] ^ 1]) + said[place + 1 :])
    for other in (hanna, kurt):
        writer.put(other, room.topic, room.message(ingo, "said by another"))
    # Several authors in one block: the order is the block's.
    for author in (jana, ingo, hanna, jana):
        room.counting.append("in one block")
        writer.file(author, room.topic, room.message(author, "in one block"))
    writer.node.mine()
    return room


def bad_foundings(writer, hanna, ingo, jana, kurt):
    """Rotations that are malformed or found nothing, and then a founding that does."""
    room = Room.founded(writer, hanna, [hanna, ingo], name="the right one")
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
    room = Room.founded(writer, hanna, [hanna, ingo, jana], name="the first name")

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
    room = Room.founded(writer, hanna, [hanna, ingo, jana], name="the last that opens")
    room.begins(hanna, [hanna, ingo, kurt], change=lambda rotation: dataclasses.replace(rotation, name=bytes(168)))
    room.says(ingo, "in a room without a name")
    return room


def odd_receivers(writer, hanna, ingo, jana, kurt):
    """Jana's seal is for her key, while another one is written beside it; in the second, `info` has hers."""
    writer.profile(jana, "Jana")
    room = Room.founded(writer, hanna, [hanna, ingo, jana])
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
    return Room.founded(writer, hanna, [hanna, ingo, jana, kurt], name="n" * 64)


ALL = (messages, bad_foundings, spoiled_keys, no_name, odd_receivers, profiles)
