// Drawing a region again without disturbing what stays: rows, cards and whatever else is as it was keep their elements, and
// with them what a reader unfolded, selected or focused there.

/** Elements that only hold others, so that one may stay while some of what it holds changes. Those with an id stay or go whole. */
const HOLDS = "section.card:not([id]), div.scroll, table.list, table.list > tbody";

/** What an element was when it was made. Tags, for one, change their words afterwards. */
const made = new WeakMap();

/** Puts these children (nodes, text, or lists of them) in the place of those that `parent` has. */
export function redraw(parent, children) {
  const focused = parent.contains(document.activeElement) ? nameOf(document.activeElement) : null;
  const fresh = nodes(children);
  fresh.forEach(remember);
  place(parent, fresh);
  if (focused && !parent.contains(document.activeElement)) {
    [...parent.querySelectorAll("a, button, input, select, textarea, [tabindex]")].find((other) => nameOf(other) === focused)?.focus({ preventScroll: true });
  }
}

const nameOf = (element) => element.id || element.getAttribute("href") || element.getAttribute("data-key") || element.getAttribute("aria-label") || element.textContent;

function nodes(children) {
  if (Array.isArray(children)) return children.flatMap(nodes);
  if (children === null || children === undefined || children === false) return [];
  return [children instanceof Node ? children : document.createTextNode(String(children))];
}

function remember(node) {
  if (made.has(node)) return;
  made.set(node, node.outerHTML ?? node.textContent);
  if (node instanceof Element && holds(node)) [...node.childNodes].forEach(remember);
}

const holds = (node) => node instanceof Element && node.matches(HOLDS);
const shell = (node) => node.cloneNode(false).outerHTML;

/** Has `parent` hold `fresh`, in the shape of elements that it has already wherever they were made as the fresh ones are. */
function place(parent, fresh) {
  const unused = new Map();
  for (const node of parent.childNodes) {
    const key = made.get(node);
    unused.set(key, [...(unused.get(key) ?? []), node]);
  }
  const kept = fresh.map((node) => (parent.contains(node) && node.parentNode === parent ? take(unused, made.get(node), node) : take(unused, made.get(node))));
  const left = [...unused.values()].flat();
  const wanted = fresh.map((node, at) => {
    if (kept[at]) return kept[at];
    const holder = holds(node) ? left.findIndex((other) => holds(other) && shell(other) === shell(node)) : -1;
    if (holder < 0) return node;
    const [other] = left.splice(holder, 1);
    place(other, [...node.childNodes]);
    made.set(other, made.get(node));
    return other;
  });
  left.forEach((node) => {
    if (!wanted.includes(node)) node.remove();
  });
  let next = parent.firstChild;
  for (const node of wanted) {
    if (node === next) next = next.nextSibling;
    else parent.insertBefore(node, next);
  }
}

function take(unused, key, exactly) {
  const same = unused.get(key);
  if (!same?.length) return null;
  const at = exactly ? Math.max(0, same.indexOf(exactly)) : 0;
  return same.splice(at, 1)[0];
}
