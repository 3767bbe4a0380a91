import assert from "node:assert/strict";
import { test } from "node:test";
import { Camera, COLUMN } from "../model/camera.js";
import { nodeColour, oklch } from "../model/colour.js";
import { begun, difficulty, percentile, series, spread } from "../model/figures.js";
import { Network } from "../model/network.js";
import { Playback, QUIET } from "../model/replay.js";

const work = (number) => number.toString(16).padStart(64, "0");
const block = (hash, height, previous, at, seen = { 0: at }) => ({
  hash,
  height,
  previous,
  work: work(100 * height + 5),
  seen,
  found: null,
});

function network(blocks, tip) {
  return Network.from({ genesis: "g", nodes: [{ number: 0, state: "running", height: 3, tip }], blocks });
}

test("percentiles are values that occurred, by the nearest rank", () => {
  const values = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
  assert.deepEqual(
    [0.5, 0.9, 0.99, 1, 0].map((p) => percentile(values, p)),
    [5, 9, 10, 10, 1],
  );
  assert.deepEqual([percentile([7], 0.5), percentile([], 0.5)], [7, null]);
});

test("a block spreads from when it was found, or first seen", () => {
  const seen = new Map([
    [2, 30],
    [0, 10],
    [1, 10],
  ]);
  assert.deepEqual(spread({ found: null, seen }), [
    { node: 0, after: 0 },
    { node: 1, after: 0 },
    { node: 2, after: 20 },
  ]);
  assert.deepEqual([begun({ found: 4, seen }), begun({ found: null, seen: new Map() })], [4, null]);
});

test("the series tell intervals, difficulty, spreading and stale blocks along the best chain", () => {
  const told = network(
    [
      block("a", 1, "g", 100),
      block("b", 2, "a", 400, { 0: 400, 1: 420, 2: 480 }),
      block("c", 3, "b", 1000),
      block("x", 3, "b", 1001),
    ],
    "c",
  );
  const found = series(told);
  assert.deepEqual(found.heights, [1, 2, 3]);
  assert.deepEqual(found.interval, [null, 300, 600]);
  assert.deepEqual(found.difficulty, [null, 100, 100]);
  assert.deepEqual([found.p50[1], found.p90[1], found.p50[2]], [20, 80, null]);
  assert.deepEqual(found.stale, [0, 0, 0.25]);
  assert.equal(difficulty(told, told.blocks.get("a")), null);
});

test("the series keep to the newest blocks, and an empty network has none", () => {
  const blocks = Array.from({ length: 50 }, (_, at) => block(`n${at + 1}`, at + 1, at === 0 ? "g" : `n${at}`, at * 10));
  assert.deepEqual(series(network(blocks, "n50"), 10).heights, [41, 42, 43, 44, 45, 46, 47, 48, 49, 50]);
  assert.equal(series(network(blocks, "n50"), 10).interval[0], 10);
  assert.deepEqual(series(new Network()).heights, []);
});

test("the camera keeps what is under the pointer, follows the newest, and lets go when it is moved", () => {
  const camera = new Camera();
  camera.follows = false;
  const under = camera.columnAt(150);
  camera.zoom(1.5, 150);
  assert.ok(Math.abs(camera.columnAt(150) - under) < 1e-9);
  assert.ok(Math.abs(camera.columnAt(camera.x(7)) - 7) < 1e-9 && Math.abs(camera.laneAt(camera.y(-2)) + 2) < 1e-9);
  camera.follows = true;
  assert.equal(camera.follow([0, 500], 0, 100, Infinity), false);
  assert.ok(Math.abs(camera.x(500) - 500) < 1e-6);
  camera.follow([0, 2], 0, 100, Infinity);
  assert.ok(Math.abs(camera.x(0) - 50) < 1e-6);
  camera.pan(COLUMN * camera.scale, 0);
  assert.equal(camera.follows, false);
  camera.fit(0, 5000);
  assert.ok(camera.x(0) >= 0 && camera.x(5000) <= camera.width);
});

test("a stretch is played in its order, at its pace, and quiet passes quickly", () => {
  const playback = new Playback(1000);
  const entry = (number, at) => ({ number, entry: { at } });
  playback.add([entry(1, 1010), entry(2, 1030), entry(3, 90_000)]);
  assert.deepEqual(
    playback.advance(5).map(({ number }) => number),
    [],
  );
  assert.deepEqual(
    playback.advance(25).map(({ number }) => number),
    [1, 2],
  );
  assert.deepEqual([playback.advance(1).length, playback.at], [0, 90_000 - QUIET]);
  playback.add([entry(4, 90_001)]);
  assert.deepEqual(
    [playback.left, playback.advance(QUIET + 1).map(({ number }) => number), playback.advance(10)],
    [2, [3, 4], []],
  );
});

test("colours are those that CSS gives, and white figures can be read on each", () => {
  assert.deepEqual(
    [oklch(1, 0, 0), oklch(0, 0, 0), oklch(0.6279553606, 0.2576833077, 29.2338848)],
    ["#ffffff", "#000000", "#ff0000"],
  );
  const channel = (part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
  for (let number = 0; number < 200; number += 1) {
    const [r, g, b] = [1, 3, 5].map((at) => channel(parseInt(nodeColour(number).slice(at, at + 2), 16) / 255));
    const contrast = 1.05 / (0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05);
    assert.ok(contrast > 3.4, `${number}: ${contrast}`);
  }
});
