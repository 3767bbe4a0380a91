// What a data transaction's body says: a record, or other data (docs/protocol.md, section 18). Pure.

import { Reader, hex, text, unhex, utf8, same } from "./bytes.js";

const MAGIC = utf8("nmr1");

/**
 * What the bytes of a body are: `{ kind: "record", json, corrects }`, `{ kind: "commitment", hash, corrects }` or
 * `{ kind: "data", data }`, with `data` in hexadecimal; `corrects` is an id or null, `json` the author's own text.
 */
export function readBody(bytes) {
  const other = { kind: "data", data: hex(bytes) };
  if (bytes.length < MAGIC.length || !same(bytes.subarray(0, MAGIC.length), MAGIC)) return other;
  try {
    const reader = new Reader(bytes.subarray(MAGIC.length));
    const corrects = option(reader) ? hex(reader.take(32)) : null;
    const tag = reader.small(1);
    if (tag === 1) {
      const hash = hex(reader.take(32));
      reader.end();
      return { kind: "commitment", hash, corrects };
    }
    const json = tag === 0 ? text(reader.counted()) : null;
    reader.end();
    if (json === null) return other;
    JSON.parse(json);
    return { kind: "record", json, corrects };
  } catch {
    return other;
  }
}

function option(reader) {
  const tag = reader.small(1);
  if (tag > 1) throw new Error("no such tag");
  return tag === 1;
}

/** The same from a transaction's payload in JSON; null for a payment. */
export const readPayload = (payload) => (payload.data ? readBody(unhex(payload.data.body)) : null);

/** The same from an entry of `/records`, and the exact text of the record in it. */
export function readFiled(filed, json) {
  const corrects = filed.corrects ?? null;
  if ("record" in filed) return { kind: "record", json, corrects };
  if ("commitment" in filed) return { kind: "commitment", hash: filed.commitment, corrects };
  return { kind: "data", data: filed.data };
}

/** Data as text, if that is what it looks like; else null. */
export function legible(data) {
  const found = text(unhex(data));
  return found !== null && found !== "" && !/[\u0000-\u0008\u000b-\u001f\u007f\ufffe\uffff]/.test(found) ? found : null;
}

/**
 * JSON text of an object from rows of name and value. A value that is itself a JSON number, `true`, `false` or `null` stays
 * one; everything else is text. Throws an `Error` where a name is missing or given twice.
 */
export function fromRows(rows) {
  const names = new Set();
  const members = [];
  for (const { name, value } of rows) {
    if (name === "" && value === "") continue;
    if (name === "") throw new Error(`“${value}” has no name.`);
    if (names.has(name)) throw new Error(`“${name}” is there twice.`);
    names.add(name);
    members.push(`${JSON.stringify(name)}: ${isPlain(value) ? value.trim() : JSON.stringify(value)}`);
  }
  if (members.length === 0) throw new Error("Fill in a row.");
  return `{${members.join(", ")}}`;
}

const isPlain = (value) => /^\s*(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)\s*$/.test(value);
