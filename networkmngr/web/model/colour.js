// A colour for each node: neighbours far apart in hue, all equally bright, dark enough for white figures. Pure.

const known = new Map();

/** `#rrggbb` for the node with this number; grey for an unknown one. */
export function nodeColour(number) {
  const key = number ?? -1;
  if (!known.has(key))
    known.set(
      key,
      key < 0 ? oklch(0.56, 0.012, 250) : oklch(0.55 + (Math.floor(key / 9) % 2) * 0.05, 0.14, 255 + key * 137.508),
    );
  return known.get(key);
}

/** A colour by lightness (0 to 1), chroma and hue (degrees), as CSS Color 4 defines OKLCH, cut to what sRGB has. */
export function oklch(lightness, chroma, hue) {
  const angle = (hue * Math.PI) / 180;
  const [a, b] = [chroma * Math.cos(angle), chroma * Math.sin(angle)];
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  const linear = [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ];
  return `#${linear
    .map((part) => {
      const value = part <= 0.0031308 ? 12.92 * part : 1.055 * part ** (1 / 2.4) - 0.055;
      return Math.round(255 * Math.min(1, Math.max(0, value)))
        .toString(16)
        .padStart(2, "0");
    })
    .join("")}`;
}
