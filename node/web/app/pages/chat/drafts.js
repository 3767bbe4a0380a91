// Drafts: one for each account and room, kept by the browser until they are sent.

import { forget, keep, kept } from "/web/base/dom.js";
import { Draft, draftName } from "../../logic/chat/draft.js";

/** Those of this page; a browser that keeps nothing has them until it is loaded anew. */
const open = new Map();

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
