// The colour of a node: far from those of its neighbours, and dark enough for white figures on it.

/** The colour of the node with this number; grey for an unknown one. */
export function nodeColour(number) {
  if (number === null || number === undefined) return "oklch(0.58 0.01 250)";
  const hue = (255 + number * 137.508) % 360;
  return `oklch(${0.56 + (Math.floor(number / 9) % 2) * 0.05} 0.14 ${hue.toFixed(1)})`;
}

/** What the theme says, for what is drawn on a canvas. */
export function themeColours() {
  const styles = getComputedStyle(document.documentElement);
  const names = ["paper", "card", "sunken", "ink", "quiet", "line", "accent", "good", "warn", "bad"];
  return Object.fromEntries(names.map((name) => [name, styles.getPropertyValue(`--${name}`).trim()]));
}

/** Calls `act` when the theme becomes another. */
export function onTheme(act) {
  new MutationObserver(act).observe(document.documentElement, { attributeFilter: ["data-theme"] });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", act);
}
