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

/** JSON objects of some 100 bytes, no two alike, as compression meets them. */
export function jsonValue(i: number): string {
  const user = (i * 7919) % 100_003;
  const event = ["click", "view", "buy"][i % 3];
  const value = Math.sin(i).toFixed(6);
  return `{"id":${i},"user":"user-${user}","event":"${event}","at":${1_795_363_200_000 + i * 13},"v":"${value}"}`;
}

/** Exactly that many bytes of {@linkcode jsonValue}s, one after the other. */
export function jsonRecords(bytes: number): Uint8Array {
  const values: string[] = [];
  let length = 0;
  for (let i = 0; length < bytes; i++) length += values[values.push(jsonValue(i)) - 1]!.length;
  return new TextEncoder().encode(values.join("")).slice(0, bytes);
}
