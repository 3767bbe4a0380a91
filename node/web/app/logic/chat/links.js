// Addresses of the web in a text, to be shown as text that can be pressed. Pure.

// What cannot be seen, or is written as a number, ends an address, and so do signs that often stand around one.
const WEB = /\bhttps?:\/\/[^\s<>"“”„«»\u0000-\u0020\u007f-\u00a0\u00ad\u061c\u200b-\u200f\u2028-\u202f\u2060-\u206f\ufeff\ufff9-\ufffb]+/gi;
const ENDS = /[.,;:!?'’…*_~]$/;
const BRACKETS = { ")": "(", "]": "[", "}": "{" };

/** The text in pieces, in order: `{ text }`, and `{ text, url }` for addresses, where `url` is the whole address as a browser would ask for it. */
export function pieces(text) {
  const found = [];
  let from = 0;
  for (const match of text.matchAll(WEB)) {
    const written = trimmed(match[0]);
    const url = address(written);
    if (!url) continue;
    if (match.index > from) found.push({ text: text.slice(from, match.index) });
    found.push({ text: written, url });
    from = match.index + written.length;
  }
  if (from < text.length) found.push({ text: text.slice(from) });
  return found;
}

/** Without the signs of the sentence that it stands in. */
function trimmed(written) {
  const last = written.at(-1);
  const opens = BRACKETS[last];
  const lone = opens && written.split(last).length > written.split(opens).length;
  return ENDS.test(written) || lone ? trimmed(written.slice(0, -1)) : written;
}

function address(written) {
  try {
    const url = new URL(written);
    return ["http:", "https:"].includes(url.protocol) && url.hostname ? url.href : null;
  } catch {
    return null;
  }
}

/** Whose address it is: the host, without what may stand before it to look like another. */
export const host = (url) => new URL(url).host;
