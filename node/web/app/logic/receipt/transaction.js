// A transaction's and a coinbase's exact bytes, decoded, and what of a transaction can be checked without a chain
// (docs/protocol.md, sections 4, 6 and 13). Pure.

import { address } from "../bech32m.js";
import { Reader, hex, joined, text, utf8 } from "../bytes.js";
import { MOST } from "../amount.js";

const DOMAIN = utf8("networkmngr transaction 1\n");
const SIGNATURE = 64;
const MAX_BODY = 32_768;
const MAX_TOPIC = 64;

/** The transaction of these bytes; throws an `Error` with words if they make none. `nonce` and `time` are BigInt. */
export function decodeTransaction(bytes) {
  const reader = new Reader(bytes);
  const version = reader.small(1);
  const key = reader.take(32);
  const transaction = { version, key, sender: address(key), nonce: reader.number(8), fee: reader.amount(), time: reader.number(8) };
  const tag = reader.small(1);
  if (tag === 0) transaction.transfer = { to: address(reader.take(32)), amount: reader.amount() };
  else if (tag === 1) transaction.data = { topic: topic(reader), body: reader.counted() };
  else throw new Error("they hold a payload of an unknown kind");
  transaction.signature = reader.take(SIGNATURE);
  reader.end();
  return transaction;
}

function topic(reader) {
  const bytes = reader.counted();
  const words = text(bytes);
  if (words === null) throw new Error("the topic is no text");
  if (bytes.length < 1 || bytes.length > MAX_TOPIC) throw new Error(`a topic takes 1 to ${MAX_TOPIC} bytes, this one has ${bytes.length}`);
  return words;
}

/** Why the fields of a transaction are wrong whatever the chain; null if they are right. */
export function wrongField({ version, fee, time, transfer, data }) {
  if (version !== 1) return `transaction version ${version} is not known; this network takes version 1`;
  if (time > BigInt(MOST)) return `the author's time ${time} is beyond ${MOST} milliseconds`;
  if (transfer?.amount === 0) return "a transfer must move more than nothing";
  if (data && data.body.length > MAX_BODY) return `the data has ${data.body.length} bytes; at most ${MAX_BODY} are allowed`;
  if (transfer && BigInt(fee) + BigInt(transfer.amount) > BigInt(MOST)) return "amount and fee together are more than can exist";
  return null;
}

/** What the signature covers: domain, genesis hash, and all bytes before the signature. */
export const signedBytes = (bytes, genesis) => joined(DOMAIN, genesis, bytes.subarray(0, bytes.length - SIGNATURE));

/** The coinbase of these bytes; throws an `Error` with words if they make none. `logSize` is BigInt. */
export function decodeCoinbase(bytes) {
  const reader = new Reader(bytes);
  const coinbase = {
    height: reader.small(4), miner: address(reader.take(32)), reward: reader.amount(), logSize: reader.number(8),
    logRoot: reader.take(32), extra: hex(reader.counted()),
  };
  reader.end();
  return coinbase;
}
