/**
 * Which version of each call to speak on a connection.
 *
 * @see {@link https://cwiki.apache.org/confluence/x/LhIIBg KIP-35} and KIP-511
 * @module
 */

import { apiByKey, type ApiName, negotiate } from "../../protocol/apis.ts";
import { errorCode } from "../../protocol/error_codes.ts";
import { ProtocolError } from "../../protocol/errors.ts";
import { decodeResponse } from "../../protocol/frame.ts";
import { BrokerError } from "../errors.ts";

/** What a connection may assume of a broker: that it tells its versions, or that it is too old to. */
export type ProtocolEra = "auto" | "0.8" | "0.9";

/** Highest version asked for first. */
export const API_VERSIONS_VERSION = 4;

/** Name and version of this client as brokers log them (KIP-511). The version is the package's. */
export const CLIENT_SOFTWARE: { readonly clientSoftwareName: string; readonly clientSoftwareVersion: string } = {
  clientSoftwareName: "ekaf",
  clientSoftwareVersion: "0.1.0",
};

const UNSUPPORTED_VERSION = 35;

/** Version of each call, by name; a call that is absent cannot be made. */
export type VersionTable = ReadonlyMap<ApiName, number>;

/**
 * The versions of brokers that cannot be asked.
 *
 * @param era Which brokers.
 */
export function fixedVersions(era: "0.8" | "0.9"): VersionTable {
  const versions = new Map<ApiName, number>([["Metadata", 0]]);
  const produce = negotiate("Produce", { minVersion: 0, maxVersion: era === "0.8" ? 0 : 1 });
  if (produce !== null) versions.set("Produce", produce);
  return versions;
}

/**
 * Asks a broker for its versions. One that does not know the version of the question says so in the oldest format,
 * and is asked again in that.
 *
 * @param ask Sends ApiVersions in a version and resolves with the frame of the answer, without its size.
 * @throws {BrokerError} If the broker refuses to tell.
 * @throws {ProtocolError} If the answer makes no sense.
 */
export async function negotiateVersions(ask: (version: number) => Promise<Uint8Array>): Promise<VersionTable> {
  let version = API_VERSIONS_VERSION;
  let frame = await ask(version);
  if (peekErrorCode(frame) === UNSUPPORTED_VERSION) frame = await ask(version = 0);
  const code = peekErrorCode(frame);
  if (code !== 0) throw new BrokerError("agree on versions", errorCode(code));
  const versions = new Map<ApiName, number>();
  for (const range of decodeResponse("ApiVersions", version, frame).body.apiKeys) {
    const api = apiByKey(range.apiKey);
    const agreed = api === undefined ? null : negotiate(api, range);
    if (api !== undefined && agreed !== null) versions.set(api, agreed);
  }
  return versions;
}

/** In every version the error code is the first field, behind the correlation id. */
function peekErrorCode(frame: Uint8Array): number {
  if (frame.length < 6) throw new ProtocolError("Cannot read the answer to ApiVersions: it is too short");
  return new DataView(frame.buffer, frame.byteOffset).getInt16(4);
}
