/**
 * What follows the `?` of a request.
 *
 * @module
 */

const NONE = new URLSearchParams();

/** Parses a query; the same empty one for all requests without. */
export function parseQuery(query: string): URLSearchParams {
  return query === "" ? NONE : new URLSearchParams(query);
}

/** Whether a switch is on: it is there, and neither `0` nor `false`. */
export function isOn(query: URLSearchParams, name: string): boolean {
  const value = query.get(name);
  return value !== null && value !== "0" && value !== "false";
}
