/**
 * The tables behind both checksums.
 *
 * @module
 */

/**
 * Tables for several bytes a step, 256 entries each, one behind the other. Table k holds the CRC of one byte followed by
 * k zero bytes.
 *
 * @param polynomial The polynomial, bits reversed.
 * @param count How many.
 */
export function crcTables(polynomial: number, count: number): Int32Array {
  const tables = new Int32Array(count * 256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (polynomial & -(crc & 1));
    tables[byte] = crc;
  }
  for (let i = 256; i < tables.length; i++) {
    const previous = tables[i - 256]!;
    tables[i] = (previous >>> 8) ^ tables[previous & 255]!;
  }
  return tables;
}
