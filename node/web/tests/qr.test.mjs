// QR codes: codewords and format of published examples, and what every code must look like.

import assert from "node:assert/strict";
import { test } from "node:test";

import { correction, dataCodewords, format, qr } from "../app/logic/qr.js";
import { example } from "./vectors.mjs";

test("HELLO WORLD as version 1-M has the codewords that tutorials give", () => {
  const { version, words } = dataCodewords("HELLO WORLD");
  assert.equal(version, 1);
  assert.deepEqual(words, [32, 91, 11, 120, 209, 114, 220, 77, 67, 64, 236, 17, 236, 17, 236, 17]);
  assert.deepEqual(correction(words, 10), [196, 35, 39, 119, 235, 215, 231, 226, 93, 23]);
});

test("the format bits of level M are those of ISO/IEC 18004, table C.1", () => {
  const published = ["101010000010010", "101000100100101", "101111001111100", "101101101001011", "100010111111001", "100000011001110", "100111110010111", "100101010100000"];
  assert.deepEqual(published.map((_, mask) => format(mask).toString(2).padStart(15, "0")), published);
});

test("an address in capitals takes version 3, with finders, timing and alignment in place", () => {
  const code = qr(example("text address").toUpperCase());
  assert.equal(code.length, 29);
  const drawn = (top, left, size) => code.slice(top, top + size).map((row) => row.slice(left, left + size).map((dark) => (dark ? "#" : ".")).join(""));
  const finder = ["#######", "#.....#", "#.###.#", "#.###.#", "#.###.#", "#.....#", "#######"];
  for (const [top, left] of [[0, 0], [0, 22], [22, 0]]) assert.deepEqual(drawn(top, left, 7), finder);
  assert.deepEqual(drawn(20, 20, 5), ["#####", "#...#", "#.#.#", "#...#", "#####"]);
  for (let at = 8; at < 21; at += 1) assert.deepEqual([code[6][at], code[at][6]], [at % 2 === 0, at % 2 === 0]);
  assert.equal(code[21][8], true);
});

test("both copies of the format agree, and texts too long are refused", () => {
  const code = qr("nm1 in small letters");
  const size = code.length;
  const one = [0, 1, 2, 3, 4, 5, 7, 8].map((row) => code[row][8]);
  assert.deepEqual(one, one.map((_, at) => code[8][size - 1 - at]));
  assert.throws(() => qr("x".repeat(107)));
  assert.equal(qr("x".repeat(106)).length, 41);
});
