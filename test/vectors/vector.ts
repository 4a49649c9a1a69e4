/**
 * The golden frames: what real clients and a real broker said to each other.
 *
 * @module
 */

import type { ApiName } from "../../protocol/apis.ts";

/** A frame, and where it comes from. Made by `capture.ts`. */
export interface Vector {
  /** The call. */
  api: ApiName;
  /** Its version. */
  version: number;
  /** Which way it went. */
  direction: "request" | "response";
  /** Who sent the request; `"ekaf"` for those encoded here. */
  client: string;
  /** Who answered. */
  broker: string;
  /** What was asked for, where one client asked for several things. */
  about: string;
  /** The frame without its size, in base64. */
  bytes: string;
}
