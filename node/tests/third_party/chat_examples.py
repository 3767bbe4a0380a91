"""Computes the examples of sections 17 and 20 of docs/protocol.md anew: whatever is not random comes out the same, and
what was sealed opens."""

import json
import pathlib
import re

import chat_envelopes
import chat_keys
import keystore
import protocol
from check import check

DOCUMENT = pathlib.Path(__file__).resolve().parents[3] / "docs" / "protocol.md"
PASSWORD = "correct horse battery staple"
ANNA, BEN = keystore.Account(bytes(range(32))), keystore.Account(bytes([1]) * 32)


class Examples:
    """The document's blocks by what stands behind ```; those that were compared are counted."""

    def __init__(self):
        text = DOCUMENT.read_text(encoding="utf-8")
        self.blocks = dict(re.findall(r"^```(\w+ .+)\n((?:.*\n)*?)```$", text, re.MULTILINE))
        self.compared = set()

    def bytes(self, name):
        return bytes.fromhex("".join(line.split(";")[0] for line in self.blocks[f"hex {name}"].splitlines()))

    def text(self, name):
        return " ".join(self.blocks[f"text {name}"].split())

    def same(self, name, found):
        expected = self.text(name) if isinstance(found, str) else self.bytes(name)
        if found != expected:
            raise SystemExit(f"wrong: the example {name!r} is {expected!r}, and not {found!r}")
        self.compared.add(name)


def check_account(examples):
    file = examples.blocks["json account file"]
    account, email = keystore.opened(file, PASSWORD)
    parsed = json.loads(file)
    examples.same("account seed", account.seed)
    examples.same("account plaintext", account.seed + email.encode())
    examples.same("account signing key", account.signing.encode())
    examples.same("account exchange key", account.exchange.private_bytes_raw())
    examples.same("account public key", account.public)
    examples.same("account address", account.address)
    examples.same("account password key", keystore.password_key(parsed["kdf"], PASSWORD))
    examples.same("account associated data", keystore.associated_data(parsed, account.public))
    try:
        keystore.opened(file, PASSWORD + " ")
    except keystore.Locked:
        return
    raise SystemExit("wrong: another password opens Anna's file")


def check_chat(examples):
    genesis = bytes.fromhex(examples.text("genesis hash"))[::-1]
    examples.same("chat receiving key", ANNA.receiving)
    profile = examples.bytes("chat profile")
    examples.same("chat profile", chat_envelopes.profile_bytes(ANNA.receiving, "Anna"))
    examples.same("chat safety number", chat_envelopes.safety_number(*((a.public, a.receiving) for a in (BEN, ANNA))))
    expected = chat_envelopes.Profile(ANNA.receiving, "Anna")
    check(chat_envelopes.envelope(chat_envelopes.PROFILES, profile) == expected, "the profile")

    group = chat_envelopes.group_id(genesis, ANNA.public, bytes([2]) * 32)
    examples.same("chat group", group)
    body, key = examples.bytes("chat rotation"), bytes([7]) * 32
    epoch = chat_envelopes.epoch_id(genesis, ANNA.public, body)
    examples.same("chat epoch", epoch)
    rotation = chat_envelopes.envelope(chat_envelopes.ROOMS, body)
    examples.same("chat rotation", chat_envelopes.rotation_bytes(rotation))
    setting = rotation.setting(genesis)
    examples.same("chat setting", setting)
    examples.same("chat commit", chat_keys.commitment(key, setting))
    examples.same("chat seal info", chat_keys.seal_info(setting, BEN.public, BEN.receiving))
    for account in (ANNA, BEN):
        member = rotation.by_address()[account.public]
        check(member.receiving == account.receiving and member.admin == (account == ANNA), "a member")
        check(chat_keys.unsealed(account, member, setting, rotation.commitment) == key, "a seal")
    other = rotation.by_address()[BEN.public]
    check(chat_keys.unsealed(ANNA, other, setting, rotation.commitment) is None, "another's seal opens")
    check(chat_keys.room_name(key, setting, rotation.name) == "kitchen", "the room's name")
    check(chat_keys.name_box(key, setting, rotation.name[:24], "kitchen") == rotation.name, "the name's ciphertext")

    later = genesis + group + protocol.optional(epoch)
    link = examples.bytes("chat link")
    check(chat_keys.linked(bytes([8]) * 32, later, link) == key, "the link")
    examples.same("chat link", chat_keys.link_box(bytes([8]) * 32, later, link[:24], key))
    check_message(examples, genesis, group, epoch, key, setting)


def check_message(examples, genesis, group, epoch, key, setting):
    examples.same("chat message key", chat_keys.message_key(key, setting))
    body = examples.bytes("chat message")
    message = chat_envelopes.envelope(chat_envelopes.MESSAGES + group.hex(), body)
    examples.same("chat message", chat_envelopes.message_bytes(epoch, message.nonce, message.ciphertext))
    associated = chat_keys.message_associated(genesis, group, epoch, BEN.public)
    box = message.nonce + message.ciphertext
    said = chat_keys.plaintext(chat_keys.unboxed(chat_keys.message_key(key, setting), box, associated))
    examples.same("chat text", said.bytes())
    check((said.text, said.reply_to, said.time) == ("Coffee?", None, 1_767_225_700_000), "the message")
    examples.same("chat message id", chat_envelopes.message_id(group, BEN.public, said.tag))


def recomputed():
    """How many examples came out the same."""
    examples = Examples()
    check_account(examples)
    check_chat(examples)
    missed = {name for name in examples.blocks if name.startswith(("hex chat ", "text chat "))}
    missed -= {f"{kind} {name}" for kind in ("hex", "text") for name in examples.compared}
    check(not missed, f"not compared: {missed}")
    return len(examples.compared)


if __name__ == "__main__":
    print(f"agreed on {recomputed()} examples")
