// What a network holds, replayed from its timeline: nodes, groups, and the tree of blocks with the time when each node
// first had each. The rules are those of the program's own replay (networkmngr/src/timeline/state.rs). Pure.

/** Blocks kept at most; of more, the lowest are forgotten. */
export const MOST = 6000;

/** After these, other blocks may be on the chains of running nodes. */
const MOVING = new Set(["started", "ready", "ended", "paused", "resumed", "removed", "held", "disconnected"]);
const GONE = new Set(["ended", "removed"]);

/** A network at one moment. */
export class Network {
  constructor() {
    /** Number of the last entry taken in, and its time in milliseconds. */
    this.number = 0;
    this.at = 0;
    this.genesis = null;
    this.simulated = false;
    /** Where virtual time begins, once that is known; null for a real network. */
    this.zero = null;
    /** Number → `{ number, state, height, tip, miner, pool, hashRate }`; `pool` counts what waits there. */
    this.nodes = new Map();
    this.groups = [];
    this.rules = [];
    /** Hash → `{ hash, previous, height, miner, time, work, transactions, found, seen }`; `seen` is node → ms. */
    this.blocks = new Map();
    /** The mining job under way: `{ job, bursts }`, where `bursts` is null for mining without end. */
    this.mining = null;
    /** The scenario's step and verdict that were told last. */
    this.step = null;
    this.verdict = null;
    /** Called with each block that is new, or has got a parent or a miner. */
    this.onBlock = () => {};
    this.miners = new Map();
    this.pools = new Map();
    /** What `onChains` found last; null when it is to be looked for again. */
    this.chains = null;
  }

  /** One as `GET /tree` tells it. */
  static from(told) {
    const network = new Network();
    network.number = told.number ?? 0;
    network.at = told.at ?? 0;
    network.genesis = told.genesis ?? null;
    network.simulated = told.simulated ?? false;
    network.groups = told.groups ?? [];
    network.rules = told.rules ?? [];
    for (const node of told.nodes ?? []) {
      const pool = Array.isArray(node.pool) ? node.pool.length : (node.pool ?? 0);
      network.nodes.set(node.number, { ...node, pool, hashRate: node.hash_rate });
      if (Array.isArray(node.pool)) network.pools.set(node.number, new Set(node.pool));
      if (node.miner) network.pays(node.miner, node.number);
    }
    if (network.genesis) network.root();
    for (const block of told.blocks ?? []) {
      const seen = new Map(Object.entries(block.seen ?? {}).map(([node, at]) => [Number(node), at]));
      network.blocks.set(block.hash, { ...block, found: block.found ?? null, seen });
    }
    return network;
  }

  /** Takes in the next entry. */
  apply(number, entry) {
    this.number = Math.max(this.number, number);
    this.at = Math.max(this.at, entry.at ?? 0);
    if (entry.node === undefined) this.applyToNetwork(entry);
    else this.applyToNode(entry.node, entry);
  }

  /**
   * Takes in what the manager says of itself, which no entry tells: the numbers of its nodes (as a map or a set), for one
   * that was started with fewer than before leaves the others out, and its mining job.
   */
  known(numbers, job) {
    for (const node of this.nodes.values())
      if (node.state === "ended" && !numbers.has(node.number)) node.state = "removed";
    this.mining = job?.state === "running" ? { job: job.job, bursts: job.kind === "bursts" ? job.times : null } : null;
    this.chains = null;
  }

  applyToNetwork(entry) {
    if (entry.event === "begun") this.chains = null;
    switch (entry.event) {
      case "begun":
        this.genesis = entry.genesis ?? this.genesis;
        this.simulated = entry.simulated ?? false;
        if (entry.continued) break;
        // A start begins without faults and without processes.
        this.groups = [];
        this.rules = [];
        this.mining = null;
        for (const [number, node] of this.nodes) {
          if (node.state === "removed") continue;
          node.state = "ended";
          this.empty(number);
        }
        if (this.genesis) this.root();
        break;
      case "split":
        this.groups = entry.groups;
        break;
      case "healed":
        this.groups = [];
        break;
      case "links":
        this.rules = entry.rules;
        break;
      case "mining":
        this.mining = entry.state === "begun" ? { job: entry.job, bursts: entry.bursts ?? null } : null;
        break;
      case "step":
        this.step = { number: entry.number, text: entry.text };
        break;
      case "verdict":
        this.verdict = { passed: entry.passed, text: entry.text };
        break;
      default:
    }
  }

  applyToNode(number, entry) {
    let node = this.nodes.get(number);
    if (!node) {
      node = { number, state: "ended", height: 0, tip: this.genesis, miner: null, pool: 0 };
      this.nodes.set(number, node);
    }
    if (MOVING.has(entry.event)) this.chains = null;
    switch (entry.event) {
      case "started":
        node.state = "starting";
        break;
      case "ready":
        node.state = "running";
        node.miner = entry.miner ?? node.miner;
        if (entry.miner) this.pays(entry.miner, number);
        break;
      case "ended":
        node.state = "ended";
        this.empty(number);
        break;
      case "paused":
        node.state = "paused";
        break;
      case "resumed":
        node.state = "running";
        break;
      case "removed":
        node.state = "removed";
        break;
      case "hash_rate":
        node.hashRate = entry.rate;
        break;
      case "held":
        node.height = entry.height;
        node.tip = entry.tip;
        this.pools.set(number, new Set(entry.pool ?? []));
        break;
      case "connected": {
        const block = this.see(number, entry, { ...entry, previous: entry.previous ?? node.tip });
        block.transactions = Math.max(block.transactions, entry.transactions ?? 0);
        node.height = entry.height;
        node.tip = entry.hash;
        // Forwards, what was on a chain stays on it.
        if (node.state !== "running" || !this.chains?.has(block.previous)) this.chains = null;
        else this.chains.add(block.hash);
        break;
      }
      case "disconnected":
        node.height = Math.max(0, entry.height - 1);
        node.tip = this.blocks.get(entry.hash)?.previous ?? null;
        break;
      case "mined":
        this.see(number, entry, entry).found = entry.at;
        break;
      case "side":
        this.see(number, entry, entry);
        break;
      case "orphan": {
        const parent = this.blocks.get(entry.parent);
        this.see(number, entry, { hash: entry.hash, previous: entry.parent, height: parent ? parent.height + 1 : 0 });
        break;
      }
      // What a process said last may be heard after its end, when its pool is gone.
      case "pooled":
        if (!GONE.has(node.state)) this.poolOf(number).add(entry.id);
        break;
      case "confirmed":
      case "dropped":
        this.pools.get(number)?.delete(entry.id);
        break;
      case "restarted":
        this.empty(number);
        break;
      default:
    }
    if (this.pools.has(number)) node.pool = this.pools.get(number).size;
  }

  /** Notes that a node has a block. */
  see(number, { at }, told) {
    let block = this.blocks.get(told.hash);
    const isNew = !block;
    if (isNew) {
      block = {
        hash: told.hash,
        previous: null,
        height: told.height,
        miner: null,
        time: null,
        work: null,
        transactions: 0,
        found: null,
        seen: new Map(),
      };
      this.blocks.set(told.hash, block);
    }
    const [height, previous, miner] = [block.height, block.previous, block.miner];
    block.height = Math.max(block.height, told.height);
    block.previous ??= told.previous ?? null;
    block.miner ??= told.miner ?? null;
    block.time ??= told.time ?? null;
    block.work ??= told.work ?? null;
    if (!block.seen.has(number)) block.seen.set(number, at);
    if (previous !== block.previous && !isNew) this.chains = null;
    if (isNew || height !== block.height || previous !== block.previous || miner !== block.miner) this.onBlock(block);
    return block;
  }

  root() {
    if (this.blocks.has(this.genesis)) return;
    const root = {
      hash: this.genesis,
      previous: null,
      height: 0,
      miner: null,
      time: null,
      work: null,
      transactions: 0,
      found: null,
      seen: new Map(),
    };
    this.blocks.set(this.genesis, root);
    this.onBlock(root);
  }

  pays(miner, number) {
    if (!this.miners.has(miner)) this.miners.set(miner, new Set());
    this.miners.get(miner).add(number);
  }

  poolOf(number) {
    if (!this.pools.has(number)) this.pools.set(number, new Set());
    return this.pools.get(number);
  }

  empty(number) {
    this.pools.delete(number);
    const node = this.nodes.get(number);
    if (node) node.pool = 0;
  }

  /** The number of the node that mined a block: whom it pays says so, or of several who had it first; null if unknown. */
  minerOf(block) {
    if (block.by !== null && block.by !== undefined) return block.by;
    const paid = this.miners.get(block.miner);
    if (!paid) return null;
    if (paid.size === 1) return paid.values().next().value;
    let first = null;
    for (const [node, at] of block.seen)
      if (paid.has(node) && (first === null || at < block.seen.get(first))) first = node;
    return first;
  }

  /** The nodes that were not removed, in the order of their numbers. */
  present() {
    return [...this.nodes.values()]
      .filter((node) => node.state !== "removed")
      .sort((one, other) => one.number - other.number);
  }

  /** The nodes that run, in the order of their numbers. */
  running() {
    return this.present().filter((node) => node.state === "running");
  }

  /** The hashes of all blocks that some node's chain has: of nodes that run, or of all if none does. */
  onChains() {
    if (this.chains) return this.chains;
    const running = this.running();
    const found = new Set();
    for (const node of running.length > 0 ? running : this.present()) {
      for (let hash = node.tip; hash && !found.has(hash); hash = this.blocks.get(hash)?.previous) found.add(hash);
    }
    this.chains = found;
    return found;
  }

  /** The tip with the most work that a running node (or else any) holds; null without blocks. */
  best() {
    const running = this.running();
    let best = null;
    for (const node of running.length > 0 ? running : this.present()) {
      const block = this.blocks.get(node.tip);
      if (block && (!best || heavier(block, best))) best = block;
    }
    return best;
  }

  /** The blocks from this one downwards, at most so many, as far as they are known. */
  chain(block, most = Infinity) {
    const found = [];
    for (let at = block; at && found.length < most; at = this.blocks.get(at.previous)) found.push(at);
    return found;
  }

  /** Forgets the lowest blocks if there are too many; gives those it forgot. */
  trim(most = MOST) {
    if (this.blocks.size <= most) return [];
    const tips = new Set([...this.nodes.values()].map((node) => node.tip));
    const sorted = [...this.blocks.values()].sort((one, other) => one.height - other.height);
    const gone = sorted.slice(0, this.blocks.size - Math.floor(most * 0.9)).filter((block) => !tips.has(block.hash));
    for (const block of gone) {
      this.blocks.delete(block.hash);
      this.chains?.delete(block.hash);
    }
    return gone;
  }
}

/** Whether a block's chain has more work than another's. */
function heavier(block, other) {
  if (block.work && other.work) return block.work > other.work;
  return block.height > other.height;
}
