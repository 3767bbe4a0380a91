import assert from "node:assert/strict";
import { test } from "node:test";
import { Lanes } from "../model/lanes.js";
import { Network } from "../model/network.js";

const block = (hash, height, previous) => ({ hash, height, previous });

/** Places these, and gives hash → lane. */
function placed(lanes, ...blocks) {
  for (const one of blocks) lanes.place(one);
  return Object.fromEntries([...lanes.places].map(([hash, { lane }]) => [hash, lane]));
}

test("a chain is straight, a fork gets a lane of its own and keeps it", () => {
  const lanes = new Lanes();
  const first = placed(
    lanes,
    block("g", 0, null),
    block("a", 1, "g"),
    block("b", 1, "g"),
    block("a2", 2, "a"),
    block("b2", 2, "b"),
  );
  assert.deepEqual(first, { g: 0, a: 0, b: 1, a2: 0, b2: 1 });
  const later = placed(lanes, block("c", 2, "a"), block("b3", 3, "b2"));
  for (const [hash, lane] of Object.entries(first)) assert.equal(later[hash], lane, hash);
  assert.deepEqual([later.c, later.b3], [-1, 1]);
});

test("no two blocks share a place, whatever grows", () => {
  const lanes = new Lanes();
  lanes.place(block("g", 0, null));
  const known = [["g", 0]];
  let seed = 7;
  const random = () => (seed = (seed * 48271) % 2147483647) / 2147483647;
  for (let number = 0; number < 2000; number += 1) {
    const [parent, height] = known[Math.max(0, known.length - 1 - Math.floor(random() * 12))];
    lanes.place(block(`n${number}`, height + 1, parent));
    known.push([`n${number}`, height + 1]);
  }
  const places = new Set([...lanes.places.values()].map(({ height, lane }) => `${height} ${lane}`));
  assert.equal(places.size, lanes.places.size);
});

test("the lane of a tip that lags stays free for it while the other side forks", () => {
  const lanes = new Lanes();
  lanes.isTip = (hash) => hash === "b1";
  placed(
    lanes,
    block("g", 0, null),
    block("a1", 1, "g"),
    block("b1", 1, "g"),
    block("a2", 2, "a1"),
    block("a3", 3, "a2"),
    block("a4", 4, "a3"),
  );
  lanes.place(block("x4", 4, "a3"));
  assert.notEqual(lanes.places.get("x4").lane, lanes.places.get("b1").lane);
  lanes.place(block("b2", 2, "b1"));
  assert.equal(lanes.places.get("b2").lane, lanes.places.get("b1").lane);
});

test("the winner of a fork comes back to the middle after a while", () => {
  const lanes = new Lanes();
  placed(lanes, block("g", 0, null), block("a", 1, "g"), block("b1", 1, "g"));
  for (let height = 2; height < 20; height += 1) lanes.place(block(`b${height}`, height, `b${height - 1}`));
  assert.deepEqual([lanes.places.get("b5").lane, lanes.places.get("b19").lane], [1, 0]);
});

test("a whole tree is laid out with the heaviest chain straight", () => {
  const network = Network.from({
    genesis: "g",
    nodes: [{ number: 0, state: "running", height: 2, tip: "z2" }],
    blocks: [
      { hash: "a1", height: 1, previous: "g" },
      { hash: "z2", height: 2, previous: "z1" },
      { hash: "z1", height: 1, previous: "g" },
    ],
  });
  const lanes = Lanes.of(network);
  assert.deepEqual(
    ["g", "z1", "z2", "a1"].map((hash) => lanes.places.get(hash).lane),
    [0, 0, 0, 1],
  );
});

test("keys walk the tree, and stay where there is nothing further", () => {
  const lanes = new Lanes();
  placed(lanes, block("g", 0, null), block("a", 1, "g"), block("b", 1, "g"), block("b2", 2, "b"));
  assert.deepEqual(
    [
      ["b2", "left"],
      ["b", "left"],
      ["g", "left"],
      ["g", "right"],
      ["b", "up"],
      ["a", "down"],
      ["a", "up"],
      ["b2", "right"],
      ["b2", "first"],
      ["g", "last"],
    ].map(([hash, way]) => lanes.neighbour(hash, way)),
    ["b", "g", "g", "a", "a", "b", "a", "b2", "g", "b2"],
  );
});

test("a block taken away frees its place", () => {
  const lanes = new Lanes();
  placed(lanes, block("g", 0, null), block("a", 1, "g"), block("b", 2, "a"));
  lanes.remove("g");
  lanes.remove("a");
  assert.deepEqual([lanes.lowest, lanes.highest, lanes.columns.has(0)], [2, 2, false]);
  lanes.remove("b");
  assert.equal(lanes.places.size, 0);
});
