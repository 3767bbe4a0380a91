// Figures over the newest blocks of the best chain: intervals, difficulty, how fast blocks spread, how many are stale. Pure.

/** The value below which the part `p` (0 to 1) of these lies, by the nearest rank; null if there are none. */
export function percentile(sorted, p) {
  if (sorted.length === 0) return null;
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(p * sorted.length) - 1))];
}

/** When a block began to exist, in milliseconds, as far as was told: found, or first seen. */
export function begun(block) {
  if (block.found !== null && block.found !== undefined) return block.found;
  let first = null;
  for (const at of block.seen.values()) if (first === null || at < first) first = at;
  return first;
}

/** Who had a block when: `[{ node, after }]`, first come first, `after` in milliseconds since it began to exist. */
export function spread(block) {
  const from = begun(block);
  return [...block.seen]
    .map(([node, at]) => ({ node, after: at - from }))
    .sort((one, other) => one.after - other.after || one.node - other.node);
}

/** The expected number of hashes for one block: its work less its parent's. Null if either is not told. */
export function difficulty(network, block) {
  const parent = network.blocks.get(block.previous);
  if (!block.work || !parent?.work) return null;
  const work = BigInt(`0x${block.work}`) - BigInt(`0x${parent.work}`);
  return work > 0n ? Number(work) : null;
}

/**
 * The series of the newest `most` blocks of the best chain, oldest first: `{ heights, at, interval, difficulty, p50, p90,
 * p99, stale }`. Times are in milliseconds; `stale` is the part of the blocks of the last 50 heights that are on no
 * running node's chain. A value is null where it is not known.
 */
export function series(network, most = 120) {
  const best = network.best();
  const chain = best ? network.chain(best, most + 1).reverse() : [];
  const found = { heights: [], at: [], interval: [], difficulty: [], p50: [], p90: [], p99: [], stale: [] };
  const perHeight = stalePerHeight(network);
  for (const [index, block] of chain.entries()) {
    if (block.height === 0 || (index === 0 && chain.length > most)) continue;
    const [before, at] = [index > 0 ? begun(chain[index - 1]) : null, begun(block)];
    const times = percentiles(block);
    found.heights.push(block.height);
    found.at.push(at);
    found.interval.push(before === null || at === null ? null : Math.max(0, at - before));
    found.difficulty.push(difficulty(network, block));
    for (const name of ["p50", "p90", "p99"]) found[name].push(times[name]);
    found.stale.push(staleShare(perHeight, block.height));
  }
  return found;
}

const worked = new WeakMap();

/** How long it took until so many of the nodes besides the first had a block. */
function percentiles(block) {
  const known = worked.get(block);
  if (known?.size === block.seen.size) return known;
  const times = spread(block)
    .map(({ after }) => after)
    .slice(1);
  const found = {
    size: block.seen.size,
    p50: percentile(times, 0.5),
    p90: percentile(times, 0.9),
    p99: percentile(times, 0.99),
  };
  worked.set(block, found);
  return found;
}

const WINDOW = 50;

function stalePerHeight(network) {
  const chains = network.onChains();
  const counts = new Map();
  for (const block of network.blocks.values()) {
    if (block.height === 0) continue;
    const count = counts.get(block.height) ?? { all: 0, stale: 0 };
    count.all += 1;
    if (!chains.has(block.hash)) count.stale += 1;
    counts.set(block.height, count);
  }
  return counts;
}

function staleShare(counts, height) {
  let [all, stale] = [0, 0];
  for (let at = height; at > height - WINDOW; at -= 1) {
    all += counts.get(at)?.all ?? 0;
    stale += counts.get(at)?.stale ?? 0;
  }
  return all === 0 ? null : stale / all;
}
