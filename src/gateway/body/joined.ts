/**
 * Chunks of a body as one piece.
 *
 * @module
 */

/**
 * Puts chunks behind one another. A single one is not copied.
 *
 * @param parts The chunks.
 * @param length Bytes of all of them.
 */
export function joined(parts: readonly Uint8Array[], length: number): Uint8Array {
  if (parts.length === 1) return parts[0]!;
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
