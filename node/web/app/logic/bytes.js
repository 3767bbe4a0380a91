// Bytes: as hexadecimal and base64, their hashes, and reading structures from them (docs/protocol.md, section 1). Pure.

/** Lower-case hexadecimal digits. */
export const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

/** The bytes of hexadecimal digits in either case; null if the text is none. */
export function unhex(text) {
  if (typeof text !== "string" || text.length % 2 !== 0 || !/^[0-9a-f]*$/i.test(text)) return null;
  return Uint8Array.from({ length: text.length / 2 }, (_, at) => parseInt(text.slice(2 * at, 2 * at + 2), 16));
}

/** As block and coinbase hashes are shown: bytes reversed, in hexadecimal. */
export const shown = (hash) => hex(Uint8Array.from(hash).reverse());

/** The bytes of standard base64 with its padding and nothing to spare; null if the text is none. */
export function unbase64(text) {
  if (typeof text !== "string" || !/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(text)) return null;
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  return base64(bytes) === text ? bytes : null;
}

/** Standard base64 with padding. */
export const base64 = (bytes) => btoa(String.fromCharCode(...bytes));

/** UTF-8. */
export const utf8 = (text) => new TextEncoder().encode(text);

/** Text of UTF-8; null if the bytes are none. */
export function text(bytes) {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}

/** One after the other. */
export function joined(...parts) {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** Whether both have the same bytes. */
export const same = (one, other) => one.length === other.length && one.every((byte, at) => byte === other[at]);

/** Bytes as a number, least significant byte first. */
export const little = (bytes) => BigInt(`0x0${hex(Uint8Array.from(bytes).reverse())}`);

/** A number in so many bytes, least significant byte first; negative ones in two's complement. */
export function littleBytes(number, size) {
  const bits = BigInt.asUintN(8 * size, BigInt(number));
  return Uint8Array.from({ length: size }, (_, at) => Number((bits >> BigInt(8 * at)) & 255n));
}

/** Bytes behind their count, as `bytes` and `text` are written. */
export const counted = (bytes) => joined(littleBytes(bytes.length, 4), bytes);

/** SHA-256 (FIPS 180-4) of the parts joined. Browsers lend it only to pages from localhost or over https. */
export async function sha256(...parts) {
  if (!globalThis.crypto?.subtle) {
    throw new Error("This browser hashes only on pages from localhost or over https. Open the node's page on its own machine, or use networkmngr verify.");
  }
  return new Uint8Array(await crypto.subtle.digest("SHA-256", joined(...parts)));
}

/** SHA-256 of the SHA-256. */
export const sha256d = async (...parts) => sha256(await sha256(...parts));

/** Reads a structure from bytes; every method throws an `Error` with words where they end too early. */
export class Reader {
  constructor(bytes) {
    this.bytes = bytes;
    this.at = 0;
  }

  /** The next so many bytes. */
  take(count) {
    if (this.at + count > this.bytes.length) throw new Error("they end too early");
    this.at += count;
    return this.bytes.subarray(this.at - count, this.at);
  }

  /** An unsigned number of so many bytes, as a BigInt. */
  number(size) {
    return little(this.take(size));
  }

  /** An unsigned number of at most 4 bytes. */
  small(size) {
    return Number(this.number(size));
  }

  /** An amount or a time: a u64 of at most 2^53 − 1. */
  amount() {
    const amount = this.number(8);
    if (amount > BigInt(Number.MAX_SAFE_INTEGER)) throw new Error("an amount is more than can exist");
    return Number(amount);
  }

  /** Bytes behind their count. */
  counted() {
    return this.take(this.small(4));
  }

  /** That nothing is left over. */
  end() {
    if (this.at !== this.bytes.length) throw new Error("there are bytes to spare");
  }
}
