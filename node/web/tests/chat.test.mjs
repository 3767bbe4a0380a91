// The chat's order of messages, drafts, addresses in texts, and words.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Draft } from "../app/logic/chat/draft.js";
import { host, pieces } from "../app/logic/chat/links.js";
import { STEP, Timeline, firstUnread } from "../app/logic/chat/timeline.js";
import { asked, called, dayName, dayOf, goesOn, groups, inShort, lastSaid, mark, room, roomName, sentence } from "../app/logic/chat/words.js";

const say = (id, more = {}) => ({ id, author: "nm1a", author_name: "anna", mine: false, text: `text of ${id}`, time: 1_000, state: "pending", height: null, confirmations: 0, reply_to: null, ...more });
const ids = (timeline) => timeline.messages.map(({ id }) => id).join("");

/** A node's answer with the messages of these letters (oldest first), from a room that has others before and after them or not. */
const page = (letters, { before = false, after = false, ...more } = {}) => ({
  messages: [...letters].toReversed().map((id) => say(id, { state: "confirmed", height: 1, ...more })), next: before ? "n" : null, previous: after ? "p" : null,
});

/** So many messages with numbers as ids, as a node gives those around one of them. */
const room10k = Array.from({ length: 10_000 }, (_, number) => say(String(number), { state: "confirmed", height: 1 }));
function around(id, limit = 2 * STEP) {
  const from = Math.max(0, Number(id) - Math.floor(limit / 2));
  const messages = room10k.slice(from, from + limit);
  return { messages: messages.toReversed(), next: from > 0 ? "n" : null, previous: from + limit < room10k.length ? "p" : null };
}
const ends = ({ messages }) => [messages[0].id, messages.at(-1).id].map(Number);

test("a page takes the place of what was there", () => {
  const timeline = new Timeline();
  assert.equal(timeline.begun, false);
  timeline.replace(page("def", { before: true }), timeline.now);
  assert.deepEqual([ids(timeline), timeline.older, timeline.newer, timeline.begun], ["def", true, false, true]);
  timeline.replace(page("abc", { after: true }), timeline.now);
  assert.deepEqual([ids(timeline), timeline.older, timeline.newer], ["abc", false, true]);
  timeline.replace(page("abcd"), timeline.now, "b");
  assert.deepEqual([ids(timeline), timeline.older], ["bcd", true], "no more than was there");
  timeline.replace(page("abcd"), timeline.now, "x");
  assert.deepEqual([ids(timeline), timeline.older], ["abcd", false]);
});

test("it grows at both ends, lets go of what is far away, and nothing is there twice", () => {
  const timeline = new Timeline();
  const all = (most) => {
    const [first, last] = ends(timeline);
    assert.deepEqual(timeline.messages.map(({ id }) => Number(id)), Array.from({ length: last - first + 1 }, (_, at) => first + at));
    assert.ok(timeline.messages.length <= most);
  };
  timeline.replace(around("5000"), timeline.now);
  for (let step = 0; step < 20; step += 1) {
    assert.equal(timeline.growOlder(around(timeline.messages[0].id), timeline.now), true);
    timeline.cut(timeline.messages[STEP].id, 300);
    all(300);
  }
  assert.deepEqual([...ends(timeline), timeline.older, timeline.newer], [3950, 4249, true, true]);
  for (let step = 0; step < 20; step += 1) {
    timeline.growNewer(around(timeline.messages.at(-1).id), timeline.now);
    timeline.cut(timeline.messages.at(-STEP).id, 300);
    all(300);
  }
  assert.equal(ends(timeline)[1], 4249 + 20 * (STEP - 1));
  timeline.replace(around("30"), timeline.now);
  timeline.growOlder(around("0"), timeline.now);
  assert.deepEqual([...ends(timeline), timeline.older], [0, 99, false]);
  timeline.replace(around("9990"), timeline.now);
  assert.deepEqual([...ends(timeline), timeline.newer], [9940, 9999, false]);
  assert.equal(timeline.growNewer(around("7"), timeline.now), false, "that is another part of the room");
});

test("read again around its middle, it is the same", () => {
  const timeline = new Timeline();
  for (const count of [50, 51, 300]) {
    timeline.replace(around("5000", count), timeline.now);
    const before = ends(timeline);
    timeline.replace(around(timeline.middle, timeline.messages.length), timeline.now);
    assert.deepEqual(ends(timeline), before);
  }
  timeline.replace(page("ab", { state: "pending" }), timeline.now);
  assert.equal(timeline.middle, undefined);
});

test("what is far from the message that one reads is let go, and at the end what is oldest", () => {
  const timeline = new Timeline();
  const cut = (id) => {
    timeline.replace(page("abcdefgh"), timeline.now);
    timeline.cut(id, 4);
    return [ids(timeline), timeline.older, timeline.newer];
  };
  assert.deepEqual(cut(null), ["efgh", true, false]);
  assert.deepEqual(cut("a"), ["abcd", false, true]);
  assert.deepEqual(cut("d"), ["bcde", true, true]);
  assert.deepEqual(cut("gone"), ["efgh", true, false]);
});

test("new messages go to the room's end alone", () => {
  const timeline = new Timeline();
  timeline.replace(page("abc", { after: true }), timeline.now);
  assert.equal(timeline.take(say("x")), true, "it is new");
  assert.equal(timeline.take(say("x", { state: "confirmed" })), false, "and only once");
  assert.equal(ids(timeline), "abc");
  timeline.take(say("b", { state: "retracted" }));
  assert.equal(timeline.get("b").state, "retracted");
  timeline.replace(page("cx"), timeline.now);
  timeline.take(say("y"));
  assert.equal(ids(timeline), "cxy");
});

test("what happens while a page is on its way outlives it", () => {
  const timeline = new Timeline();
  timeline.replace(page("abc"), timeline.now);
  const before = timeline.now;
  timeline.take(say("b", { text: "told meanwhile" }));
  timeline.take(say("d"));
  timeline.take(say("d", { state: "confirmed" }));
  timeline.drop("c");
  timeline.replace(page("abc"), before);
  assert.equal(ids(timeline), "abd");
  assert.equal(timeline.get("b").text, "told meanwhile");
  timeline.replace(page("ab"), timeline.now);
  assert.equal(ids(timeline), "ab", "what another page took back is gone");

  timeline.replace(page("ab", { after: true }), timeline.now);
  const asked = timeline.now;
  timeline.take(say("e"));
  timeline.growNewer(page("abc"), asked);
  assert.equal(ids(timeline), "abce", "the end is here, and what was said since");
});

test("an answer that comes after the event says nothing new", () => {
  const timeline = new Timeline();
  timeline.take(say("a", { state: "pending" }));
  timeline.answered(say("a", { state: "waiting" }));
  timeline.answered(say("b", { state: "waiting" }));
  assert.deepEqual(timeline.messages.map(({ id, state }) => [id, state]), [["a", "pending"], ["b", "waiting"]]);
  assert.equal(timeline.take(say("b")), false);
});

test("what is unread is counted among others' messages", () => {
  const messages = [say("a"), say("b", { mine: true }), say("c"), say("d", { mine: true })];
  assert.equal(firstUnread(messages, 1), "c");
  assert.equal(firstUnread(messages, 2), "a");
  assert.equal(firstUnread(messages, 3), null);
  assert.equal(firstUnread(messages, 0), null);
});

const tag = (digit) => digit.repeat(32);

test("a draft is free for the next while one is sent, and comes back if it is refused", () => {
  const draft = new Draft();
  Object.assign(draft, { text: "first", reply: { id: "q" } });
  draft.begin(tag("1"));
  assert.deepEqual(draft.next, { tag: tag("1"), text: "first", reply: { id: "q" }, lost: false });
  draft.text = "second";
  draft.begin(tag("2"));
  draft.text = "third";
  draft.fail();
  assert.deepEqual([draft.text, draft.reply, draft.sending, draft.next], ["first\nsecond\nthird", { id: "q" }, [], null]);
  draft.begin(tag("3"));
  draft.done(draft.next);
  assert.ok(draft.empty);
  for (const nothing of [null, "", "{", "7", "null", "[]", '{"sending":[null,{"tag":"x"}]}']) assert.ok(Draft.from(nothing).empty, String(nothing));
});

test("what lost its answer is sent again in its order, with the same tag", () => {
  const draft = new Draft();
  for (const [digit, text] of [["1", "one"], ["2", "two"]]) {
    draft.text = text;
    draft.begin(tag(digit));
  }
  assert.equal(draft.next.text, "one");
  draft.lose();
  draft.text = "three";
  draft.begin(tag("3"));
  draft.text = "not sent";
  assert.equal(draft.next, null, "what follows waits");
  const loaded = Draft.from(draft.toString());
  for (const again of [draft, loaded]) {
    assert.deepEqual([again.text, again.next, again.lost], ["not sent", null, true]);
    again.retry();
    assert.deepEqual(again.sending.map((entry) => [entry.tag, entry.text]), [[tag("1"), "one"], [tag("2"), "two"], [tag("3"), "three"]]);
    again.done(again.next);
    assert.equal(again.next.text, "two");
  }
});

test("two pages have the same draft, and both know what is being sent", () => {
  const [one, other] = [new Draft(), new Draft()];
  one.text = "sent here";
  one.begin(tag("1"));
  other.join(one.toString());
  assert.deepEqual([other.text, other.sending], ["", [{ tag: tag("1"), text: "sent here", reply: null, lost: true }]]);
  other.text = "being typed";
  one.join(other.toString());
  assert.deepEqual([one.text, one.next.text, one.sending.length], ["being typed", "sent here", 1]);
  one.done(one.next);
  other.join(one.toString());
  assert.deepEqual([other.text, other.sending], ["being typed", []]);
  other.join(null);
  assert.ok(other.empty);
});

test("addresses of the web are found where they are, without the sentence around them", () => {
  const found = (text) => pieces(text).filter(({ url }) => url).map(({ url }) => url);
  assert.deepEqual(pieces("see https://a.example/b?c=d#e, or (http://b.example/x_(y))."), [
    { text: "see " }, { text: "https://a.example/b?c=d#e", url: "https://a.example/b?c=d#e" }, { text: ", or (" },
    { text: "http://b.example/x_(y)", url: "http://b.example/x_(y)" }, { text: ")." },
  ]);
  assert.deepEqual(found("HTTPS://A.Example!"), ["https://a.example/"]);
  for (const text of ["javascript:alert(1)", "data:text/html,x", "ftp://a.example", "//a.example", "www.a.example", "https://", "xhttps://a.example", "file:///etc/passwd", ""]) {
    assert.deepEqual(found(text), [], text);
    assert.equal(pieces(text).map((piece) => piece.text).join(""), text);
  }
  assert.deepEqual(found("https://a.example/\u202Etxt.exe"), ["https://a.example/"]);
  assert.equal(host("https://bank.example@evil.example/"), "evil.example");
  assert.equal(pieces("<a href='https://a.example'>x</a>").map((piece) => piece.text).join(""), "<a href='https://a.example'>x</a>");
});

test("states, names and what was asked for are told in words", () => {
  assert.equal(mark(say("a", { state: "confirmed", height: 5 }), 7).words, "confirmed (3)");
  assert.equal(mark(say("a", { state: "confirmed", height: 5, confirmations: 2 }), 0).words, "confirmed (2)");
  assert.equal(mark(say("a", { state: "confirmed", height: 9 }), 7).words, "confirmed (1)", "a block may be told before the tip is");
  assert.deepEqual(["waiting", "pending", "retracted", "undecided"].map((state) => mark(say("a", { state }), 7).words), ["waiting", "pending", "retracted, on its way again", "undecided"]);
  assert.equal(called("ev\u202Eil", "nm1"), "ev⟨202E⟩il");
  assert.equal(called(" ", "nm1qqqqqqqqqqqqqqqq"), "nm1qqq…qqqqqq");
  assert.equal(asked({ what: "add", member: "nm1x", name: "ben", history: false }), "ben joins, and cannot read what was written before");
  assert.equal(asked({ what: "leave", member: null, name: null }), "You leave");
  assert.equal(asked({ what: "name", member: null, name: "new" }), "The room is renamed to “new”");
  assert.equal(lastSaid(say("a", { text: "one\n two" })), "anna: one two");
  assert.equal(inShort("👍".repeat(9), 4), "👍👍👍…");
  assert.deepEqual([roomName("a\u200Fb"), roomName(null), roomName(" ")], ["a⟨200F⟩b", "A room whose name you cannot read", "A room without a name"]);
  assert.deepEqual([sentence("on its way to the pool"), sentence("The pool is full.")], ["On its way to the pool.", "The pool is full."]);
  assert.equal(groups("12345 67890  11111").length, 3);
});

test("the limit is counted in bytes, and told near it", () => {
  assert.deepEqual(room("a".repeat(15_000)), { over: false, words: "" });
  assert.deepEqual(room("a".repeat(15_001)), { over: false, words: "999 bytes left" });
  assert.equal(room("é".repeat(8_000)).over, false);
  assert.equal(room("é".repeat(8_001)).over, true);
});

test("days have names, and what one says in a row stands together", () => {
  const now = new Date(2026, 2, 1, 0, 30).getTime();
  assert.equal(dayName(now - 60_000, now), "Today");
  assert.equal(dayName(now - 3_600_000, now), "Yesterday");
  assert.match(dayName(now - 9 * 86_400_000, now), /^Friday, February 20, 2026$/);
  assert.equal(dayOf(now), "2026-3-1");
  const [one, other] = [say("a", { time: now }), say("b", { time: now + 60_000 })];
  assert.ok(goesOn(one, other));
  for (const apart of [{ author: "nm1b" }, { time: now + 600_000 }, { reply_to: { id: "x" } }]) assert.ok(!goesOn(one, { ...other, ...apart }));
  assert.ok(!goesOn(undefined, one));
  assert.ok(!goesOn(say("a", { time: now - 31 * 60_000 }), say("b", { time: now - 29 * 60_000 })), "midnight lies between them");
});
