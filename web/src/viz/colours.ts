/**
 * Cividis, perceptually even and the same for readers with colour vision deficiency: Nuñez,
 * Anderton and Renslow, PLoS ONE 13(7), 2018. Seventeen anchors, linear in between.
 */
const ANCHORS = (
  "00224e 002e6a 1a386f 32436d 434e6c 535a6d 61656f 6f7073 7d7c78 8c8878 9b9476 aba072 bcae6c " +
  "cdbb63 dec958 f0d846 fee838"
).split(" ");

/** 256 colours as the little-endian RGBA words of `ImageData`. */
export const CIVIDIS: Uint32Array = (() => {
  const table = new Uint32Array(256);
  const rgb = ANCHORS.map((hex) => [0, 2, 4].map((at) => parseInt(hex.slice(at, at + 2), 16)));
  for (let i = 0; i < 256; i++) {
    const place = (i / 255) * (rgb.length - 1);
    const below = Math.min(Math.floor(place), rgb.length - 2);
    const share = place - below;
    const [r, g, b] = rgb[below]!.map((value, channel) =>
      Math.round(value + (rgb[below + 1]![channel]! - value) * share),
    ) as [number, number, number];
    table[i] = (255 << 24) | (b << 16) | (g << 8) | r;
  }
  return table;
})();

/** Places from 0 to 1 and their colours, for gradients of drawings. */
export const GRADIENT_STOPS: readonly (readonly [number, string])[] = ANCHORS.map(
  (hex, i) => [i / (ANCHORS.length - 1), `#${hex}`] as const,
);

/** The colour of `value` between `low` and `high`; a value outside takes the nearer end. */
export function colour(value: number, low: number, high: number): number {
  const share = high > low ? (value - low) / (high - low) : 0.5;
  return CIVIDIS[Math.max(0, Math.min(255, Math.round(share * 255)))]!;
}

/**
 * Hues that stay apart for readers with colour vision deficiency: Okabe and Ito, "Color universal
 * design", 2008, without black and yellow, and two more. For marks and tints, not for text.
 */
export const HUES: readonly string[] =
  "#0072b2 #d55e00 #009e73 #cc79a7 #56b4e9 #e69f00 #7d62b8 #8f7a3d".split(" ");
