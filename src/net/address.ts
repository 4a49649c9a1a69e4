/**
 * Addresses of brokers as people write them.
 *
 * @module
 */

/** Where a broker listens. */
export interface Address {
  /** Name, IPv4 or IPv6 address; IPv6 without brackets. */
  host: string;
  /** TCP port, 1 to 65535. */
  port: number;
}

/** Port used where none is written: Kafka's own default. */
export const DEFAULT_PORT = 9092;

/**
 * Reads addresses. Each string holds one or several separated by commas: `"a"`, `"a:9092"`, `"10.0.0.1:9092"`,
 * `"[::1]:9092"`, `"::1"`, `"PLAINTEXT://a:9092"` is refused. Repeated addresses are kept once, in their first place.
 *
 * @param bootstrap The addresses.
 * @throws {TypeError} If it is neither a string nor an array of strings, or an entry is no address.
 * @throws {RangeError} If there is none at all, or a port is not from 1 to 65535.
 */
export function parseAddresses(bootstrap: string | readonly string[]): Address[] {
  const lists: readonly unknown[] = Array.isArray(bootstrap) ? bootstrap : [bootstrap];
  const addresses = new Map<string, Address>();
  for (const list of lists) {
    if (typeof list !== "string") {
      throw new TypeError(`Cannot read the bootstrap address ${quote(list)}: it is not a string`);
    }
    for (const entry of list.split(",")) {
      const text = entry.trim();
      if (text === "") continue; // "a:1,b:2," and an empty environment variable in a list do no harm.
      const address = parseAddress(text);
      addresses.set(formatAddress(address), address);
    }
  }
  if (addresses.size === 0) throw new RangeError(`Cannot use "bootstrap" ${quote(bootstrap)}: it holds no address`);
  return [...addresses.values()];
}

/**
 * Writes an address as `host:port`, with brackets around an IPv6 host.
 *
 * @param address The address.
 */
export function formatAddress(address: Address): string {
  return address.host.includes(":") ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}

function parseAddress(text: string): Address {
  const { host, port } = splitPort(text);
  if (!(host.includes(":") ? isIpv6(host) : /^[\p{L}\p{N}._-]+$/u.test(host))) {
    const hint = text.includes("://") ? "leave out the protocol before the host" : "expected host:port";
    throw new TypeError(`Cannot read the bootstrap address ${quote(text)}: ${hint}`);
  }
  if (port === undefined) return { host, port: DEFAULT_PORT };
  const number = /^\d{1,5}$/.test(port) ? Number(port) : NaN;
  if (!(number >= 1 && number <= 65_535)) {
    throw new RangeError(`Cannot read the bootstrap address ${quote(text)}: the port must be from 1 to 65535`);
  }
  return { host, port: number };
}

/** Eight groups, or fewer around one `::`; the platform judges the rest. */
function isIpv6(host: string): boolean {
  return /^[0-9a-fA-F:.]+(?:%[\w.-]+)?$/.test(host) && (host.includes("::") || host.split(":").length >= 7);
}

function splitPort(text: string): { host: string; port: string | undefined } {
  const bracketed = /^\[([^\]]*)\](?::(.*))?$/.exec(text);
  if (bracketed !== null) {
    // Brackets promise an IPv6 address: a name in them is a slip.
    return { host: bracketed[1]!.includes(":") ? bracketed[1]! : "", port: bracketed[2] };
  }
  const colon = text.indexOf(":");
  // Two colons and no brackets: an IPv6 address without a port.
  if (colon === -1 || text.indexOf(":", colon + 1) !== -1) return { host: text, port: undefined };
  return { host: text.slice(0, colon), port: text.slice(colon + 1) };
}

function quote(value: unknown): string {
  return JSON.stringify(value) ?? String(value);
}
