// Receipts and headers: the document's own receipt, and every way to spoil it.

import assert from "node:assert/strict";
import { test } from "node:test";

import { base64, counted, hex, joined, littleBytes, sha256, sha256d, shown, unhex, utf8 } from "../app/logic/bytes.js";
import { coinbaseBytes, headerBytes, headerFields } from "../app/logic/header.js";
import { leafHash, nodeHash, verifyInclusion } from "../app/logic/merkle.js";
import { network as networkOf, specBytes } from "../app/logic/receipt/network.js";
import { readLogKey, readProof } from "../app/logic/receipt/note.js";
import { readReceipt } from "../app/logic/receipt/read.js";
import { date, effort, verdict } from "../app/logic/receipt/verdict.js";
import { signedBytes } from "../app/logic/receipt/transaction.js";
import { verify } from "../app/logic/receipt/verify.js";
import { compact, digits as targetDigits, target, work } from "../app/logic/work.js";
import { digits, example, json } from "./vectors.mjs";

const receipt = () => json("receipt");
const GENESIS = example("text genesis hash");

test("a block's JSON gives the header's bytes, field by field, and the coinbase's", async () => {
  const block = json("block 2 json");
  assert.equal(hex(headerBytes(block.header)), digits("block 2 header"));
  assert.equal(shown(await sha256d(headerBytes(block.header))), block.hash);
  assert.equal(hex(coinbaseBytes(block.coinbase)), digits("block 2 coinbase"));
  assert.deepEqual(headerFields(block.header).map(({ at, bytes }) => [at, bytes.length]), [[0, 4], [4, 32], [36, 32], [68, 4], [72, 4], [76, 4]]);
});

test("compact targets and their work are the document's", () => {
  for (const line of example("text compact").split("\n")) {
    const [bits, expected, expectedWork] = line.split(" ");
    assert.equal(targetDigits(target(parseInt(bits, 16))), expected);
    assert.equal(targetDigits(work(target(parseInt(bits, 16)))), expectedWork);
  }
  assert.equal(compact(0x80n), 0x02008000);
  for (const wrong of [0x04923456, 0xff123456, 0x01003456, 0x01803456]) assert.throws(() => target(wrong));
});

test("the genesis block follows from the spec", async () => {
  const spec = json("spec");
  assert.equal(hex(specBytes(spec)), digits("spec bytes"));
  assert.equal(shown((await networkOf(spec)).genesis), GENESIS);
  for (const [name, value] of [["name", ""], ["spacing", 0], ["half_life", 1_000_000_001], ["start_bits", "207fffff"], ["easiest_bits", "1f000fff"], ["max_block_bytes", 1]]) {
    await assert.rejects(networkOf({ ...spec, [name]: value }), new RegExp(name));
  }
});

test("proofs of inclusion: all leaves of small trees, and nothing else", async () => {
  const root = async (leaves) => {
    if (leaves.length === 1) return leaves[0];
    const left = 2 ** (Math.ceil(Math.log2(leaves.length)) - 1);
    return nodeHash(await root(leaves.slice(0, left)), await root(leaves.slice(left)));
  };
  const path = async (index, leaves) => {
    if (leaves.length === 1) return [];
    const left = 2 ** (Math.ceil(Math.log2(leaves.length)) - 1);
    return index < left ? [...await path(index, leaves.slice(0, left)), await root(leaves.slice(left))] : [...await path(index - left, leaves.slice(left)), await root(leaves.slice(0, left))];
  };
  const leaves = await Promise.all([0, 1, 2, 3, 4, 5, 6].map((byte) => leafHash([byte])));
  assert.deepEqual(leaves.slice(0, 3).map(hex), example("text three leaves").split("\n"));
  assert.equal(hex(await root(leaves.slice(0, 3))), example("text three root"));
  for (let size = 1; size <= leaves.length; size += 1) {
    const some = leaves.slice(0, size);
    for (let index = 0; index < size; index += 1) {
      const proof = await path(index, some);
      await verifyInclusion(some[index], BigInt(index), BigInt(size), proof, await root(some));
      await assert.rejects(verifyInclusion(some[index], BigInt(index), BigInt(size), [...proof, leaves[0]], await root(some)), /number of hashes/);
      await assert.rejects(verifyInclusion(await sha256(), BigInt(index), BigInt(size), proof, await root(some)), /root/);
    }
    await assert.rejects(verifyInclusion(leaves[0], BigInt(size), BigInt(size), [], await root(some)), /outside/);
  }
});

test("the document's receipt holds, step by step", async () => {
  const told = [];
  const report = await verify(readReceipt(JSON.stringify(receipt())), {}, (step) => told.push(step));
  assert.deepEqual(report.steps, told);
  assert.deepEqual(told.map((step) => step.outcome), ["good", "open", "good", "good", "open", "good", "good", "good"]);
  assert.equal(report.shows.id, example("text data id"));
  assert.equal(report.shows.block, example("text block 2 hash"));
  assert.match(told[2].sentence, /files 5 bytes under "notes"; transaction 2 of that account/);
  assert.equal(told[5].sentence, "Yes, as number 2 of 2.");
  assert.equal(told[7].sentence, "no block on top of it; whoever wanted to forge them all would need about 65537 hashes.");
  const said = verdict(report, receipt(), {});
  assert.ok(said.holds && said.words.includes("data that is no record") && said.left.length === 2);
});

test("what is known from elsewhere is compared", async () => {
  const { log_key: logKey } = receipt();
  const report = await verify(receipt(), { genesis: GENESIS, logKey });
  assert.ok(report.steps.every((step) => step.outcome === "good"));
  assert.deepEqual(verdict(report, receipt(), { genesis: GENESIS, logKey }).left, []);
  const last = async (wanted) => (await verify(receipt(), wanted)).steps.at(-1);
  assert.match((await last({ genesis: "0".repeat(64) })).sentence, /^No: that one's genesis block/);
  assert.match((await last({ logKey: "another" })).sentence, /^No: that one's key is another/);
  assert.match((await last({ opening: { salt: new Uint8Array(32), payload: utf8("x") } })).sentence, /no private record/);
});

test("any change is found at the step that it spoils", async () => {
  const flipped = (text, at) => `${text.slice(0, at)}${text[at] === "0" ? "1" : "0"}${text.slice(at + 1)}`;
  const spoil = [
    ["Which network is it of?", (it) => { it.network.spacing = 0; }],
    ["Is the transaction whole, and signed by its sender?", (it) => { it.network.name = "another"; }],
    ["Is the transaction whole, and signed by its sender?", (it) => { it.transaction = flipped(it.transaction, 150); }],
    ["Is the transaction whole, and signed by its sender?", (it) => { it.transaction += "00"; }],
    ["Did the node sign for the log?", (it) => { it.proof = it.proof.replace("\n2\ncEzX", "\n3\ncEzX"); }],
    ["Did the node sign for the log?", (it) => { it.log_key = it.log_key.replace("networkmngr", "networkmngR"); }],
    ["Did the node sign for the log?", (it) => { it.proof = it.proof.replace("@v1", "@v2"); }],
    ["Is the transaction in that log?", (it) => { it.proof = it.proof.replace("index 1", "index 0"); }],
    ["Does a block commit to that log?", (it) => { it.coinbase = flipped(it.coinbase, 0); }],
    ["Does a block commit to that log?", (it) => { it.headers = []; }],
    ["Does a block commit to that log?", (it) => { it.headers[0] = flipped(it.headers[0], 159); }],
    ["How much work lies on it?", (it) => { it.headers.push(it.headers[0]); }],
  ];
  for (const [question, change] of spoil) {
    const changed = receipt();
    change(changed);
    const report = await verify(changed);
    assert.equal(report.shows, null);
    assert.deepEqual([report.steps.at(-1).question, report.steps.at(-1).outcome], [question, "bad"], String(change));
    assert.equal(verdict(report, changed, {}).holds, false);
  }
});

test("files that are no receipt are named", () => {
  const said = (value) => {
    try {
      readReceipt(typeof value === "string" ? value : JSON.stringify(value));
    } catch (error) {
      return error.message;
    }
    return "it was read";
  };
  assert.match(said(""), /not JSON/);
  assert.match(said([]), /no receipt/);
  assert.match(said({ receipt: 2, news: true }), /version 2/);
  assert.match(said({ ...receipt(), more: 1 }), /too many/);
  assert.match(said({ ...receipt(), headers: ["00"] }), /headers/);
  assert.match(said({ ...receipt(), network: { ...receipt().network, spacing: 2.5 } }), /spacing/);
  assert.match(said(" ".repeat(1_048_577)), /more than/);
});

test("keys and proofs have one form only", async () => {
  const key = await readLogKey(example("text log key"));
  assert.equal(key.name, "networkmngr/f74f50dfd0ec5045/ed4928c628d1c2c6");
  for (const wrong of ["a+b", "", example("text log key").replace("Ae1J", "Ae1K")]) await assert.rejects(readLogKey(wrong));
  const proof = `${example("text log proof")}\n`;
  assert.equal(readProof(proof).index, 1n);
  assert.equal(readProof(proof.replace("index", "extra AAAA\nindex")).index, 1n);
  for (const wrong of ["", "c2sp.org/tlog-proof@v1\nindex 01\n\nnote", "c2sp.org/tlog-proof@v1\nindex 1\nAAAA\n\nnote", "c2sp.org/tlog-proof@v1\nindex 1", "c2sp.org/tlog-proof@v1\nindex 18446744073709551616\n\nn"]) {
    assert.throws(() => readProof(wrong), /form/, wrong);
  }
});

/** A receipt of a private record, made by keys of its own in a network in which every second hash is work enough. */
async function privateReceipt() {
  const [author, log] = await Promise.all([1, 2].map(() => crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"])));
  const publicKey = async (pair) => new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey));
  const sign = async (pair, message) => new Uint8Array(await crypto.subtle.sign("Ed25519", pair.privateKey, message));
  const network = { ...json("spec"), easiest_bits: "207fffff", start_bits: "207fffff" };
  const { genesis } = await networkOf(network);
  const unsigned = joined([1], await publicKey(author), littleBytes(0, 8), littleBytes(2, 8), littleBytes(5, 8), [1], counted(utf8("t")), counted(unhex(digits("private record"))));
  const transaction = joined(unsigned, await sign(author, signedBytes(joined(unsigned, new Uint8Array(64)), genesis)));
  const root = await leafHash(transaction);
  const key = await publicKey(log);
  const id = (await sha256(utf8("log"), [10, 1], key)).subarray(0, 4);
  const text = `log\n1\n${base64(root)}\n`;
  const note = `${text}\n\u2014 log ${base64(joined(id, await sign(log, utf8(text))))}\n`;
  const coinbase = joined(littleBytes(1, 4), await publicKey(log), littleBytes(3, 8), littleBytes(1, 8), root, counted([]));
  const begin = joined(littleBytes(1, 4), genesis, await sha256d(coinbase), littleBytes(6, 4), littleBytes(0x207fffff, 4));
  let header = null;
  for (let nonce = 0; !header || (await sha256d(header))[31] > 0x7e; nonce += 1) header = joined(begin, littleBytes(nonce, 4));
  return {
    receipt: 1, network, transaction: hex(transaction), proof: `c2sp.org/tlog-proof@v1\nindex 0\n\n${note}`,
    log_key: `log+${hex(id)}+${base64(joined([1], key))}`, coinbase: hex(coinbase), headers: [hex(header)],
  };
}

test("a private record's opening is compared", async () => {
  const made = readReceipt(JSON.stringify(await privateReceipt()));
  const salt = unhex("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
  const last = async (wanted) => (await verify(made, wanted)).steps.at(-1);
  assert.deepEqual(await last({}), { question: "Does it commit to that payload?", outcome: "open", sentence: "Not compared. Give the payload and the salt that its author gave you." });
  assert.equal((await last({ opening: { salt, payload: utf8("one bill") } })).sentence, "Yes, to these 8 bytes and no others.");
  for (const opening of [{ salt, payload: utf8("two bills") }, { salt: new Uint8Array(32), payload: utf8("one bill") }]) {
    assert.equal((await last({ opening })).outcome, "bad");
  }
  assert.match(verdict(await verify(made), made, {}).words, /a private record/);
});

test("the verdict's words", () => {
  assert.equal(effort(work(target(0x1f00ffff))), "less than a second");
  assert.equal(effort(work(target(0x1d00ffff))), "about 7 minutes");
  assert.equal(effort(work(target(0x1b00ffff))), "about 326 days");
  assert.equal(date(1_767_225_603_000n), "2026-01-01 00:00:03 UTC");
  assert.match(date(9_007_199_254_740_991n), /after 1970/);
});

test("a browser without Ed25519 says so, and does not say that the receipt holds", async (context) => {
  const lacking = Object.assign(new Error("unrecognised"), { name: "NotSupportedError" });
  context.mock.method(crypto.subtle, "importKey", () => Promise.reject(lacking));
  const report = await verify(receipt());
  assert.deepEqual(report.steps.filter((step) => step.outcome === "unchecked").map((step) => step.question), ["Is the transaction whole, and signed by its sender?", "Did the node sign for the log?"]);
  assert.match(report.steps[2].sentence, /networkmngr verify/);
  assert.equal(report.steps.at(-1).outcome, "good");
  const said = verdict(report, receipt(), {});
  assert.ok(!said.holds && said.words.includes("networkmngr verify"));
});
