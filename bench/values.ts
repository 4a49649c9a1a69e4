/**
 * Values to produce: JSON-like text of an exact length. `peers/librdkafka.c` and `peers/javascript.mjs` make the same.
 *
 * @module
 */

/** How many different values there are. */
export const VALUE_COUNT = 1000;

/** {@linkcode VALUE_COUNT} different texts of `valueBytes` ASCII characters. */
export function textValues(valueBytes: number): string[] {
  return Array.from({ length: VALUE_COUNT }, (_, i) => {
    let text = `{"id":${i},"text":"`;
    for (let at = text.length; at < valueBytes; at++) text += String.fromCharCode(97 + (i * 7 + at * 13) % 26);
    // Building by += leaves a rope, which V8 flattens on first use: slicing a joined copy does that here.
    return [...text].slice(0, valueBytes).join("");
  });
}

/** The same values as bytes, each in a buffer of its own. */
export function byteValues(valueBytes: number): Uint8Array[] {
  const encoder = new TextEncoder();
  return textValues(valueBytes).map((text) => encoder.encode(text));
}
