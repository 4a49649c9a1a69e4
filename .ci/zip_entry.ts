/**
 * Reads one file out of a zip archive in memory, as jars are.
 *
 * @see {@link https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT}
 * @module
 */

const END_SIGNATURE = 0x06054b50;
const END_BYTES = 22;
const ENTRY_BYTES = 46;
const LOCAL_BYTES = 30;
const STORED = 0;

/**
 * Reads a file.
 *
 * @param archive The whole archive, of less than 4 GiB.
 * @param name Path of the file inside of it.
 * @returns Its content, unpacked.
 * @throws {Error} If there is no such archive or file.
 */
export async function readZipEntry(archive: Uint8Array<ArrayBuffer>, name: string): Promise<Uint8Array> {
  const view = new DataView(archive.buffer, archive.byteOffset, archive.byteLength);
  const entry = findEntry(archive, view, name);
  const method = view.getUint16(entry + 10, true);
  const packedBytes = view.getUint32(entry + 20, true);
  const local = view.getUint32(entry + 42, true);
  // The local header repeats the name, and its extra field may differ in length from the directory's.
  const start = local + LOCAL_BYTES + view.getUint16(local + 26, true) + view.getUint16(local + 28, true);
  const packed = archive.subarray(start, start + packedBytes);
  if (method === STORED) return packed;
  const unpacked = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return new Uint8Array(await new Response(unpacked).arrayBuffer());
}

/** Where the entry of a file starts in the central directory. */
function findEntry(archive: Uint8Array, view: DataView, name: string): number {
  let end = archive.length - END_BYTES;
  while (end >= 0 && view.getUint32(end, true) !== END_SIGNATURE) end--;
  if (end < 0) throw new Error(`Cannot read ${JSON.stringify(name)}: the archive has no end of its directory`);
  const decoder = new TextDecoder();
  let at = view.getUint32(end + 16, true);
  for (let left = view.getUint16(end + 10, true); left > 0; left--) {
    const nameBytes = view.getUint16(at + 28, true);
    const found = decoder.decode(archive.subarray(at + ENTRY_BYTES, at + ENTRY_BYTES + nameBytes));
    if (found === name) return at;
    at += ENTRY_BYTES + nameBytes + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
  }
  throw new Error(`Cannot read ${JSON.stringify(name)}: the archive has no such file`);
}
