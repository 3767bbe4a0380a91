// The worked examples of docs/protocol.md, read from the document itself, so that pages and document cannot part.

import { readFileSync } from "node:fs";

const DOCUMENT = readFileSync(new URL("../../../docs/protocol.md", import.meta.url), "utf8");

/** The text of the example with this name. */
export function example(name) {
  const begin = DOCUMENT.indexOf(`\`\`\`${name}\n`);
  if (begin < 0) throw new Error(`the document has no example "${name}"`);
  const from = DOCUMENT.indexOf("\n", begin) + 1;
  return DOCUMENT.slice(from, DOCUMENT.indexOf("\n```", from));
}

/** The bytes of an example of bytes, as hexadecimal digits. */
export const digits = (name) => example(`hex ${name}`).split("\n").map((line) => line.split(";")[0].trim()).join("");

/** The JSON of an example. */
export const json = (name) => JSON.parse(example(`json ${name}`));
