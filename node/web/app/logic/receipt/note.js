// The texts in a receipt: a log's key, a proof of inclusion and a signed checkpoint (C2SP signed-note, tlog-checkpoint,
// tlog-proof; docs/protocol.md, section 19). Only read here. Pure.

import { hex, same, sha256, unbase64, utf8 } from "../bytes.js";

const ED25519 = 1;
const MAGIC = "c2sp.org/tlog-proof@v1";
const MAX_NOTE = 65_536;
const MAX_SIGNATURES = 64;
const MAX_PATH = 64;

const NO_KEY = "not a log's key: it should look like NAME+8 HEXADECIMAL DIGITS+BASE64";
const isName = (name) => name !== "" && !/[\s+]/u.test(name);

/** `{ name, id, key }` of a key's text; throws an `Error` if it is none. */
export async function readLogKey(words) {
  const [name, id, ...rest] = words.split("+");
  const bytes = rest.length > 0 ? unbase64(rest.join("+")) : null;
  if (!bytes || bytes.length !== 33 || bytes[0] !== ED25519 || !isName(name)) throw new Error(NO_KEY);
  const expected = (await sha256(utf8(name), [10], bytes)).subarray(0, 4);
  if (hex(expected) !== id) throw new Error(NO_KEY);
  return { name, id: expected, key: bytes.subarray(1) };
}

/** A number as it must be written: without sign and leading zeros, below 2^64; else null. */
function canonical(words) {
  if (!/^(?:0|[1-9]\d{0,19})$/.test(words ?? "")) return null;
  const number = BigInt(words);
  return number >> 64n ? null : number;
}

const hash = (line) => {
  const bytes = unbase64(line);
  return bytes?.length === 32 ? bytes : null;
};

/** `{ index, path, note }` of a proof's text; throws an `Error` if it is none. */
export function readProof(words) {
  const form = new Error("it does not have the form of a tlog-proof");
  const end = words.indexOf("\n\n");
  if (end < 0) throw form;
  const [lines, note] = [words.slice(0, end).split("\n"), words.slice(end + 2)];
  if (lines.shift() !== MAGIC || utf8(note).length > MAX_NOTE) throw form;
  if (lines[0]?.startsWith("extra ")) lines.shift();
  const place = lines.shift();
  const index = place?.startsWith("index ") ? canonical(place.slice("index ".length)) : null;
  const path = lines.map(hash);
  if (index === null || path.length > MAX_PATH || path.includes(null)) throw form;
  return { index, path, note };
}

/** The text of a note, with its last line feed, and the signatures by this key; throws an `Error` if there are none. */
export function readNote(note, key) {
  const form = new Error("it does not have the form of a signed note");
  const end = note.lastIndexOf("\n\n");
  if (end < 0 || /[\u0000-\u0009\u000b-\u001f]/.test(note) || !note.endsWith("\n") || utf8(note).length > MAX_NOTE) throw form;
  const lines = note.slice(end + 2, -1).split("\n");
  const signatures = lines.map(signatureLine);
  if (lines.length > MAX_SIGNATURES || signatures.includes(null)) throw form;
  const ours = signatures.filter((line) => line.name === key.name && same(line.id, key.id));
  if (ours.length === 0) throw new Error(`it carries no signature by the key ${key.name}`);
  return { text: note.slice(0, end + 1), signatures: ours.map((line) => line.signature) };
}

function signatureLine(line) {
  const found = /^\u2014 ([^ ]*) (.*)$/u.exec(line);
  const bytes = found && isName(found[1]) ? unbase64(found[2]) : null;
  return bytes && bytes.length >= 4 ? { name: found[1], id: bytes.subarray(0, 4), signature: bytes.subarray(4) } : null;
}

/** `{ size, root }` of a checkpoint's text by this key; throws an `Error` if it is none. */
export function readCheckpoint(words, key) {
  const wrong = (why) => new Error(`its text is no checkpoint: ${why}`);
  const [origin, size, root] = words.split("\n");
  if (!origin || !size || !root) throw wrong("it has fewer than three lines");
  const number = canonical(size);
  if (number === null) throw wrong(/^\d+$/.test(size) ? "its size is not written as it should be" : "its size is no number");
  const bytes = hash(root);
  if (!bytes) throw wrong("its root is no hash");
  if (origin !== key.name) throw wrong("it speaks of another log than its signer's");
  return { size: number, root: bytes };
}
