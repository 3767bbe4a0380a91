// Drafts: one for each account and room, kept by the browser until they are sent, and the same one in all its pages.

import { forget, keep, kept } from "/web/base/dom.js";
import { Draft, draftName } from "../../logic/chat/draft.js";

/** Those of this page; a browser that keeps nothing has them until it is loaded anew. */
const open = new Map();
const hearers = new Set();

/** The draft of an account for a room. */
export function draftOf(address, room) {
  const name = draftName(address, room);
  if (!open.has(name)) open.set(name, Draft.from(kept(name)));
  return open.get(name);
}

/** Keeps it as it is now. */
export function keepDraft(address, room, draft) {
  const name = draftName(address, room);
  if (draft.empty) forget(name);
  else keep(name, draft.toString());
}

/** Calls `hear()` when the draft is another, until the function that it returns is called. */
export function onDraft(draft, hear) {
  const hearer = { draft, hear };
  hearers.add(hearer);
  return () => hearers.delete(hearer);
}

/** Tells all who show it that it is another. */
export const tellDraft = (draft) => [...hearers].forEach((hearer) => hearer.draft === draft && hearer.hear());

addEventListener("storage", ({ key, newValue }) => {
  const draft = open.get(key);
  if (!draft) return;
  draft.join(newValue);
  tellDraft(draft);
});
