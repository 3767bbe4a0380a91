"""Takes part in a network by docs/protocol.md alone, with PyNaCl for signatures and pymerkle for the log.

Usage: check.py HOST:PORT SPEC.json, with the node of a new network whose targets are easy. Ends with 0 when the
node and these programs agree in everything.
"""

import base64
import hashlib
import http.client
import json
import sys
import time

import nacl.exceptions
import nacl.signing
import pymerkle

import protocol

DEPTH = 6
BLOCKS = (1, 2, 3, 5, 9)  # Transactions of the blocks that the log is filled with.


class Node:
    def __init__(self, host):
        self.connection = http.client.HTTPConnection(host, timeout=60)

    def ask(self, method, path, body=None):
        headers = {"content-type": "application/json"} if body else {}
        self.connection.request(method, path, json.dumps(body) if body else None, headers)
        answer = self.connection.getresponse()
        return answer.status, answer.read().decode()

    def get(self, path):
        status, text = self.ask("GET", path)
        check(status == 200, f"GET {path}: {status} {text}")
        return json.loads(text)

    def mine(self):
        status, text = self.ask("POST", "/mine")
        check(status == 201, f"/mine: {status} {text}")


class Wallet:
    """An account that signs with PyNaCl and sends through a node."""

    def __init__(self, node, genesis, seed):
        self.node, self.genesis, self.nonce = node, genesis, 0
        self.key = nacl.signing.SigningKey(seed)
        self.public = self.key.verify_key.encode()
        self.address = protocol.address(self.public)

    def send(self, payload, payload_json, genesis=None):
        """Status and text of the node's answer, and the transaction's bytes."""
        fee, moment = 1, int(time.time() * 1000)
        transaction = protocol.signed_transaction(
            self.key, genesis or self.genesis, self.nonce, fee, moment, payload
        )
        body = {"version": 1, "sender": self.address, "nonce": self.nonce, "fee": fee, "time": moment}
        body |= {"payload": payload_json, "signature": transaction[-64:].hex()}
        return *self.node.ask("POST", "/transactions", body), transaction

    def pay(self, to, amount, genesis=None):
        payload_json = {"transfer": {"to": to.address, "amount": amount}}
        return self.send(protocol.transfer(to.public, amount), payload_json, genesis)

    def file(self, topic, body):
        return self.send(protocol.data(topic, body), {"data": {"topic": topic, "body": body.hex()}})


def check(condition, what):
    if not condition:
        raise SystemExit(f"wrong: {what}")


def mine_first_block(node, spec, genesis, wallet):
    """Brings a block of one's own, whose reward is the wallet's."""
    log_root = protocol.sha256(b"")
    coinbase = protocol.coinbase(1, wallet.public, spec["subsidy"], 0, log_root)
    moment, bits = int(time.time()), int(spec["start_bits"], 16)
    nonce, header = protocol.proven(genesis, coinbase, moment, bits)
    block = {
        "header": {
            "version": 1,
            "previous": protocol.shown(genesis),
            "coinbase_hash": protocol.shown(protocol.sha256d(coinbase)),
            "time": moment,
            "bits": spec["start_bits"],
            "nonce": nonce,
        },
        "coinbase": {
            "height": 1,
            "miner": wallet.address,
            "reward": spec["subsidy"],
            "log_size": 0,
            "log_root": log_root.hex(),
        },
        "transactions": [],
    }
    status, text = node.ask("POST", "/block/new", block)
    check(status == 201, f"/block/new: {status} {text}")
    check(node.get("/blocks/1")["hash"] == protocol.shown(protocol.sha256d(header)), "the block's hash")
    check(node.get(f"/accounts/{wallet.address}")["balance"] == spec["subsidy"], "the reward")


def pay(node, wallet, other):
    """A payment signed here is taken and confirmed; one signed for another network is refused."""
    status, text, _ = wallet.pay(other, 5, genesis=bytes(32))
    check(status == 422 and "signature" in text, f"a payment for another network: {status} {text}")
    status, text, transaction = wallet.pay(other, 5)
    transaction_id = protocol.transaction_id(transaction).hex()
    check(status == 202 and json.loads(text)["id"] == transaction_id, f"a payment: {status} {text}")
    wallet.nonce += 1
    check(node.get(f"/transactions/{transaction_id}")["status"] == "pending", "it waits")
    node.mine()
    check(node.get(f"/transactions/{transaction_id}")["status"] == "confirmed", "it is confirmed")
    check(node.get(f"/accounts/{other.address}")["balance"] == 5, "it has arrived")
    return transaction


def fill(node, wallet, other):
    """Payments and records in several blocks, in the order of the log."""
    entries = []
    commitment = hashlib.sha256(bytes(range(32)) + b"a private bill").digest()
    for count in BLOCKS:
        for number in range(count):
            if number % 3 == 0:
                status, text, entry = wallet.pay(other, 1 + number)
            elif number % 3 == 1:
                status, text, entry = wallet.file("till", protocol.record(json.dumps({"sold": number})))
            else:
                corrected = protocol.transaction_id(entries[-1])
                status, text, entry = wallet.file("till", protocol.private_record(commitment, corrected))
            check(status == 202, f"{status} {text}")
            wallet.nonce += 1
            entries.append(entry)
        node.mine()
    return entries


def hashes(texts):
    return [bytes.fromhex(text) for text in texts]


def audit(node, entries):
    """All proofs that the node gives about its log are pymerkle's; pymerkle counts leaves from 1."""
    tree = pymerkle.InmemoryTree(algorithm="sha256")
    for entry in entries:
        tree.append_entry(entry)
    for size in range(1, len(entries) + 1):
        root = tree.get_root(size)
        for index in range(size):
            check_inclusion(node, tree, index, size, root)
        for smaller in range(1, size + 1):
            check_consistency(node, tree, smaller, size)


def check_inclusion(node, tree, index, size, root):
    given = node.get(f"/log/inclusion?index={index}&size={size}")
    leaf, path = bytes.fromhex(given["leaf"]), hashes(given["path"])
    check((given["root"], leaf) == (root.hex(), tree.get_leaf(index + 1)), f"leaf {index} of {size}")
    proof = tree.prove_inclusion(index + 1, size)
    check(proof.path == [leaf] + path, f"path {index} of {size}")
    # The node's path in pymerkle's verifier, and then a changed one.
    proof.path = [leaf] + path
    pymerkle.verify_inclusion(leaf, root, proof, index=index + 1, size=size)
    proof.path[-1] = bytes(32)
    check(not holds(pymerkle.verify_inclusion, leaf, root, proof), "a changed path holds")


def check_consistency(node, tree, smaller, size):
    given = node.get(f"/log/consistency?from={smaller}&to={size}")
    path, old, new = hashes(given["proof"]), tree.get_root(smaller), tree.get_root(size)
    check((given["from_root"], given["to_root"]) == (old.hex(), new.hex()), f"roots {smaller} and {size}")
    proof = tree.prove_consistency(smaller, size)
    pymerkle.verify_consistency(old, new, proof, prior_size=smaller, later_size=size)
    check(path == as_in_the_rfc(proof, old, tree.hash_pair), f"consistency {smaller} to {size}")


def as_in_the_rfc(proof, old, hash_pair):
    """Where pymerkle comes from the first new leaf, RFC 9162 has one hash over the subtree that it begins; the old
    part next to it comes first, unless it is all of the old log, which the verifier has."""
    if proof.prior_size == proof.size:
        return []
    old_part = proof.subset.index(1)
    beside, *siblings = proof.path[:old_part]
    for sibling in siblings:
        beside = hash_pair(beside, sibling)
    first = [] if proof.path[old_part] == old else [proof.path[old_part]]
    return first + [beside] + proof.path[old_part + 1 :]


def holds(verify, *arguments):
    try:
        verify(*arguments)
    except pymerkle.InvalidProof:
        return False
    return True


def check_receipt(node, spec, genesis, transaction, log_key):
    """Goes through a receipt by hand; the numbers are the steps of the protocol's section on receipts."""
    receipt = node.get(f"/transactions/{protocol.transaction_id(transaction).hex()}/receipt")
    check(receipt["receipt"] == 1 and receipt["network"] == spec and receipt["log_key"] == log_key, "step 1")
    check(bytes.fromhex(receipt["transaction"]) == transaction, "the transaction's bytes")
    sender = nacl.signing.VerifyKey(transaction[1:33])
    sender.verify(protocol.TRANSACTION_DOMAIN + genesis + transaction[:-64], transaction[-64:])  # Step 2.
    proof, note = receipt["proof"].split("\n\n", 1)
    magic, index, *path = proof.split("\n")
    check(magic == "c2sp.org/tlog-proof@v1", "step 3")
    size, root = open_checkpoint(note, log_key)  # Step 3.
    path = [base64.b64decode(line) for line in path]
    leaf = protocol.transaction_id(transaction)
    found = protocol.root_from_inclusion(leaf, int(index.removeprefix("index ")), size, path)
    check(found == root, "step 4")
    coinbase = bytes.fromhex(receipt["coinbase"])
    headers = hashes(receipt["headers"])
    check(coinbase[44:52] == protocol.integer(size, 8) and coinbase[52:84] == root, "step 5: the log")
    check(headers[0][36:68] == protocol.sha256d(coinbase), "step 5: the block")
    check(len(headers) == 1 + DEPTH, "step 6: six blocks on top")
    for below, header in zip([None] + headers, headers):
        check(below is None or header[4:36] == protocol.sha256d(below), "step 6: the links")
        check(protocol.meets(protocol.sha256d(header), int.from_bytes(header[72:76], "little")), "step 6: the work")


def open_checkpoint(note, log_key):
    """Size and root of a checkpoint that the key signed."""
    name, key_id, key = log_key.split("+", 2)
    key = base64.b64decode(key)
    check(protocol.sha256(name.encode() + b"\n" + key)[:4].hex() == key_id and key[0] == 1, "the log's key")
    text, signature = note.rsplit("\n\n", 1)
    text += "\n"
    dash, signer, signature = signature.removesuffix("\n").split(" ")
    signature = base64.b64decode(signature)
    check((dash, signer, signature[:4].hex()) == ("\u2014", name, key_id), "who signed")
    nacl.signing.VerifyKey(key[1:]).verify(text.encode(), signature[4:])
    origin, size, root, _ = text.split("\n")
    check(origin == name, "the checkpoint's origin")
    return int(size), base64.b64decode(root)


def main(host, spec_file):
    node = Node(host)
    with open(spec_file, encoding="utf-8") as file:
        spec = json.load(file)
    genesis = protocol.sha256d(protocol.genesis_header(spec))
    check(node.get("/blocks/0")["hash"] == protocol.shown(genesis), "the genesis block")
    wallet, other = (Wallet(node, genesis, bytes([seed]) * 32) for seed in (7, 8))
    mine_first_block(node, spec, genesis, wallet)
    payment = pay(node, wallet, other)
    entries = [payment] + fill(node, wallet, other)
    audit(node, entries)
    for _ in range(DEPTH):
        node.mine()
    log_key = node.get("/log")["key"]
    status, note = node.ask("GET", "/log/checkpoint")
    check(status == 200, f"/log/checkpoint: {note}")
    tree = pymerkle.InmemoryTree.init_from_entries(entries)
    check(open_checkpoint(note, log_key) == (len(entries), tree.get_root()), "what the node signed")
    for transaction in (payment, entries[7], entries[-1]):
        check_receipt(node, spec, genesis, transaction, log_key)
    print(f"agreed on {len(entries)} transactions, all their proofs, a checkpoint and 3 receipts")


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except (nacl.exceptions.BadSignatureError, pymerkle.InvalidProof) as error:
        raise SystemExit(f"wrong: {error!r}") from error
