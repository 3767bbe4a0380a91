// Groups for a split, while somebody makes them up. Every node is in one; a group may be empty until the split is ordered. Pure.

/** Two groups of these nodes, the first half and the rest. */
export function halves(nodes) {
  const half = Math.ceil(nodes.length / 2);
  return [nodes.slice(0, half), nodes.slice(half)];
}

/** The groups with these nodes in the one with this index; an index beyond the last makes another group. */
export function moved(groups, nodes, to) {
  const moving = new Set(nodes);
  const next = groups.map((group) => group.filter((node) => !moving.has(node)));
  while (next.length <= to) next.push([]);
  next[to] = [...next[to], ...moving].sort((one, other) => one - other);
  return next;
}

/** The groups without the one of this index, whose nodes go to the first of the others. */
export function without(groups, index) {
  if (groups.length < 3) return groups;
  return moved(groups, groups[index], index === 0 ? 1 : 0).filter((_, at) => at !== index);
}

/** The groups for nodes as they are now: those that are gone leave, new ones join the last group. */
export function present(groups, nodes) {
  const known = new Set(groups.flat());
  const next = groups.map((group) => group.filter((node) => nodes.includes(node)));
  const added = nodes.filter((node) => !known.has(node));
  return added.length === 0 ? next : moved(next, added, Math.max(0, next.length - 1));
}

/** What keeps these groups from being a split, in a sentence; null if nothing does. */
export function problem(groups) {
  const filled = groups.filter((group) => group.length > 0).length;
  return filled < 2 ? "A split needs at least two groups with a node in each." : null;
}

/** The index of the group that a node is in; -1 if it is in none. */
export const groupOf = (groups, node) => groups.findIndex((group) => group.includes(node));
