"""Chats that go to the limits of who may do what, and when, by section 20 of docs/protocol.md. Each of these puts a
room on the chain and gives it, with what is to count in it."""

import dataclasses
import os

from chat_envelopes import ROOMS, departure_bytes, message_id
from chat_writer import Room

LATEST = 2**64 - 1


def membership(writer, hanna, ingo, jana, kurt):
    """Who is in, and when: messages of those who went and came again."""
    room = Room.founded(writer, hanna, [hanna, ingo, jana])
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
    room = Room.founded(writer, hanna, [hanna, ingo, jana, kurt])
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
    room = Room.founded(writer, hanna, [hanna, ingo, jana, kurt])
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


def two_leave(writer, hanna, ingo, jana, kurt):
    """Of two who have left one stays among the members for another epoch; and then a time that no double holds."""
    room = Room.founded(writer, hanna, [hanna, ingo, jana, kurt], admins=[hanna, jana])
    room.departs(jana)
    room.departs(kurt)
    for admins in ([hanna, ingo], [ingo], [hanna, kurt]):
        room.put(room.planned(ingo, [hanna, ingo, kurt], admins=admins))
    room.begins(ingo, [hanna, ingo, kurt], admins=[hanna])
    room.says(kurt, "left, and still a member")
    room.begins(ingo, [hanna, ingo], admins=[hanna])
    room.says(ingo, "both are out")
    room.says(hanna, "the end of time", moment=LATEST)
    return room


def gaps(writer, hanna, ingo, jana, kurt):
    """Somebody comes back and does not get what was said meanwhile; messages answer what cannot be read, what comes
    later, and themselves."""
    room = Room.founded(writer, hanna, [hanna, ingo, jana, kurt])
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


def from_the_end(writer, hanna, ingo, jana, kurt):
    """All of a room stands on the chain before its founding, which comes with a link to nothing."""
    room = Room(writer, hanna)
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


def crowded(writer, hanna, ingo, jana, kurt):
    """More waits than there is room for."""
    room = Room.founded(writer, hanna, [hanna, ingo, jana])
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


ALL = (membership, early_ones, leaving, two_leave, gaps, from_the_end, crowded)
