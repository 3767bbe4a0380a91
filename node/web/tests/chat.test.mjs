// The chat's order of messages, drafts, addresses in texts, and words.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Draft } from "../app/logic/chat/draft.js";
import { host, pieces } from "../app/logic/chat/links.js";
import { Timeline, firstUnread } from "../app/logic/chat/timeline.js";
import { asked, called, dayName, dayOf, goesOn, groups, inShort, lastSaid, mark, room, roomName, sentence } from "../app/logic/chat/words.js";

const say = (id, more = {}) => ({ id, author: "nm1a", author_name: "anna", mine: false, text: `text of ${id}`, time: 1_000, state: "pending", height: null, confirmations: 0, reply_to: null, ...more });
const ids = (timeline) => timeline.messages.map(({ id }) => id).join("");
const page = (letters, next = null, more = {}) => ({ messages: [...letters].map((id) => say(id, more)), next });

test("pages go before what is there, and nothing is there twice", () => {
  const timeline = new Timeline();
  timeline.newestPage(page("fed", "x"), timeline.now);
  timeline.olderPage(page("dcb", "y"), timeline.now);
  assert.equal(ids(timeline), "bcdef");
  assert.equal(timeline.before, "y");
  timeline.olderPage(page("a"), timeline.now);
  assert.equal(ids(timeline), "abcdef");
  assert.equal(timeline.before, null);
});

test("a newest page brings the node's order and keeps what is older", () => {
  const timeline = new Timeline();
  timeline.newestPage(page("dc", "x"), timeline.now);
  timeline.olderPage(page("ba", "w"), timeline.now);
  assert.equal(timeline.take(say("f")), true);
  assert.equal(timeline.take(say("e")), true);
  assert.equal(ids(timeline), "abcdfe");
  timeline.newestPage(page("fedc", "x"), timeline.now);
  assert.equal(ids(timeline), "abcdef");
  assert.equal(timeline.before, "w", "the older pages' end is still theirs");
});

test("a newest page that does not reach back to what is known takes its place", () => {
  const timeline = new Timeline();
  timeline.newestPage(page("ba", "w"), timeline.now);
  timeline.newestPage(page("zy", "x"), timeline.now);
  assert.equal(ids(timeline), "yz");
  assert.equal(timeline.before, "x");
});

test("what happens while a page is on its way outlives it", () => {
  const timeline = new Timeline();
  timeline.newestPage(page("cba"), timeline.now);
  const before = timeline.now;
  timeline.take(say("b", { state: "confirmed" }));
  timeline.take(say("d"));
  timeline.drop("c");
  timeline.newestPage(page("cba"), before);
  assert.equal(ids(timeline), "abd");
  assert.equal(timeline.get("b").state, "confirmed");
  timeline.newestPage(page("ba"), timeline.now);
  assert.equal(ids(timeline), "ab", "what another page took back is gone");
});

test("an answer that comes after the event says nothing new", () => {
  const timeline = new Timeline();
  timeline.take(say("a", { state: "pending" }));
  timeline.answered(say("a", { state: "waiting" }));
  timeline.answered(say("b", { state: "waiting" }));
  assert.deepEqual(timeline.messages.map(({ id, state }) => [id, state]), [["a", "pending"], ["b", "waiting"]]);
  assert.equal(timeline.take(say("b")), false);
  assert.equal(timeline.newest.state, "pending");
});

test("what is unread is counted among others' messages", () => {
  const messages = [say("a"), say("b", { mine: true }), say("c"), say("d", { mine: true })];
  assert.equal(firstUnread(messages, 1), "c");
  assert.equal(firstUnread(messages, 2), "a");
  assert.equal(firstUnread(messages, 3), null);
  assert.equal(firstUnread(messages, 0), null);
});

test("a draft is free for the next while one is sent, and comes back if it is refused", () => {
  const draft = new Draft();
  Object.assign(draft, { text: "first", reply: { id: "q" } });
  const first = draft.begin(10);
  draft.text = "second";
  const kept = Draft.from(draft.toString());
  assert.deepEqual([kept.text, kept.sending], ["second", [{ text: "first", reply: { id: "q" }, at: 10, lost: true }]]);
  draft.failed(first);
  draft.failed(first);
  assert.deepEqual([draft.text, draft.reply, draft.sending], ["first\nsecond", { id: "q" }, []]);
  const both = draft.begin(20);
  draft.done(both, "m");
  assert.ok(draft.empty);
  for (const nothing of [null, "", "{", "7", "null"]) assert.ok(Draft.from(nothing).empty, String(nothing));
});

test("what was sent although its answer was lost is not written again", () => {
  const draft = new Draft();
  for (const text of ["ok", "ok", "lost"]) {
    draft.text = text;
    draft.begin(100);
  }
  const mine = (id, text, time) => say(id, { mine: true, text, time });
  const room = [mine("old", "ok", 99), say("x", { text: "ok", time: 200 }), mine("a", "ok", 100)];
  assert.deepEqual(draft.unseen(room).map(({ text }) => text), ["ok", "lost"]);
  draft.done(draft.sending[0], "a");
  assert.deepEqual(draft.unseen(room).map(({ text }) => text), ["ok", "lost"], "one message stands for one");
  const kept = Draft.from(draft.toString());
  assert.equal(draft.settle(room), false, "the answers may still come");
  assert.equal(draft.sending.length, 2);
  assert.equal(kept.settle([...room, mine("b", "ok", 101)]), true);
  assert.deepEqual([kept.text, kept.sending], ["lost", []]);
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
