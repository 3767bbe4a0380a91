"""Rooms in which four people do what comes into their heads: rotations after any epoch by anybody, departures from any
epoch, messages under any, and all of it in some disorder."""

import random

import chat_envelopes
from chat_envelopes import ROOMS, departure_bytes
from chat_groups import Entry, Group
from chat_writer import Room

STEPS = 60
DISORDER = 4
BLOCK = 3
TAGS = 15


def wander(writer, people, seed):
    rng = random.Random(seed)
    room = Room(writer, people[0])
    plans = Plans(room, rng, people)
    envelopes = [(people[0], ROOMS, plans.known[0].body)]
    for step in range(STEPS):
        what, author, epoch = rng.random(), rng.choice(people), plans.some()
        if what < 0.35:
            envelopes.append(plans.rotation(epoch))
        elif what < 0.43:
            envelopes.append((author, ROOMS, departure_bytes(room.id, epoch.id)))
        else:
            author = rng.choice(list(epoch.members) * 3 + people)
            said = room.message(author, f"{seed}.{step}", epoch=epoch, tag=bytes([step % TAGS]) * 16)
            envelopes.append((author, room.topic, said))
        plans.follow(*envelopes[-1])
    places = {number: number + DISORDER * rng.random() for number in range(len(envelopes))}
    for number, place in enumerate(sorted(places, key=places.get)):
        writer.file(*envelopes[place])
        if number % BLOCK == 0:
            writer.node.mine()
    writer.node.mine()


class Plans:
    """Epochs that were planned, and which of them would have taken effect in the order in which they were."""

    def __init__(self, room, rng, people):
        self.room, self.rng, self.people = room, rng, people
        self.group, self.place = Group(room.genesis, room.id), 0
        admins = [people[0]] + [account for account in people[1:] if rng.random() < 0.3]
        self.known = [room.planned(people[0], people, admins=admins)]
        self.follow(people[0], ROOMS, self.known[0].body)

    def follow(self, author, topic, body):
        self.place += 1
        if topic == ROOMS:
            said = chat_envelopes.envelope(topic, body)
            self.group.take(Entry(self.place, 0, "", author.public, 0, body, said))

    def some(self):
        """Mostly the present epoch."""
        if self.rng.random() < 0.25:
            return self.rng.choice(self.known)
        return next(epoch for epoch in self.known if epoch.id == self.group.epochs[-1].id)

    def rotation(self, epoch):
        """After this one: like it without somebody, or any at all."""
        rng, members = self.rng, dict(epoch.members)
        author = rng.choice(self.people)
        if rng.random() < 0.5:
            author = rng.choice([account for account, admin in members.items() if admin])
        left = [account for account in members if account.public in self.group.left]
        if rng.random() < 0.5:
            for account in left[: rng.randint(1, 2)]:
                members.pop(account)
        elif rng.random() < 0.8:
            members = {account: rng.random() < 0.4 for account in rng.sample(self.people, rng.randint(2, 4))}
        if not any(members.values()):
            members[author] = True
        admins = [account for account, admin in members.items() if admin]
        plan = self.room.planned(author, list(members), admins=admins, after=epoch, link=rng.random() < 0.7)
        self.known.append(plan)
        return author, ROOMS, plan.body
