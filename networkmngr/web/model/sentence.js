// The sentence at the top: what the network is doing, for somebody who sees it for the first time. Pure.

import { numbers, short, whoInShort } from "./names.js";

/**
 * `{ kind, words, more, passing }`: `kind` is `good`, `warn` or `bad`, `words` one sentence, `more` further ones that matter
 * less; `passing` tells what is over in a moment if all goes well. Of a run that is `over`, how it ended.
 */
export function summary(network, over = false) {
  const present = network.present();
  if (over && present.length > 0 && present.every((node) => node.state === "ended")) return ending(network, present);
  const running = present.filter((node) => node.state === "running");
  const more = absent(present);
  if (present.length === 0) return { kind: "warn", words: "The network has no nodes yet.", more: [] };
  if (running.length === 0) {
    const starting = present.filter((node) => node.state === "starting");
    if (starting.length > 0) return { kind: "warn", words: `${count(starting.length, "node")} starting…`, more: [] };
    return { kind: "bad", words: "No node is running.", more };
  }
  const tips = byTip(running);
  if (network.groups.length > 0) return { ...split(network, running, tips), more };
  if (tips.length === 1) return { ...agreed(network, present, running, tips[0]), more };
  return { ...parted(network, running, tips), more };
}

function ending(network, present) {
  const tips = byTip(present);
  const words =
    tips.length > 1
      ? `The run is over; its nodes held ${tips.length} different blocks at its end.`
      : `The run is over; its ${count(present.length, "node")} agreed on block ${tips[0].height} (${short(tips[0].hash)})${by(network, tips[0].hash)}.`;
  return { kind: tips.length > 1 ? "warn" : "good", words, more: [] };
}

function agreed(network, present, running, tip) {
  const all = running.length === present.length;
  const nodes =
    running.length === 1
      ? "The only running node holds"
      : `${all ? "All" : "The"} ${running.length}${all ? "" : " running"} nodes agree on`;
  if (tip.height === 0) {
    return { kind: all ? "good" : "warn", words: `${nodes} the genesis block: nothing has been mined yet.` };
  }
  return {
    kind: all ? "good" : "warn",
    words: `${nodes} block ${tip.height} (${short(tip.hash)})${by(network, tip.hash)}.`,
  };
}

function split(network, running, tips) {
  const groups = network.groups.map((group) => ({ group: new Set(group), nodes: [] }));
  const rest = { group: null, nodes: [] };
  for (const node of running) (groups.find(({ group }) => group.has(node.number)) ?? rest).nodes.push(node);
  const told = [...groups, rest].filter(({ nodes }) => nodes.length > 0);
  if (tips.length === 1) {
    const parts = told.map(({ nodes }) => numbers(nodes.map((node) => node.number))).join(" | ");
    return {
      kind: "warn",
      words: `The network is split (${parts.length <= 40 ? parts : `${told.length} sides`}), and all still hold block ${tips[0].height} (${short(tips[0].hash)}).`,
    };
  }
  const parts = told.map(({ nodes }) => {
    const own = byTip(nodes);
    return `${whoInShort(nodes.map((node) => node.number))} ${nodes.length === 1 ? "holds" : "hold"} ${
      own.length === 1 ? `block ${own[0].height} (${short(own[0].hash)})` : `${own.length} different blocks`
    }`;
  });
  return { kind: "bad", words: `The network is split: ${several(parts, ";")}.` };
}

function parted(network, running, tips) {
  const [first, second] = tips;
  const behind = tips.slice(1).every((tip) => isBelow(network, tip.hash, first.hash));
  if (behind) {
    const late = tips
      .slice(1)
      .flatMap((tip) => tip.nodes)
      .sort((one, other) => one - other);
    const words =
      late.length * 2 > running.length
        ? `Block ${first.height} (${short(first.hash)}) is spreading: ${first.nodes.length} of ${running.length} nodes have it.`
        : `${first.nodes.length} of ${running.length} nodes hold block ${first.height} (${short(first.hash)}); ${whoInShort(late)} ${late.length === 1 ? "is" : "are"} yet to get it.`;
    return { kind: "warn", words, passing: true };
  }
  if (first.height > second.height) {
    const others = tips.slice(1).flatMap((tip) => tip.nodes).sort((one, other) => one - other);
    const words = `Block ${first.height} (${short(first.hash)}) ends the longest branch, and ${first.nodes.length} of ${running.length} nodes hold it; ${whoInShort(others)} ${others.length === 1 ? "is" : "are"} still on another.`;
    return { kind: "warn", words, passing: true };
  }
  const parts = [first, second].map(
    (tip) =>
      `${whoInShort(tip.nodes)} ${tip.nodes.length === 1 ? "holds" : "hold"} block ${tip.height} (${short(tip.hash)})`,
  );
  const others = tips.length > 2 ? ` and ${count(tips.length - 2, "more tip")}` : "";
  return {
    kind: "bad",
    words: `The chain is forked: ${parts.join(", ")}${others}. The next block decides.`,
    passing: true,
  };
}

function absent(present) {
  const words = { ended: "down", paused: "paused", starting: "starting" };
  return Object.entries(words).flatMap(([state, word]) => {
    const nodes = present.filter((node) => node.state === state).map((node) => node.number);
    if (nodes.length === 0) return [];
    const named = whoInShort(nodes);
    return [`${named.charAt(0).toUpperCase()}${named.slice(1)} ${nodes.length === 1 ? "is" : "are"} ${word}.`];
  });
}

function byTip(nodes) {
  const tips = new Map();
  for (const node of nodes) {
    if (!tips.has(node.tip)) tips.set(node.tip, { hash: node.tip, height: node.height, nodes: [] });
    tips.get(node.tip).nodes.push(node.number);
  }
  return [...tips.values()].sort((one, other) => other.height - one.height || other.nodes.length - one.nodes.length);
}

function isBelow(network, hash, tip) {
  const floor = network.blocks.get(hash)?.height ?? 0;
  let at = network.blocks.get(tip);
  while (at && at.height > floor) at = network.blocks.get(at.previous);
  return at?.hash === hash;
}

function by(network, hash) {
  const block = network.blocks.get(hash);
  const miner = block ? network.minerOf(block) : null;
  return miner === null ? "" : `, mined by node ${miner}`;
}

const count = (number, one) => `${number} ${one}${number === 1 ? "" : "s"}`;

function several(parts, mark) {
  return parts.length < 4
    ? parts.join(`${mark} `)
    : `${parts.slice(0, 3).join(`${mark} `)}${mark} and ${parts.length - 3} more groups`;
}
