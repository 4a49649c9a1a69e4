/**
 * Ready-made hooks that tell who sent a request.
 *
 * @module
 */

import { GatewayError } from "../gateway_error.ts";
import type { Authenticate, AuthRequest, Principal } from "../hooks.ts";
import { areEqual, digestOf, hmacOf, SecretBook } from "./secret.ts";

/** A principal, or its name. */
export type PrincipalOrName = Principal | string;

/**
 * Knows clients by tokens: `authorization: Bearer TOKEN`.
 *
 * @param tokens Tokens and whose they are.
 * @throws {RangeError} For an empty token.
 */
export function bearerTokens(tokens: Readonly<Record<string, PrincipalOrName>>): Authenticate {
  checkSecrets(Object.keys(tokens), "a token");
  const book = new SecretBook(Object.entries(tokens).map(([token, who]) => [token, toPrincipal(who)]));
  return ({ headers }) => {
    const token = bearerToken(headers);
    return token === null ? null : book.ownerOf(token) ?? null;
  };
}

/** A user of {@linkcode basicUsers}. */
export interface BasicUser {
  /** What proves who it is. */
  readonly password: string;
  /** Topics it may write to; unset: all that the gateway allows. */
  readonly topics?: "*" | readonly string[];
}

/**
 * Knows clients by name and password: HTTP Basic.
 *
 * @param users Passwords by name, or users by name.
 * @throws {RangeError} For an empty password, and for a name with a colon.
 */
export function basicUsers(users: Readonly<Record<string, string | BasicUser>>): Authenticate {
  const known = new Map(
    Object.entries(users).map(([name, user]) => {
      const { password, topics } = typeof user === "string" ? { password: user } : user;
      checkSecrets([password], "a password");
      if (name.includes(":")) throw new RangeError("Cannot use a name with a colon: HTTP Basic has none");
      return [name, {
        digest: digestOf(password),
        principal: topics === undefined ? { name } : { name, topics },
      }] as const;
    }),
  );
  const nobody = digestOf("");
  return ({ headers }) => {
    const { name, password } = basicCredentials(headers);
    const user = known.get(name);
    // An unknown name takes as long as a known one. No password is empty, so nothing equals nobody's by being left out.
    const isRight = areEqual(user?.digest ?? nobody, digestOf(password));
    if (isRight && user !== undefined) return user.principal;
    throw new GatewayError("UNAUTHENTICATED", "Cannot tell who is asking: name or password is wrong", {
      headers: { "www-authenticate": 'Basic realm="ekaf", charset="UTF-8"' },
    });
  };
}

/** Options of {@linkcode signedBodies}. */
export interface SignedBodiesOptions {
  /** Secrets, and who signs with them. */
  secrets: Readonly<Record<string, PrincipalOrName>>;
  /** Header with the signature in hexadecimal digits, with or without `sha256=` in front. @default {"x-hub-signature-256"} */
  header?: string;
  /** Hash of the HMAC. @default {"sha256"} */
  algorithm?: "sha256" | "sha512";
}

/**
 * Knows clients by the HMAC of the body, as webhooks sign it: over the bytes as they were sent, within the limits of the
 * route. A streamed body cannot be signed so.
 *
 * @param options Secrets, and where the signature is.
 * @throws {RangeError} For an empty secret.
 */
export function signedBodies(options: SignedBodiesOptions): Authenticate {
  const { secrets, header = "x-hub-signature-256", algorithm = "sha256" } = options;
  checkSecrets(Object.keys(secrets), "a secret");
  const signers = Object.entries(secrets).map(([secret, who]) => ({ secret, principal: toPrincipal(who) }));
  return async (request) => {
    const signature = fromHex((request.headers.get(header) ?? "").replace(`${algorithm}=`, ""));
    if (signature === null) return null;
    const body = await request.body();
    let found: Principal | null = null;
    for (const { secret, principal } of signers) {
      if (areEqual(hmacOf(algorithm, secret, body), signature)) found = principal;
    }
    return found;
  };
}

/**
 * Asks one hook after another; the first that knows the client tells.
 *
 * @param hooks The hooks.
 */
export function anyOf(...hooks: readonly Authenticate[]): Authenticate {
  return async (request: AuthRequest) => {
    let refusal: GatewayError | null = null;
    for (const hook of hooks) {
      try {
        const who = await hook(request);
        if (who !== null) return who;
      } catch (error) {
        if (!(error instanceof GatewayError) || error.code !== "UNAUTHENTICATED") throw error;
        refusal = error;
      }
    }
    if (refusal !== null) throw refusal;
    return null;
  };
}

/** The token of a request, null for none. */
export function bearerToken(headers: Headers): string | null {
  const [, token] = /^bearer +([A-Za-z0-9._~+/-]+=*)$/i.exec(headers.get("authorization") ?? "") ?? [];
  return token ?? null;
}

function basicCredentials(headers: Headers): { name: string; password: string } {
  const [, base64] = /^basic +([A-Za-z0-9+/]+=*)$/i.exec(headers.get("authorization") ?? "") ?? [];
  const none = { name: "", password: "" };
  if (base64 === undefined) return none;
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(Uint8Array.fromBase64(base64));
    const end = text.indexOf(":");
    return end === -1 ? none : { name: text.slice(0, end), password: text.slice(end + 1) };
  } catch {
    return none;
  }
}

function fromHex(text: string): Uint8Array | null {
  return /^([0-9a-fA-F]{2})+$/.test(text) ? Uint8Array.fromHex(text) : null;
}

function toPrincipal(who: PrincipalOrName): Principal {
  return typeof who === "string" ? { name: who } : who;
}

function checkSecrets(secrets: readonly string[], what: string): void {
  if (secrets.includes("")) throw new RangeError(`Cannot use ${what} that is empty`);
}
