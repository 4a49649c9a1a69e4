/**
 * Secrets, compared in a time that says nothing about them.
 *
 * @module
 */

import { createHash, createHmac, timingSafeEqual } from "node:crypto";

/** The digest of a secret, or of parts in order: of the same length for all of them. */
export function digestOf(...parts: readonly (string | Uint8Array)[]): Uint8Array {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest();
}

/** Whether two digests are the same. */
export function areEqual(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && timingSafeEqual(one, other);
}

/** The HMAC of a body. */
export function hmacOf(algorithm: "sha256" | "sha512", secret: string | Uint8Array, body: Uint8Array): Uint8Array {
  return createHmac(algorithm, secret).update(body).digest();
}

/** Secrets and whose they are. */
export class SecretBook<T> {
  readonly #entries: readonly { readonly digest: Uint8Array; readonly owner: T }[];

  /** @param secrets Secrets and their owners. */
  constructor(secrets: Iterable<readonly [secret: string, owner: T]>) {
    this.#entries = Array.from(secrets, ([secret, owner]) => ({ digest: digestOf(secret), owner }));
  }

  /** Whose `secret` is, undefined for nobody's; all are looked at, so that it takes the same time for each. */
  ownerOf(secret: string): T | undefined {
    const given = digestOf(secret);
    let found: T | undefined;
    for (const { digest, owner } of this.#entries) if (areEqual(digest, given)) found = owner;
    return found;
  }
}
