// Pictures from Gravatar, for those who turn them on in this browser: off unless somebody does. Kept are only the address and
// the hash that Gravatar is asked for, never the e-mail address itself.

import { el, keep, kept } from "/web/base/dom.js";
import { avatar } from "/web/base/avatar.js";
import { hex, sha256, utf8 } from "./logic/bytes.js";

const KEPT = "gravatar";
const YEAR = 31_536_000;

function pictures() {
  try {
    const found = JSON.parse(kept(KEPT) ?? "{}");
    return typeof found === "object" && found !== null ? found : {};
  } catch {
    return {};
  }
}

/** Whether a picture is fetched for this address. */
export const isOn = (address) => Object.hasOwn(pictures(), address);

/** The picture for an address, if it is turned on; the drawn one takes its place when Gravatar has none or cannot be reached. */
export function picture(address, size) {
  const hash = pictures()[address];
  if (typeof hash !== "string" || !/^[0-9a-f]{64}$/.test(hash)) return null;
  const made = el("img", { class: "avatar", src: `https://www.gravatar.com/avatar/${hash}?s=${2 * size}&d=404`, width: size, height: size, alt: "", referrerpolicy: "no-referrer" });
  made.addEventListener("error", () => made.replaceWith(avatar(address, size)), { once: true });
  return made;
}

/** Fetches a picture for an address from now on. The page is loaded anew, since only then may it ask Gravatar. */
export async function turnOn(address, email) {
  const hash = hex(await sha256(utf8(email.trim().toLowerCase())));
  keep(KEPT, JSON.stringify({ ...pictures(), [address]: hash }));
  document.cookie = `gravatar=on; path=/; max-age=${YEAR}; SameSite=Strict`;
  location.reload();
}

/** Fetches none for this address any more; with the last one, the page may no longer ask Gravatar at all. */
export function turnOff(address) {
  const { [address]: _, ...rest } = pictures();
  keep(KEPT, JSON.stringify(rest));
  if (Object.keys(rest).length === 0) document.cookie = "gravatar=; path=/; max-age=0; SameSite=Strict";
  location.reload();
}
