/**
 * The checksum at the end of what `deflate` means in HTTP, the zlib format.
 *
 * @see {@link https://www.rfc-editor.org/rfc/rfc1950#section-9}
 * @module
 */

const MODULUS = 65_521;
/** So many bytes can be added before the sums have to be reduced. */
const RUN_BYTES = 5_552;
const TAIL_BYTES = 4;

/**
 * Whether a zlib stream is whole. `DecompressionStream` of Deno 2.9 takes one that is cut off for one that ends there; it
 * refuses damage and what follows the end.
 */
export class ZlibEnd {
  #a = 1;
  #b = 0;
  /** The last bytes of the stream that have come. */
  #tail: Uint8Array = new Uint8Array(0);

  /** Whether the stream ends with the checksum of what it became. */
  get isWhole(): boolean {
    if (this.#tail.length < TAIL_BYTES) return false;
    const [w, x, y, z] = this.#tail as unknown as [number, number, number, number];
    return (w << 8) + x === this.#b && (y << 8) + z === this.#a;
  }

  /** Takes compressed bytes. */
  compressed(bytes: Uint8Array): void {
    if (bytes.length >= TAIL_BYTES) this.#tail = bytes.slice(-TAIL_BYTES);
    else this.#tail = Uint8Array.of(...this.#tail, ...bytes).slice(-TAIL_BYTES);
  }

  /** Takes what they became. */
  plain(bytes: Uint8Array): void {
    let a = this.#a;
    let b = this.#b;
    for (let index = 0; index < bytes.length;) {
      const end = Math.min(index + RUN_BYTES, bytes.length);
      for (; index < end; index++) {
        a += bytes[index]!;
        b += a;
      }
      a %= MODULUS;
      b %= MODULUS;
    }
    this.#a = a;
    this.#b = b;
  }
}
