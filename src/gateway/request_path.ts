/**
 * Path and query of a URL, cut out of it: parsing the whole URL would cost more than finding the route.
 *
 * @module
 */

/** Longer than `https:/`, and shorter than any scheme with a host. */
const FIRST_HOST_INDEX = 8;

/** Where the path of a URL begins and ends, and what follows. */
export interface RequestPath {
  /** The path with its leading slash, as it was written. */
  readonly path: string;
  /** What follows `?`, empty for nothing. */
  readonly query: string;
}

/**
 * Cuts a URL with a host.
 *
 * @param url As `Request.url` has it.
 */
export function requestPath(url: string): RequestPath {
  const begin = url.indexOf("/", FIRST_HOST_INDEX);
  const hash = url.indexOf("#");
  const end = hash === -1 ? url.length : hash;
  const mark = url.indexOf("?");
  if (mark === -1 || mark > end) return { path: begin === -1 ? "/" : url.slice(begin, end), query: "" };
  return { path: begin === -1 || begin > mark ? "/" : url.slice(begin, mark), query: url.slice(mark + 1, end) };
}
