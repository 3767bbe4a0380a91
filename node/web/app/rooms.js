// The rooms of the account in use, and how much in them is unread: read again as news come.

import { get } from "/web/base/api.js";
import { hear } from "./live.js";
import { onSession, session } from "./server.js";

/** Milliseconds after news before the list is read again, so that a burst of them is one reading. */
const PAUSE = 150;

const hearers = new Set();

/** `list` is what `/chat/rooms` said of the account `address`; null before it is known. `refusal` is why it is not. */
export const rooms = { address: null, list: null, refusal: null };

/** Messages of others that were not seen yet, in all rooms. */
export const unread = () => (rooms.list ?? []).reduce((sum, { unread: count }) => sum + count, 0);

/** Calls `hearer` when the list has changed, until the function that it returns is called. */
export function onRooms(hearer) {
  hearers.add(hearer);
  return () => hearers.delete(hearer);
}

let timer = null;

/** Reads the list a little later. */
export function readRoomsSoon() {
  timer ??= setTimeout(() => {
    timer = null;
    readRooms();
  }, PAUSE);
}

let asked = 0;

async function readRooms() {
  const address = session.account?.address ?? null;
  const asking = (asked += 1);
  if (rooms.address !== address) Object.assign(rooms, { address, list: null, refusal: null });
  try {
    const list = address ? (await get("/chat/rooms")).rooms : null;
    if (asking === asked) Object.assign(rooms, { list, refusal: null });
  } catch (error) {
    // A node that does not answer takes nothing away from what stands there.
    if (asking === asked && ![0, 503].includes(error.status)) Object.assign(rooms, { list: null, refusal: error });
  }
  if (asking === asked) hearers.forEach((hearer) => hearer());
}

/** Whether news are about the chat of the account in use; `room` is the one concerned, if one room alone is wanted. */
export function concerns({ kind, event }, room = null) {
  if (kind === "refresh") return true;
  return kind === "chat" && event.account === session.account?.address && (room === null || event.room === room);
}

/** Keeps the list as long as the page is open. */
export function keepRooms() {
  hear((news) => {
    if (concerns(news)) readRoomsSoon();
  });
  onSession(readRooms);
  readRooms();
}
