// Addresses: BIP 350's own strings, and those of docs/protocol.md.

import assert from "node:assert/strict";
import { test } from "node:test";

import { LENGTH, address, checkAddress, decode, encode } from "../app/logic/bech32m.js";
import { hex, unhex } from "../app/logic/bytes.js";
import { addressBytes } from "../app/logic/header.js";
import { understood } from "../app/logic/search.js";
import { digits, example } from "./vectors.mjs";

test("BIP 350: valid strings are read and written back", () => {
  for (const text of [
    "A1LQFN3A", "a1lqfn3a",
    "an83characterlonghumanreadablepartthatcontainsthetheexcludedcharactersbioandnumber11sg7hg6",
    "abcdef1l7aum6echk45nj3s0wdvt2fg8x9yrzpqzd3ryx",
    "11llllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllludsr8",
    "split1checkupstagehandshakeupstreamerranterredcaperredlc445v", "?1v759aa",
  ]) {
    const decoded = decode(text);
    assert.ok(decoded, text);
    assert.equal(encode(decoded.prefix, decoded.values), text.toLowerCase());
  }
});

test("BIP 350: invalid strings are refused", () => {
  for (const text of [
    "\x201xj0phk", "\x7f1g6xzxy", "\x801vctc34",
    "an84characterslonghumanreadablepartthatcontainsthetheexcludedcharactersbioandnumber11d6pts4",
    "qyrz8wqd2c9m", "1qyrz8wqd2c9m", "y1b0jsk6g", "lt1igcx5c0", "in1muywd", "mm1crxm3i", "au1s5cgom", "M1VUXWEZ", "16plkw9", "1p2gdwpf",
  ]) assert.equal(decode(text), null, text);
});

test("a key has the address of the document, and the address the key", () => {
  const text = example("text address");
  assert.equal(address(unhex(digits("public key"))), text);
  assert.equal(text.length, LENGTH);
  assert.equal(hex(addressBytes(text)), digits("public key"));
  assert.deepEqual(checkAddress(` ${text.toUpperCase()} `), { state: "good", words: "The checksum is right.", address: text });
});

test("what is typed is judged at every character", () => {
  const text = example("text other address");
  assert.equal(checkAddress("").state, "empty");
  for (let length = 1; length < text.length; length += 1) assert.equal(checkAddress(text.slice(0, length)).state, "unfinished", String(length));
  for (let at = 3; at < text.length; at += 1) {
    const wrong = `${text.slice(0, at)}${text[at] === "q" ? "p" : "q"}${text.slice(at + 1)}`;
    assert.equal(checkAddress(wrong).state, "wrong", wrong);
  }
  for (const wrong of ["bc1", "nm2", "x", `${text}q`, "nm1b", `Nm${text.slice(2)}`, "nm1<script>"]) assert.equal(checkAddress(wrong).state, "wrong", wrong);
});

test("bits left over at the end must be zero", () => {
  const values = decode(example("text address")).values;
  assert.match(checkAddress(encode("nm", [...values.slice(0, -1), values.at(-1) | 1])).words, /left over/);
});

test("the search box knows heights, hashes and addresses", () => {
  assert.deepEqual(understood(" 1,024 "), { kind: "height", value: "1024" });
  assert.deepEqual(understood(example("text block 2 hash").toUpperCase()), { kind: "hash", value: example("text block 2 hash") });
  assert.equal(understood("1".repeat(64)).kind, "hash");
  assert.equal(understood(example("text address")).kind, "address");
  for (const nothing of ["", "4294967296", "00ff", "nm1qqq", "bread", "<b>"]) assert.equal(understood(nothing).kind, "nothing", nothing);
});
