import assert from "node:assert/strict";
import { test } from "node:test";
import { Network } from "../model/network.js";

const hash = (name) => name.padEnd(64, "0");
const work = (number) => number.toString(16).padStart(64, "0");

/** A network told line by line; each line gets the next number. */
function told(...lines) {
  const network = new Network();
  lines.forEach((line, at) => network.apply(at + 1, line));
  return network;
}

const begun = { at: 0, event: "begun", genesis: hash("g"), nodes: 2 };
const ready = (node) => ({ at: 1, node, event: "ready", miner: `m${node}` });
const connected = (at, node, height, name, previous, miner = "m0") => ({
  at,
  node,
  event: "connected",
  height,
  hash: hash(name),
  previous: hash(previous),
  miner,
  work: work(height * 10),
  transactions: 1,
});

test("what nodes tell becomes their tips and one tree with the time each had each block", () => {
  const network = told(begun, ready(0), ready(1), connected(10, 0, 1, "a", "g"), connected(14, 1, 1, "a", "g"));
  assert.deepEqual(
    network.running().map(({ number, height, tip }) => [number, height, tip]),
    [
      [0, 1, hash("a")],
      [1, 1, hash("a")],
    ],
  );
  const block = network.blocks.get(hash("a"));
  assert.deepEqual(
    [[...block.seen], block.transactions, network.minerOf(block)],
    [
      [
        [0, 10],
        [1, 14],
      ],
      1,
      0,
    ],
  );
  assert.deepEqual([network.number, network.at], [5, 14]);
});

test("a reorganisation moves the tip down and up again, and leaves a stale block", () => {
  const network = told(
    begun,
    ready(0),
    ready(1),
    connected(1, 0, 1, "a", "g"),
    connected(2, 1, 1, "b", "g", "m1"),
    connected(3, 1, 2, "c", "b", "m1"),
    { at: 4, node: 0, event: "disconnected", height: 1, hash: hash("a"), better: hash("c") },
  );
  assert.equal(network.nodes.get(0).tip, hash("g"));
  network.apply(9, connected(4, 0, 1, "b", "g", "m1"));
  network.apply(10, connected(4, 0, 2, "c", "b", "m1"));
  assert.equal(network.best().hash, hash("c"));
  assert.deepEqual([...network.onChains()].sort(), [hash("b"), hash("c"), hash("g")]);
});

test("pools fill and empty, and go with their process", () => {
  const network = told(
    begun,
    ready(0),
    { node: 0, event: "pooled", id: "t1" },
    { node: 0, event: "pooled", id: "t2" },
    { node: 0, event: "confirmed", id: "t1", block: hash("a"), height: 1 },
  );
  assert.equal(network.nodes.get(0).pool, 1);
  network.apply(6, { node: 0, event: "ended", how: "killed", wanted: true });
  network.apply(7, { node: 0, event: "pooled", id: "t3" });
  assert.deepEqual([network.nodes.get(0).pool, network.nodes.get(0).state], [0, "ended"]);
});

test("a start begins without faults and without processes, the next file of a timeline does not", () => {
  const network = told(
    begun,
    ready(0),
    { event: "split", groups: [[0], [1]] },
    { event: "links", rules: [{ delay_ms: 5 }] },
    { event: "mining", job: 1, state: "begun" },
  );
  network.apply(6, { ...begun, continued: true });
  assert.deepEqual([network.groups, network.rules.length, network.nodes.get(0).state], [[[0], [1]], 1, "running"]);
  network.apply(7, begun);
  assert.deepEqual(
    [network.groups, network.rules, network.nodes.get(0).state, network.mining],
    [[], [], "ended", null],
  );
});

test("a tree as the manager tells it goes on by entries", () => {
  const network = Network.from({
    number: 7,
    at: 50,
    genesis: hash("g"),
    groups: [],
    rules: [],
    nodes: [{ number: 0, state: "running", height: 1, tip: hash("a"), miner: "m0", pool: 3, hash_rate: 100 }],
    blocks: [
      {
        hash: hash("a"),
        previous: hash("g"),
        height: 1,
        miner: "m0",
        by: 0,
        time: 1,
        work: work(10),
        transactions: 0,
        found: null,
        seen: { 0: 40 },
      },
    ],
  });
  network.apply(8, connected(60, 0, 2, "b", "a"));
  assert.deepEqual(
    network.chain(network.best()).map((block) => block.height),
    [2, 1, 0],
  );
  assert.deepEqual(
    [network.nodes.get(0).hashRate, network.blocks.get(hash("a")).seen.get(0), network.nodes.get(0).pool],
    [100, 40, 3],
  );
});

test("of several nodes that mine for one account, the first that had a block found it", () => {
  const network = told(
    begun,
    ready(0),
    { ...ready(1), miner: "m0" },
    connected(5, 1, 1, "a", "g"),
    connected(8, 0, 1, "a", "g"),
  );
  assert.equal(network.minerOf(network.blocks.get(hash("a"))), 1);
});

test("an orphan gets its place when its parent is known, and whoever listens hears of it", () => {
  const network = new Network();
  const heard = [];
  network.onBlock = (block) => heard.push([block.hash[0], block.height]);
  network.apply(1, { node: 0, event: "orphan", hash: hash("b"), parent: hash("a") });
  network.apply(2, connected(2, 0, 6, "b", "a"));
  assert.deepEqual(heard, [
    ["b", 0],
    ["b", 6],
  ]);
});

test("what is kept is bounded, and tips stay", () => {
  const network = told(begun, ready(0), ready(1), connected(1, 1, 1, "low", "g"));
  for (let height = 1; height <= 300; height += 1)
    network.apply(height + 9, connected(height, 0, height, `x${height}x`, height === 1 ? "g" : `x${height - 1}x`));
  const gone = network.trim(200);
  assert.ok(gone.length > 100 && network.blocks.size <= 200);
  assert.ok(network.blocks.has(hash("low")) && network.blocks.has(hash("x300x")));
});

test("nodes that the manager does not have any more are left out, and its job is known after a reload", () => {
  const network = told(begun, ready(0), ready(1), { node: 1, event: "ended", how: "", wanted: true });
  network.known(new Set([0]), { job: 4, state: "running", kind: "continuous" });
  assert.deepEqual([network.present().map((node) => node.number), network.mining], [[0], { job: 4, bursts: null }]);
  network.known(new Set([0]), { job: 4, state: "stopped", kind: "continuous" });
  assert.equal(network.mining, null);
});
