/**
 * Proxies that are believed, by their addresses.
 *
 * @module
 */

import { BlockList, isIP } from "node:net";
import { quote } from "../option_checks.ts";

type Family = "ipv4" | "ipv6";

const MAX_PREFIX: Readonly<Record<Family, number>> = { ipv4: 32, ipv6: 128 };

/** See the module comment. */
export class ProxyList {
  readonly #list = new BlockList();

  /**
   * @param entries Addresses, and networks such as `10.0.0.0/8`.
   * @throws {RangeError} For an entry that is neither.
   */
  constructor(entries: readonly string[]) {
    for (const entry of entries) this.#add(entry);
  }

  /** Whether an address is one of them. One of IPv4 may also be written as one of IPv6. */
  has(address: string): boolean {
    const family = familyOf(address);
    return family !== null && this.#list.check(address, family);
  }

  /**
   * Where a request comes from: the last address, of those it was forwarded for, that is no trusted proxy's. What stands
   * before it, anybody may have written.
   *
   * @param peer Who is connected.
   * @param forwardedFor Its `x-forwarded-for`.
   */
  clientOf(peer: string, forwardedFor: string | undefined): string {
    let client = peer;
    let rest = forwardedFor ?? "";
    while (rest !== "" && this.has(client)) {
      const comma = rest.lastIndexOf(",");
      const entry = addressIn(rest.slice(comma + 1).trim());
      rest = comma === -1 ? "" : rest.slice(0, comma);
      // What is no address says nothing: it is the proxy's own requests then.
      if (entry === null) return client;
      client = entry;
    }
    return client;
  }

  #add(entry: string): void {
    const [address, prefix, ...more] = entry.split("/") as [string, ...string[]];
    const family = familyOf(address);
    const bits = prefix === undefined ? 0 : /^\d{1,3}$/.test(prefix) ? Number(prefix) : Infinity;
    if (family === null || more.length > 0 || bits > MAX_PREFIX[family]) {
      throw new RangeError(
        `Cannot use "trustedProxies" ${quote(entry)}: it must be an address, or a network such as "10.0.0.0/8"`,
      );
    }
    if (prefix === undefined) this.#list.addAddress(address, family);
    else this.#list.addSubnet(address, bits, family);
  }
}

function familyOf(address: string): Family | null {
  const version = isIP(address);
  return version === 0 ? null : version === 4 ? "ipv4" : "ipv6";
}

/** The address of an entry, which some proxies write with a port: another one for each connection. */
function addressIn(entry: string): string | null {
  const address = /^\[([^\]]*)\](?::\d+)?$/.exec(entry)?.[1] ?? /^([\d.]+):\d+$/.exec(entry)?.[1] ?? entry;
  return isIP(address) === 0 ? null : address;
}
