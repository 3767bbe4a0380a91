// The tree of blocks on a canvas: what the camera sees of it, and nothing else. Asks nobody and keeps nothing but what it
// needs for the next frame.

import { time } from "/web/base/format.js";
import { COLUMN } from "../model/camera.js";
import { nodeColour } from "../model/colour.js";
import { begun } from "../model/figures.js";
import { numbers } from "../model/names.js";

const SIZE = 30;
/** Height of the axis at the bottom. */
export const AXIS = 36;
const POP = 220;
/** Columns closer together than this many pixels are drawn as strips. */
export const DENSE = 5;

/** What a frame needs of a network, worked out once for each change of it. */
export function view(network) {
  const running = network.running();
  const tips = new Map();
  for (const node of network.present()) {
    const key = node.tip;
    if (!tips.has(key)) tips.set(key, { up: [], down: [] });
    // Where none runs, as at the end of a run, all are told alike.
    tips.get(key)[node.state === "running" || running.length === 0 ? "up" : "down"].push(node.number);
  }
  return { running: running.length, tips, chains: network.onChains(), best: network.best() };
}

/**
 * Draws. `born` is hash → time at which it was first drawn; `now` is that of the frame. Returns whether something still
 * moves.
 */
export function paint(context, { camera, scene, seen, theme, selected, hovered, focused, born, now, still }) {
  const { width, height } = camera;
  const { lanes, network } = scene;
  context.clearRect(0, 0, width, height);
  const [first, last] = camera.range();
  const from = Math.max(lanes.lowest, first);
  const to = Math.min(lanes.highest, last);
  axis(context, camera, scene, theme, from, to);
  context.save();
  context.beginPath();
  context.rect(0, 0, width, height - AXIS);
  context.clip();
  const size = Math.min(44, Math.max(2, SIZE * camera.scale), Math.max(8, 44 * camera.laneScale()));
  if (COLUMN * camera.scale < DENSE) return dense(context, { camera, scene, seen, theme, selected, from, to });
  edges(context, { camera, lanes, seen, theme, from, to: to + 1, size });
  let moves = false;
  const markers = [];
  for (let column = from; column <= to; column += 1) {
    for (const place of lanes.columns.get(column) ?? []) {
      const block = network.blocks.get(place.hash);
      if (!block) continue;
      const [x, y] = [camera.x(column), camera.y(place.lane)];
      let grown = 1;
      if (!still) {
        const since = now - (born.get(place.hash) ?? -Infinity);
        if (since < POP) {
          grown = 0.4 + 0.6 * (1 - (1 - since / POP) ** 3);
          moves = true;
        }
      }
      drawBlock(context, { x, y, size: size * grown, block, network, seen, theme });
      const tip = seen.tips.get(place.hash);
      if (tip) markers.push({ x, y, tip, place });
      if (place.hash === selected || place.hash === hovered || place.hash === focused) {
        outline(context, x, y, size, place.hash === hovered ? theme.quiet : theme.accent);
      }
    }
  }
  const edge = new Map();
  for (const { x, y, tip, place } of markers)
    mark(context, { x, y, tip, size, theme, edge, lane: place.lane, open: isOpen(lanes, place) });
  context.restore();
  return moves;
}

/** A tree of thousands of blocks: one bar for each pixel of a lane, and the tips. Nothing moves here. */
function dense(context, { camera, scene: { lanes, network }, seen, theme, selected, from, to }) {
  const drawn = new Map();
  const size = Math.max(2, Math.min(10, 30 * camera.laneScale()));
  const wide = Math.max(1, COLUMN * camera.scale - 1);
  const markers = [];
  for (let column = from; column <= to; column += 1) {
    const x = Math.round(camera.x(column));
    for (const place of lanes.columns.get(column) ?? []) {
      const tip = seen.tips.get(place.hash);
      if (tip) markers.push({ x, y: camera.y(place.lane), tip, place });
      if (drawn.get(place.lane) === x) continue;
      drawn.set(place.lane, x);
      const block = network.blocks.get(place.hash);
      context.globalAlpha = seen.chains.has(place.hash) ? 1 : 0.45;
      context.fillStyle = nodeColour(block ? network.minerOf(block) : null);
      context.fillRect(x - wide / 2, camera.y(place.lane) - size / 2, wide, size);
    }
  }
  context.globalAlpha = 1;
  const chosen = lanes.places.get(selected);
  if (chosen) outline(context, camera.x(chosen.height), camera.y(chosen.lane), size, theme.accent);
  const edge = new Map();
  for (const { x, y, tip, place } of markers)
    mark(context, { x, y, tip, size, theme, edge, lane: place.lane, open: isOpen(lanes, place) });
  context.restore();
  return false;
}

function isOpen(lanes, place) {
  return !(lanes.columns.get(place.height + 1) ?? []).some((other) => Math.abs(other.lane - place.lane) < 1);
}

function axis(context, camera, { lanes, network }, theme, from, to) {
  const { width, height, scale } = camera;
  const bottom = height - AXIS;
  context.fillStyle = theme.line;
  context.fillRect(0, bottom, width, 1);
  context.textAlign = "center";
  context.textBaseline = "middle";
  const step = niceStep(86 / (COLUMN * scale));
  for (let column = Math.ceil(from / step) * step; column <= to; column += step) {
    const x = camera.x(column);
    context.globalAlpha = 0.45;
    context.fillStyle = theme.line;
    context.fillRect(Math.round(x), 0, 1, bottom);
    context.globalAlpha = 1;
    context.fillStyle = theme.ink;
    context.font = "600 12px system-ui, sans-serif";
    context.fillText(String(column), x, bottom + 12);
    const places = lanes.columns.get(column) ?? [];
    const block = network.blocks.get((places.find((place) => place.lane === 0) ?? places[0])?.hash);
    const at = block ? begun(block) : null;
    if (at === null) continue;
    context.fillStyle = theme.quiet;
    context.font = "11px system-ui, sans-serif";
    context.fillText(network.zero === null ? time(at) : `${((at - network.zero) / 1000).toFixed(1)} s`, x, bottom + 26);
  }
}

function niceStep(least) {
  for (let power = 1; ; power *= 10) for (const digit of [1, 2, 5]) if (digit * power >= least) return digit * power;
}

function edges(context, { camera, lanes, seen, theme, from, to, size }) {
  for (const onChain of [false, true]) {
    context.beginPath();
    for (let column = from; column <= to; column += 1) {
      for (const place of lanes.columns.get(column) ?? []) {
        if (seen.chains.has(place.hash) !== onChain) continue;
        const parent = lanes.places.get(place.previous);
        if (!parent) continue;
        const [x, y] = [camera.x(column), camera.y(place.lane)];
        const [px, py] = [camera.x(parent.height), camera.y(parent.lane)];
        context.moveTo(px + size / 2, py);
        if (py === y) context.lineTo(x - size / 2, y);
        else {
          const middle = (px + x) / 2;
          context.bezierCurveTo(middle, py, middle, y, x - size / 2, y);
        }
      }
    }
    context.setLineDash(onChain ? [] : [3, 3]);
    context.strokeStyle = theme.quiet;
    context.globalAlpha = onChain ? 0.9 : 0.6;
    context.lineWidth = onChain ? 2 : 1.5;
    context.stroke();
  }
  context.setLineDash([]);
  context.globalAlpha = 1;
}

function drawBlock(context, { x, y, size, block, network, seen, theme }) {
  const miner = network.minerOf(block);
  const colour = nodeColour(block.height === 0 ? null : miner);
  const half = size / 2;
  const stale = !seen.chains.has(block.hash);
  if (size < 9) {
    context.globalAlpha = stale ? 0.55 : 1;
    context.fillStyle = colour;
    context.fillRect(x - half, y - half, size, size);
    context.globalAlpha = 1;
    return;
  }
  context.beginPath();
  context.roundRect(x - half, y - half, size, size, size * 0.22);
  context.fillStyle = stale ? theme.card : colour;
  context.fill();
  if (stale) {
    context.setLineDash([4, 3]);
    context.strokeStyle = colour;
    context.lineWidth = 2;
    context.stroke();
    context.setLineDash([]);
  } else if (block.seen.size < seen.running && block.height > 0) {
    spreading(context, x, y, size, block.seen.size / seen.running, theme);
  }
  if (size < 16) return;
  context.fillStyle = stale ? theme.ink : "#ffffff";
  const label = block.height === 0 ? "G" : miner === null ? "?" : String(miner);
  context.font = `650 ${Math.round(size * (label.length > 2 ? 0.36 : 0.46))}px system-ui, sans-serif`;
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.fillText(label, x, y + size * 0.03);
}

/** A bar below a block: the part of the running nodes that have it. */
function spreading(context, x, y, size, part, theme) {
  const [left, top] = [x - size / 2, y + size / 2 + 4];
  context.fillStyle = theme.line;
  context.fillRect(left, top, size, 3);
  context.fillStyle = theme.accent;
  context.fillRect(left, top, size * part, 3);
}

function outline(context, x, y, size, colour) {
  const half = size / 2 + 4;
  context.beginPath();
  context.roundRect(x - half, y - half, 2 * half, 2 * half, 9);
  context.strokeStyle = colour;
  context.lineWidth = 2;
  context.stroke();
}

/** The nodes whose tip a block is: to the right of it where there is room, else above. */
function mark(context, { x, y, tip, size, theme, edge, lane, open }) {
  // Those above neighbouring blocks stand on each other's shoulders.
  const close = !open && edge.get(lane)?.x > x - 70 ? edge.get(lane).level + 1 : 0;
  if (!open) edge.set(lane, { x, level: close % 3 });
  let [left, top] = open ? [x + size / 2 + 9, y] : [null, y - size / 2 - 12 - 22 * (close % 3)];
  context.font = "600 12px system-ui, sans-serif";
  context.textBaseline = "middle";
  for (const [nodes, up] of [
    [tip.up, true],
    [tip.down, false],
  ]) {
    if (nodes.length === 0) continue;
    const label = named(nodes, up);
    const wide = context.measureText(label).width + 14;
    const at = left ?? x - wide / 2;
    context.beginPath();
    context.roundRect(at, top - 10, wide, 20, 10);
    context.fillStyle = up ? theme.ink : theme.sunken;
    context.fill();
    if (open && up) {
      context.beginPath();
      context.moveTo(at - 5, top);
      context.lineTo(at + 4, top - 5);
      context.lineTo(at + 4, top + 5);
      context.fill();
    }
    if (!up) {
      context.strokeStyle = theme.line;
      context.lineWidth = 1;
      context.stroke();
    }
    context.fillStyle = up ? theme.card : theme.quiet;
    context.textAlign = "left";
    context.fillText(label, at + 7, top + 0.5);
    top -= open ? -24 : 24;
  }
}

function named(nodes, up) {
  const ranges = numbers(nodes).replaceAll("-", "–");
  const words = ranges.length <= 12 ? ranges : `${nodes.length} nodes`;
  return up ? words : `${words} away`;
}
