// Verifying a receipt here, offline, in the steps and the order of `networkmngr verify` (docs/protocol.md, section 19): the
// first step that fails ends it. Asks nobody. Pure.

import { inWords } from "../amount.js";
import { hex, same, sha256, sha256d, shown, unhex, utf8 } from "../bytes.js";
import { leafHash, verifyInclusion } from "../merkle.js";
import { readBody } from "../record.js";
import { work } from "../work.js";
import { decodeHeader, network, provenHeader } from "./network.js";
import { readCheckpoint, readLogKey, readNote, readProof } from "./note.js";
import { holds } from "./signature.js";
import { decodeCoinbase, decodeTransaction, signedBytes, wrongField } from "./transaction.js";

const MAX_HEADERS = 2_000;
const MAX_EXTRA = 100;
const ELSEWHERE = "This browser cannot check Ed25519 signatures; networkmngr verify does.";

class Fails extends Error {}
const fail = (words) => {
  throw new Fails(words);
};
/** What `read` gives; what it cannot read fails the step with `words` of the reason. */
const reading = async (read, words) => {
  try {
    return await read();
  } catch (error) {
    return fail(words(error.message));
  }
};
const no = (why) => `No: ${why}.`;

/**
 * Goes through a receipt as `readReceipt` gives it. `wanted` has what is known from elsewhere, each may be missing: `genesis`
 * and `logKey` as text, `opening` (`{ salt, payload }`, bytes). `onStep` is told each step as it is done: `{ question,
 * outcome, sentence }` with the outcome `good`, `bad`, `open` (nothing to compare with) or `unchecked` (not here). Gives
 * `{ steps, shows }`, where `shows` is null if the receipt does not hold.
 */
export async function verify(receipt, wanted = {}, onStep = () => {}) {
  const steps = [];
  const told = (step) => {
    steps.push(step);
    onStep(step);
  };
  const take = async (question, answer) => {
    try {
      const { value, sentence, outcome = "good" } = await answer();
      told({ question, outcome, sentence });
      return value;
    } catch (error) {
      if (error instanceof Fails) told({ question, outcome: "bad", sentence: error.message });
      throw error;
    }
  };
  try {
    return { steps, shows: await walk(receipt, wanted, take) };
  } catch (error) {
    if (error instanceof Fails) return { steps, shows: null };
    throw error;
  }
}

async function walk(receipt, wanted, take) {
  const net = await take("Which network is it of?", () => whichNetwork(receipt));
  await take("Is that the network it should be of?", () => isWantedNetwork(net, wanted));
  const bytes = unhex(receipt.transaction);
  const transaction = await take("Is the transaction whole, and signed by its sender?", () => whole(bytes, net));
  const { proof, key, checkpoint } = await take("Did the node sign for the log?", () => signedLog(receipt));
  await take("Is that the node you trust?", () => isWantedLog(receipt.log_key, wanted));
  const id = await leafHash(bytes);
  await take("Is the transaction in that log?", () => inLog(id, proof, checkpoint));
  const { headers, coinbase } = await take("Does a block commit to that log?", () => committing(receipt, net, checkpoint));
  const { block, total } = await take("How much work lies on it?", () => workOn(headers, net));
  const record = transaction.data ? readBody(transaction.data.body) : null;
  if (record?.kind === "commitment" || wanted.opening) await take("Does it commit to that payload?", () => opens(record, wanted.opening));
  return {
    transaction, record, id: hex(id), genesis: shown(net.genesis), key, block, height: coinbase.height, time: headers[0].time,
    onTop: headers.length - 1, work: total,
  };
}

async function whichNetwork(receipt) {
  const value = await reading(() => network(receipt.network), (why) => `Its chain spec is wrong: ${why}.`);
  return { value, sentence: `${JSON.stringify(value.name)}, genesis block ${shown(value.genesis)}.` };
}

function isWantedNetwork(net, { genesis }) {
  if (!genesis) return { outcome: "open", sentence: "Not compared. Give the genesis hash you know to be sure." };
  if (genesis.toLowerCase() !== shown(net.genesis)) fail(`No: that one's genesis block is ${genesis.toLowerCase()}.`);
  return { sentence: "Yes, the genesis blocks are the same." };
}

async function whole(bytes, net) {
  const transaction = await reading(() => decodeTransaction(bytes), (why) => `No: its bytes make no transaction (${why}).`);
  const wrong = wrongField(transaction);
  if (wrong) fail(no(wrong));
  const signed = await holds(transaction.key, transaction.signature, signedBytes(bytes, net.genesis));
  if (signed === false) fail("No: the signature does not match: the transaction was changed, signed by another key, or signed for another network.");
  const about = `${transaction.sender} ${what(transaction)}; transaction ${transaction.nonce + 1n} of that account.`;
  return signed === null
    ? { value: transaction, outcome: "unchecked", sentence: `It is whole: ${about} ${ELSEWHERE}` }
    : { value: transaction, sentence: `Yes: ${about}` };
}

function what({ transfer, data }) {
  return transfer ? `pays ${inWords(transfer.amount)} to ${transfer.to}` : `files ${data.body.length} bytes under ${JSON.stringify(data.topic)}`;
}

async function signedLog(receipt) {
  const key = await reading(() => readLogKey(receipt.log_key), (why) => `The log's key is ${why}.`);
  const proof = await reading(() => readProof(receipt.proof), (why) => `The proof cannot be read: ${why}.`);
  const note = await reading(() => readNote(proof.note, key), no);
  let checked = true;
  for (const signature of note.signatures) {
    const signed = await holds(key.key, signature, utf8(note.text));
    if (signed === false) fail(`No: the signature of ${key.name} does not match: the text was changed, or signed by another key.`);
    if (signed === null) checked = false;
  }
  const checkpoint = await reading(() => readCheckpoint(note.text, key), no);
  const had = `the log ${key.name} had ${counted(checkpoint.size, "transaction")}.`;
  const value = { proof, key, checkpoint };
  return checked ? { value, sentence: `Yes: ${had}` } : { value, outcome: "unchecked", sentence: `It says that ${had} ${ELSEWHERE}` };
}

function isWantedLog(key, { logKey }) {
  if (!logKey) return { outcome: "open", sentence: "Not compared. Give the key you know to be sure; the rest needs no trust in it." };
  if (logKey !== key) fail(`No: that one's key is ${logKey}.`);
  return { sentence: "Yes, the keys are the same." };
}

async function inLog(id, { index, path }, { size, root }) {
  await reading(() => verifyInclusion(id, index, size, path, root), no);
  return { sentence: `Yes, as number ${index + 1n} of ${size}.` };
}

async function committing(receipt, net, checkpoint) {
  const bytes = unhex(receipt.coinbase);
  const coinbase = await reading(() => decodeCoinbase(bytes), (why) => `No: the coinbase's bytes make none (${why}).`);
  const headers = receipt.headers.map((header) => decodeHeader(unhex(header)));
  if (headers.length === 0) fail("No: there is no header.");
  if (headers.length > MAX_HEADERS + 1) fail(`No: there are more than ${MAX_HEADERS} headers on top.`);
  const extra = coinbase.extra.length / 2;
  if (extra > MAX_EXTRA) fail(`No: the coinbase carries ${extra} extra bytes; at most ${MAX_EXTRA} are allowed.`);
  if (!same(await sha256d(bytes), headers[0].coinbaseHash)) fail("No: the header does not commit to this coinbase: one of the two was changed.");
  await reading(() => provenHeader(headers[0], net), no);
  if (coinbase.logSize !== checkpoint.size || !same(coinbase.logRoot, checkpoint.root)) {
    fail(`No: block ${coinbase.height} commits to another log, of ${coinbase.logSize} transactions.`);
  }
  return { value: { headers, coinbase }, sentence: `Yes: block ${coinbase.height}, mined by ${coinbase.miner.slice(0, 11)}….` };
}

async function workOn(headers, net) {
  let total = 0n;
  let below = null;
  let block = null;
  for (const [position, header] of headers.entries()) {
    const { hash, target } = await reading(() => provenHeader(header, net), (why) => `Header ${position} is wrong: ${why}.`);
    if (below && !same(header.previous, below)) fail(`Header ${position} is wrong: it does not build on the one before.`);
    block ??= shown(hash);
    total += work(target);
    below = hash;
  }
  const sentence = `${counted(headers.length - 1, "block")} on top of it; whoever wanted to forge them all would need about ${total} hashes.`;
  return { value: { block, total }, sentence };
}

async function opens(record, opening) {
  if (record?.kind !== "commitment") fail("No: the transaction is no private record.");
  if (!opening) return { outcome: "open", sentence: "Not compared. Give the payload and the salt that its author gave you." };
  const { salt, payload } = opening;
  if (hex(await sha256(salt, payload)) !== record.hash) fail("No: it commits to another payload, or under another salt.");
  return { sentence: `Yes, to these ${payload.length} bytes and no others.` };
}

function counted(count, name) {
  if (Number(count) === 0) return `no ${name}`;
  return Number(count) === 1 ? `1 ${name}` : `${count} ${name}s`;
}
