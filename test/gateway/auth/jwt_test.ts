import { assertEquals } from "@std/assert";
import { jsonWebTokens } from "@ekaf/ekaf/gateway";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import type { AuthRequest } from "../../../src/gateway/hooks.ts";

const SECRET = new TextEncoder().encode("a secret of thirty-two characters");

/** A request with a token. */
function request(token: string): AuthRequest {
  return {
    headers: new Headers({ authorization: `Bearer ${token}` }),
    method: "POST",
    url: "http://localhost/sync/t",
    body: () => Promise.reject(new Error("the body was read")),
  };
}

/** A token that `change` may spoil. */
function token(
  change: (jwt: SignJWT) => SignJWT = (jwt) => jwt,
  key: Parameters<SignJWT["sign"]>[0] = SECRET,
): Promise<string> {
  const jwt = new SignJWT({}).setProtectedHeader({ alg: "HS256" }).setSubject("ada").setExpirationTime("1h")
    .setIssuer("https://issuer").setAudience("gateway");
  return change(jwt).sign(key);
}

Deno.test("jsonWebTokens() knows whose a token is that is signed with the secret", async () => {
  const hook = jsonWebTokens({ keys: SECRET, issuer: "https://issuer", audience: ["gateway", "other"] });

  assertEquals(await hook(request(await token())), { name: "ada" });
});

Deno.test("jsonWebTokens() refuses tokens that are spoilt, over, of others, or unsigned", async () => {
  const hook = jsonWebTokens({ keys: SECRET, issuer: "https://issuer", audience: "gateway" });
  const good = await token();
  const [, payload] = good.split(".");
  const none = `${
    new TextEncoder().encode('{"alg":"none"}').toBase64({ alphabet: "base64url", omitPadding: true })
  }.${payload}.`;
  const wrong = [
    `${good.slice(0, -4)}AAAA`,
    none,
    "x",
    "a.b.c",
    await token((jwt) => jwt.setExpirationTime(Math.floor(Date.now() / 1000) - 60)),
    await token((jwt) => jwt.setNotBefore("1h")),
    await token((jwt) => jwt.setIssuer("https://other")),
    await token((jwt) => jwt.setAudience("other")),
    await token((jwt) => jwt.setSubject("")),
    await token((jwt) => jwt, new TextEncoder().encode("another secret of some thirty-two chars")),
    await new SignJWT({ sub: "ada", iss: "https://issuer", aud: "gateway" }).setProtectedHeader({ alg: "HS256" }).sign(
      SECRET,
    ),
  ];

  for (const [index, one] of wrong.entries()) assertEquals(await hook(request(one)), null, `token ${index}`);
  assertEquals(await hook({ ...request(""), headers: new Headers() }), null);
});

Deno.test("jsonWebTokens() takes keys of a set, and reads principals as told", async () => {
  const { publicKey, privateKey } = await generateKeyPair("ES256", { extractable: true });
  const keys = { keys: [{ ...await exportJWK(publicKey), kid: "1", alg: "ES256" }] };
  const hook = jsonWebTokens({ keys, principal: ({ team }) => ({ name: String(team), topics: ["clicks"] }) });
  const signed = await new SignJWT({ team: "web" }).setProtectedHeader({ alg: "ES256", kid: "1" }).setExpirationTime(
    "1h",
  )
    .sign(privateKey);

  assertEquals(await hook(request(signed)), { name: "web", topics: ["clicks"] });
  // The public key as a secret: the oldest trick there is.
  const publicBytes = new TextEncoder().encode(JSON.stringify(keys.keys[0]));
  assertEquals(await hook(request(await token((jwt) => jwt, publicBytes))), null);
});
