// A network as it is now: the tree is asked for once, and everything that happens after it is heard and replayed here.

import { get } from "/web/base/api.js";
import { follow } from "/web/base/live.js";
import { Lanes } from "../model/lanes.js";
import { Network } from "../model/network.js";

/** Blocks asked for at first. */
const BLOCKS = 5000;
const RETRY = 1500;

/** All events that change what is shown. */
const EVENTS = [
  "begun",
  "lost",
  "started",
  "ready",
  "ended",
  "paused",
  "resumed",
  "removed",
  "held",
  "split",
  "healed",
  "links",
  "hash_rate",
  "mining",
  "step",
  "verdict",
  "mined",
  "connected",
  "disconnected",
  "reorganised",
  "side",
  "pooled",
  "dropped",
  "confirmed",
  "contradicted",
  "orphan",
  "penalty",
  "restarted",
  "gap",
];

/** A network with the places of its blocks. */
export function scene(network) {
  const lanes = Lanes.of(network);
  network.onBlock = (block) => lanes.place(block);
  lanes.isTip = (hash) => [...network.nodes.values()].some((node) => node.tip === hash && node.state === "running");
  return { network, lanes };
}

/**
 * Follows the network below `base` (`""`, or `/runs/3`). `onChange(event)` is called for each entry, and with null when
 * all is another; `onState("live" | "waiting" | "loading" | "over" | "gone", error)` for each change of the connection; `over` is a run that has ended, `gone` one
 * that is not kept any more.
 */
export class Source {
  constructor(base, { onChange, onState }) {
    this.base = base;
    this.onChange = onChange;
    this.onState = onState;
    this.scene = scene(new Network());
    this.stream = null;
    this.closed = false;
    this.load();
  }

  async load() {
    this.stream?.close();
    this.stream = null;
    this.onState("loading");
    try {
      const told = await get(`${this.base}/tree?blocks=${BLOCKS}`);
      if (this.closed) return;
      this.scene = scene(Network.from(told));
    } catch (error) {
      if (this.closed) return;
      // A run that is not kept any more does not come back.
      if (this.base !== "" && error.status === 404) {
        this.onState("gone", error);
        return;
      }
      this.onState("waiting", error);
      this.timer = setTimeout(() => this.load(), RETRY);
      return;
    }
    this.onChange(null);
    this.stream = follow(`${this.base}/events`, {
      names: EVENTS,
      from: this.scene.network.number + 1,
      ending: "over",
      onEvent: (event, id) => this.take(event, Number(id)),
      onState: (state) => this.onState(state),
    });
  }

  take(event, number) {
    // A node's own gap is part of the timeline; the stream's says that what this page holds is not to be gone on with.
    if (event.event === "gap" && event.node === undefined) {
      this.load();
      return;
    }
    const { network, lanes } = this.scene;
    network.apply(number, event);
    for (const block of network.trim()) lanes.remove(block.hash);
    this.onChange(event);
  }

  close() {
    this.closed = true;
    clearTimeout(this.timer);
    this.stream?.close();
  }
}
