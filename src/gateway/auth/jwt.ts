/**
 * JSON Web Tokens, checked by `jose`.
 *
 * @module
 */

import type { JSONWebKeySet, JWTPayload, JWTVerifyGetKey, JWTVerifyOptions } from "jose";
import { GatewayError } from "../gateway_error.ts";
import type { Authenticate, Principal } from "../hooks.ts";
import { bearerToken } from "./ready_made.ts";

/** Options of {@linkcode jsonWebTokens}. */
export interface JsonWebTokenOptions {
  /**
   * The keys: a secret for HS256 and its like, a key set, or the address of one, which needs `--allow-net`. It is fetched
   * with the first token, when it is ten minutes old, and for a key that it does not have, then at most every 30 seconds:
   * let it have a new key that long before it is used. While it cannot be had, the answer is 503.
   */
  keys: Uint8Array | { readonly keys: readonly object[] } | URL;
  /** Algorithms that are taken. @default {HS256 for a secret, else those of the keys but none of a shared secret} */
  algorithms?: readonly string[];
  /** What `iss` has to be. */
  issuer?: string | readonly string[];
  /** What `aud` has to hold. */
  audience?: string | readonly string[];
  /** Seconds that clocks may differ. @default {5} */
  clockToleranceS?: number;
  /** Whose a token is; null for nobody's. By default that of its `sub`. */
  principal?: (claims: Readonly<Record<string, unknown>>) => Principal | null;
}

const ASYMMETRIC = [
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
  "Ed25519",
];

/** How long a key set may take. */
const FETCH_TIMEOUT_MS = 5_000;
/** How long it is not asked for again that could not be had: tokens come from anybody. */
const FAILED_PAUSE_MS = 1_000;

/**
 * Knows clients by JSON Web Tokens: `authorization: Bearer TOKEN`. A token needs an expiry that is not over.
 *
 * @param options Keys, and what a token has to say.
 * @throws {TypeError} For keys that are none.
 */
export function jsonWebTokens(options: JsonWebTokenOptions): Authenticate {
  const { keys, issuer, audience, clockToleranceS = 5, principal = ofSubject } = options;
  if (!(keys instanceof Uint8Array || keys instanceof URL || Array.isArray(keys?.keys))) {
    throw new TypeError('Cannot use "keys": they must be a Uint8Array, { keys: [...] } or a URL');
  }
  const verify: JWTVerifyOptions = {
    // Without a list a token could choose how it is checked.
    algorithms: [...options.algorithms ?? (keys instanceof Uint8Array ? ["HS256"] : ASYMMETRIC)],
    clockTolerance: clockToleranceS,
    requiredClaims: ["exp"],
    ...(issuer === undefined ? {} : { issuer: toList(issuer) }),
    ...(audience === undefined ? {} : { audience: toList(audience) }),
  };
  let key: Uint8Array | JWTVerifyGetKey | null = keys instanceof Uint8Array ? keys : null;
  return async ({ headers }) => {
    const token = bearerToken(headers);
    if (token === null) return null;
    // Loaded with the first token: gateways without tokens do not load it.
    const jose = await import("jose");
    key ??= keys instanceof URL
      ? jose.createRemoteJWKSet(keys, {
        timeoutDuration: FETCH_TIMEOUT_MS,
        [jose.customFetch]: keySetFetch(jose.createLocalJWKSet),
      })
      : jose.createLocalJWKSet(keys as JSONWebKeySet);
    let payload: JWTPayload;
    try {
      ({ payload } = await jose.jwtVerify(token, key as JWTVerifyGetKey, verify));
    } catch (error) {
      if (error instanceof KeySetError) {
        // No fault of the client's, and nothing that it could repair.
        throw new GatewayError("AUTHENTICATION_UNAVAILABLE", "Cannot tell who is asking: there are no keys", {
          cause: error,
        });
      }
      if (error instanceof jose.errors.JOSEError) return null;
      throw error;
    }
    return principal(payload);
  };
}

/** There is no key set to check a token with. */
class KeySetError extends Error {}

/**
 * A `fetch` of key sets that does not ask again at once for what could not be had.
 *
 * @param check Throws for a key set that is none.
 */
function keySetFetch(check: (set: JSONWebKeySet) => unknown): (url: string, init: RequestInit) => Promise<Response> {
  let error: KeySetError | null = null;
  let pausedUntilMs = 0;
  return async (url, init) => {
    if (error !== null && Date.now() < pausedUntilMs) throw error;
    try {
      const response = await fetch(url, init);
      if (response.status !== 200) {
        await response.body?.cancel();
        throw new Error(`the answer was ${response.status}`);
      }
      const set = await response.json();
      check(set);
      return Response.json(set);
    } catch (cause) {
      pausedUntilMs = Date.now() + FAILED_PAUSE_MS;
      throw error = new KeySetError(`Cannot get the key set: ${(cause as Error).message}`, { cause });
    }
  };
}

function ofSubject({ sub }: Readonly<Record<string, unknown>>): Principal | null {
  return typeof sub === "string" && sub !== "" ? { name: sub } : null;
}

function toList(one: string | readonly string[]): string[] {
  return typeof one === "string" ? [one] : [...one];
}
