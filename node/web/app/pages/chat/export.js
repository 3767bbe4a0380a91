// A room as a file.

import { el } from "/web/base/dom.js";
import { Refused } from "/web/base/api.js";

/** Has the browser keep everything that can be read of a room. */
export async function exported(id) {
  const answer = await fetch(`/chat/rooms/${id}/export`).catch(() => null);
  if (!answer) throw new Refused(0, { detail: "The server does not answer. Is it still running?" });
  if (!answer.ok) throw new Refused(answer.status, await answer.json().catch(() => ({})));
  const url = URL.createObjectURL(await answer.blob());
  const named = /filename="([^"]+)"/.exec(answer.headers.get("content-disposition") ?? "")?.[1];
  el("a", { href: url, download: named ?? `room-${id}.json` }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
