import assert from "node:assert/strict";
import { test } from "node:test";
import { halves, groupOf, moved, present, problem, without } from "../model/groups.js";
import { numbers, parseNumbers, sentence, short, sides, who } from "../model/names.js";
import { Network } from "../model/network.js";
import { read, write } from "../model/route.js";
import { summary } from "../model/sentence.js";

const hash = (name) => name.padEnd(64, "0");

/** A network with these nodes: `[state, tip]` each, and blocks named by `name: [height, previous]`. */
function network(nodes, blocks = {}, groups = []) {
  return Network.from({
    genesis: hash("0"),
    groups,
    nodes: nodes.map(([state, tip], number) => ({
      number,
      state,
      height: tip === "0" ? 0 : blocks[tip][0],
      tip: hash(tip),
      miner: `m${number}`,
    })),
    blocks: Object.entries(blocks).map(([name, [height, previous]]) => ({
      hash: hash(name),
      height,
      previous: hash(previous),
      miner: "m1",
      by: 1,
    })),
  });
}

const says = (...told) => {
  const { kind, words, more } = summary(network(...told));
  return [kind, words, ...more];
};
const fork = { a1: [1, "0"], b1: [1, "0"], a2: [2, "a1"] };

test("the sentence at the top tells agreement, and who is missing", () => {
  assert.deepEqual(
    says([
      ["running", "0"],
      ["running", "0"],
    ]),
    ["good", "All 2 nodes agree on the genesis block: nothing has been mined yet."],
  );
  assert.deepEqual(
    says(
      [
        ["running", "a2"],
        ["running", "a2"],
      ],
      fork,
    ),
    ["good", "All 2 nodes agree on block 2 (a2000000…), mined by node 1."],
  );
  assert.deepEqual(
    says(
      [
        ["running", "a2"],
        ["running", "a2"],
        ["ended", "a1"],
      ],
      fork,
    ),
    ["warn", "The 2 running nodes agree on block 2 (a2000000…), mined by node 1.", "Node 2 is down."],
  );
  assert.deepEqual(
    says(
      [
        ["ended", "a2"],
        ["paused", "a2"],
      ],
      fork,
    ),
    ["bad", "No node is running.", "Node 0 is down.", "Node 1 is paused."],
  );
  assert.deepEqual(says([]), ["warn", "The network has no nodes yet."]);
});

test("a longer branch has decided already, whatever the others still hold", () => {
  const [kind, words] = says(
    [
      ["running", "a2"],
      ["running", "b1"],
    ],
    fork,
  );
  assert.equal(kind, "warn");
  assert.match(words, /^Block 2 \(.*\) ends the longest branch, and 1 of 2 nodes hold it; node 1 is still on another\.$/);
});

test("it tells a fork from a block that is just spreading", () => {
  assert.deepEqual(
    says(
      [
        ["running", "a1"],
        ["running", "b1"],
      ],
      fork,
    ),
    [
      "bad",
      "The chain is forked: node 0 holds block 1 (a1000000…), node 1 holds block 1 (b1000000…). The next block decides.",
    ],
  );
  assert.deepEqual(
    says(
      [
        ["running", "a2"],
        ["running", "a1"],
        ["running", "a1"],
      ],
      fork,
    ),
    ["warn", "Block 2 (a2000000…) is spreading: 1 of 3 nodes have it."],
  );
  assert.deepEqual(
    says(
      [
        ["running", "a2"],
        ["running", "a2"],
        ["running", "0"],
      ],
      fork,
    ),
    ["warn", "2 of 3 nodes hold block 2 (a2000000…); node 2 is yet to get it."],
  );
});

test("it tells a split by its sides, also those in no named group", () => {
  const nodes = [
    ["running", "a2"],
    ["running", "a2"],
    ["running", "b1"],
    ["running", "b1"],
  ];
  assert.equal(
    says(nodes, fork, [
      [0, 1],
      [2, 3],
    ])[1],
    "The network is split: nodes 0-1 hold block 2 (a2000000…); nodes 2-3 hold block 1 (b1000000…).",
  );
  assert.equal(
    says(nodes, fork, [[0, 1]])[1],
    "The network is split: nodes 0-1 hold block 2 (a2000000…); nodes 2-3 hold block 1 (b1000000…).",
  );
  assert.equal(
    says(
      [
        ["running", "a2"],
        ["running", "a2"],
      ],
      fork,
      [[0], [1]],
    )[1],
    "The network is split (0 | 1), and all still hold block 2 (a2000000…).",
  );
});

test("of a run that is over it tells how it ended", () => {
  const end = (...tips) =>
    summary(
      network(
        tips.map((tip) => ["ended", tip]),
        fork,
      ),
      true,
    ).words;
  assert.equal(end("a2", "a2"), "The run is over; its 2 nodes agreed on block 2 (a2000000…), mined by node 1.");
  assert.equal(end("a2", "b1"), "The run is over; its nodes held 2 different blocks at its end.");
});

test("numbers, nodes and sides are written as the program writes them, and read back", () => {
  assert.deepEqual(
    [numbers([0, 1, 2, 5, 7, 8]), who([4]), who([0, 1]), sides([[0, 1], [2]]), short(hash("ab"))],
    ["0-2, 5, 7-8", "node 4", "nodes 0-1", "0-1 | 2", "ab000000…"],
  );
  assert.deepEqual(parseNumbers("5, 0-2,1"), [0, 1, 2, 5]);
  for (const wrong of ["", "a", "2-1", "1,,2", "-1", "0-99999", "1.5"]) assert.equal(parseNumbers(wrong), null, wrong);
  assert.deepEqual([sentence("node 4 ended"), sentence("Really?")], ["Node 4 ended.", "Really?"]);
});

test("nodes move between groups, and none is lost or doubled", () => {
  const two = halves([0, 1, 2, 3, 4]);
  assert.deepEqual(two, [
    [0, 1, 2],
    [3, 4],
  ]);
  assert.deepEqual(moved(two, [1, 4], 1), [
    [0, 2],
    [1, 3, 4],
  ]);
  assert.deepEqual(moved(two, [0], 2), [[1, 2], [3, 4], [0]]);
  assert.deepEqual(without([[0], [1], [2]], 0), [[0, 1], [2]]);
  assert.deepEqual(without(two, 0), two);
  assert.deepEqual(present(two, [1, 3, 4, 9]), [[1], [3, 4, 9]]);
  assert.deepEqual(
    [problem(two), problem([[0], []])],
    [null, "A split needs at least two groups with a node in each."],
  );
  assert.deepEqual([groupOf(two, 4), groupOf(two, 9)], [1, -1]);
});

test("addresses lead back to what they were made of, and strange ones to the front page", () => {
  for (const route of [
    { run: null, panel: null, block: null },
    { run: 3, panel: "feed", block: "ab".repeat(32) },
    { run: null, panel: "lessons", block: null },
  ]) {
    assert.deepEqual(read(write(route)), route);
  }
  for (const strange of ["", "#", "#/block/xyz", "#/run/x", "#/%E0%A4%A", "#/<script>"])
    assert.deepEqual(read(strange), { run: null, panel: null, block: null }, strange);
});
