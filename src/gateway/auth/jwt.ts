/**
 * JSON Web Tokens, checked by `jose`.
 *
 * @module
 */

import type { JSONWebKeySet, JWTPayload, JWTVerifyGetKey, JWTVerifyOptions } from "jose";
import type { Authenticate, Principal } from "../hooks.ts";
import { bearerToken } from "./ready_made.ts";

/** Options of {@linkcode jsonWebTokens}. */
export interface JsonWebTokenOptions {
  /**
   * The keys: a secret for HS256 and its like, a key set, or the address of one, which is fetched when it is needed (and
   * needs `--allow-net` for it).
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

/**
 * Knows clients by JSON Web Tokens: `authorization: Bearer TOKEN`. A token needs an expiry that is not over.
 *
 * @param options Keys, and what a token has to say.
 */
export function jsonWebTokens(options: JsonWebTokenOptions): Authenticate {
  const { keys, issuer, audience, clockToleranceS = 5, principal = ofSubject } = options;
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
    key ??= keys instanceof URL ? jose.createRemoteJWKSet(keys) : jose.createLocalJWKSet(keys as JSONWebKeySet);
    let payload: JWTPayload;
    try {
      ({ payload } = await jose.jwtVerify(token, key as JWTVerifyGetKey, verify));
    } catch (error) {
      if (error instanceof jose.errors.JOSEError) return null;
      throw error;
    }
    return principal(payload);
  };
}

function ofSubject({ sub }: Readonly<Record<string, unknown>>): Principal | null {
  return typeof sub === "string" && sub !== "" ? { name: sub } : null;
}

function toList(one: string | readonly string[]): string[] {
  return typeof one === "string" ? [one] : [...one];
}
