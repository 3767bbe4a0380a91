// The resuming stream: what has a number is told once, what has none each time.

import assert from "node:assert/strict";
import { test } from "node:test";

import { follow } from "../base/live.js";

/** Stands in for the browser's, which gives an event without a number that of the one before it. */
class Source {
  static all = [];
  handlers = {};
  closed = false;
  #last = "";

  constructor(path) {
    this.path = path;
    Source.all.push(this);
  }

  addEventListener(name, handler) {
    this.handlers[name] = handler;
  }

  close() {
    this.closed = true;
  }

  tell(name, data, id) {
    if (id !== undefined) this.#last = id;
    this.handlers[name]({ data: JSON.stringify(data), lastEventId: this.#last });
  }
}

test("events without a number are told although the browser repeats one, and numbered ones once", () => {
  globalThis.EventSource = Source;
  Source.all = [];
  const told = [];
  const stream = follow("/events", { names: ["connected"], passing: ["chat"], from: 4, onEvent: (event, id) => told.push([event, id]) });
  const [first] = Source.all;
  assert.equal(first.path, "/events?from=4");
  first.tell("connected", "a", "4");
  first.tell("chat", "b");
  first.tell("chat", "c");
  first.tell("connected", "d", "5.1");
  stream.reopen();
  assert.ok(first.closed);
  const [, second] = Source.all;
  assert.equal(second.path, "/events?from=5", "what was not heard to its end is asked for again");
  second.tell("connected", "d", "5.1");
  second.tell("connected", "e", "5");
  second.tell("chat", "f");
  assert.deepEqual(told, [["a", "4"], ["b", ""], ["c", ""], ["d", "5.1"], ["e", "5"], ["f", ""]]);
  stream.close();
  stream.reopen();
  assert.equal(Source.all.length, 2, "what is closed stays so");
});
