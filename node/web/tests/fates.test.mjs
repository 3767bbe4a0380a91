// Fates of transactions, amounts, records and words.

import assert from "node:assert/strict";
import { test } from "node:test";

import { coins, fromCoins, fromUnits, inWords as amountInWords } from "../app/logic/amount.js";
import { unhex } from "../app/logic/bytes.js";
import { exactMembers, survives } from "../app/logic/exact.js";
import { Fates, inWords, merged } from "../app/logic/fates.js";
import { fromRows, legible, readBody, readFiled } from "../app/logic/record.js";
import { visible } from "../app/logic/visible.js";
import { chosen, isWord, split } from "../app/logic/words.js";
import { digits } from "./vectors.mjs";

test("pending, confirmed, retracted, pending again", () => {
  const fates = new Fates();
  const seen = [];
  for (const event of [
    { event: "pooled", id: "a", returned: false }, { event: "confirmed", id: "a", block: "x", height: 4 }, { event: "confirmed", id: "b", block: "y", height: 5 },
    { event: "disconnected", hash: "x", height: 4 }, { event: "pooled", id: "a", returned: true }, { event: "dropped", id: "a", reason: "spent" },
  ]) {
    assert.notEqual(fates.take(event), null);
    seen.push(inWords(fates.of("a"), 6).words);
  }
  assert.deepEqual(seen, ["pending", "confirmed (3)", "confirmed (3)", "retracted", "pending again", "dropped"]);
  assert.equal(fates.of("b").state, "confirmed");
  assert.equal(fates.take({ event: "restarted" }), null);
  assert.equal(fates.of("b"), undefined);
});

test("a history keeps what was retracted until it is there again", () => {
  const fates = new Fates();
  fates.take({ event: "confirmed", id: "a", block: "x", height: 4 });
  const remembered = new Map([["a", { id: "a" }]]);
  assert.deepEqual(merged([{ id: "a" }], [], remembered, fates).map((row) => row.id), ["a"]);
  fates.take({ event: "disconnected", hash: "x" });
  assert.deepEqual(merged([{ id: "c" }], [{ id: "b" }], remembered, fates).map((row) => row.id), ["b", "a", "c"]);
  fates.take({ event: "pooled", id: "a", returned: true });
  assert.deepEqual(merged([{ id: "c" }], [{ id: "a" }, { id: "b" }], remembered, fates).map((row) => row.id), ["b", "a", "c"]);
});

test("amounts are exact", () => {
  for (const [typed, units] of [["1", 1_000_000], ["1.5", 1_500_000], [".000001", 1], ["9007199254.740991", Number.MAX_SAFE_INTEGER], ["2.5000000", 2_500_000]]) {
    assert.deepEqual(fromCoins(typed), { units }, typed);
  }
  for (const wrong of ["", "0", "0.0000001", "-1", "1e3", "1,5", "9007199254.740992", "one", "."]) assert.ok("wrong" in fromCoins(wrong), wrong);
  assert.deepEqual([coins(1_000_000), coins(1_234_500_000), coins(1)], ["1 coin", "1,234.5 coins", "0.000001 coins"]);
  assert.deepEqual([amountInWords(1_500_000), amountInWords(1)], ["1.5 coins (1500000 units)", "0.000001 coins (1 unit)"]);
  assert.deepEqual([fromUnits(""), fromUnits("7")], [{ units: null }, { units: 7 }]);
  assert.ok("wrong" in fromUnits("-7") && "wrong" in fromUnits("9007199254740992"));
});

test("bodies are read as the document writes them", () => {
  assert.deepEqual(readBody(unhex(digits("record"))), { kind: "record", json: '{"sold":"3 loaves"}', corrects: null });
  const hash = "c1478e72bb842c08604c74b78c66ca2ff3e6160ad32297a8d4c92244513dea68";
  const corrects = "8ca2ca24e4e6b9fe3cfdd3ba205eea1258dfbc06f391a586d6b9b070a4eef8b8";
  assert.deepEqual(readBody(unhex(digits("private record"))), { kind: "commitment", hash, corrects });
  for (const other of ["", "68656c6c6f", "6e6d7231", `${digits("record")}00`, digits("record").slice(0, -2)]) {
    assert.deepEqual(readBody(unhex(other)), { kind: "data", data: other });
  }
  assert.deepEqual(readFiled({ record: { a: 1 } }, '{"a":1}'), { kind: "record", json: '{"a":1}', corrects: null });
  assert.equal(legible("68656c6c6f"), "hello");
  assert.equal(legible("00ff"), null);
});

test("rows make JSON in which numbers stay numbers", () => {
  assert.equal(fromRows([{ name: "sold", value: "3 loaves" }, { name: "for", value: "450" }, { name: "", value: "" }]), '{"sold": "3 loaves", "for": 450}');
  assert.equal(fromRows([{ name: 'a"b', value: "007" }]), '{"a\\"b": "007"}');
  for (const wrong of [[], [{ name: "", value: "x" }], [{ name: "a", value: "1" }, { name: "a", value: "2" }]]) assert.throws(() => fromRows(wrong));
});

test("what cannot be seen is shown", () => {
  assert.equal(visible("\u202etxt.exe"), "⟨202E⟩txt.exe");
  assert.equal(visible("a\u0000b\u200bc\u0085"), "a⟨0000⟩b⟨200B⟩c⟨0085⟩");
  for (const plain of ["tab\tand\nline", "<b>bread</b>", "ʻōlelo", "नमस्ते", "\u{1f468}\u200d\u{1f469}", "مرحبا"]) assert.equal(visible(plain), plain);
});

test("words are asked for at different places", () => {
  let next = 0;
  const places = chosen(24, 4, () => [0.99, 0, 0.5, 0.5][next++]);
  assert.equal(new Set(places).size, 4);
  assert.deepEqual(places, places.toSorted((one, other) => one - other));
  assert.ok(isWord(" Abandon ", "abandon") && !isWord("abando", "abandon"));
  assert.deepEqual(split("  Amount\n liar  "), ["amount", "liar"]);
});

test("records are found to the letter", () => {
  const page = '{"records":[{"id":"a","record": {"n": 12345678901234567890, "record": [1, {"x": "}]\\""}]} ,"z":1},{"id":"record","data":"00"},{"record":1.50},{"record":"a, b"}],"next":"1.0"}';
  assert.deepEqual(exactMembers(page, "record"), ['{"n": 12345678901234567890, "record": [1, {"x": "}]\\""}]}', null, "1.50", '"a, b"']);
  assert.deepEqual(exactMembers('{"records":[]}', "record"), []);
  assert.ok(survives('{"a": [1, "b c"] }') && survives('"a  b"'));
  for (const changed of ["1.50", "12345678901234567890", '{"2":1,"1":2}', '{"a":1,"a":1}']) assert.ok(!survives(changed), changed);
});
