import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { type GatewayFailure, jsonWebTokens } from "@ekaf/ekaf/gateway";
import { exportJWK, generateKeyPair, type GenerateKeyPairResult, SignJWT } from "jose";
import { gatewayRig } from "../gateway_rig.ts";

const AUDIENCE = "gateway";

/** A key server, tokens by its keys, and the clock that the age of its answers is told by. */
class KeyServer implements AsyncDisposable {
  /** What it answers with. */
  answer: () => Response | Promise<Response> = () => Response.json({ keys: this.#keys });
  /** How often it was asked. */
  asked = 0;
  readonly #server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, () => {
    this.asked++;
    return this.answer();
  });
  readonly #dateNow = Date.now;
  #keys: object[] = [];
  #pairs = new Map<string, GenerateKeyPairResult>();

  get issuer(): string {
    return `http://127.0.0.1:${this.#server.addr.port}`;
  }

  get url(): URL {
    return new URL("/jwks.json", this.issuer);
  }

  /** Has keys of these ids, and no others. */
  async rotate(...ids: string[]): Promise<void> {
    this.#keys = [];
    for (const kid of ids) {
      const pair = this.#pairs.get(kid) ?? await generateKeyPair("ES256", { extractable: true });
      this.#pairs.set(kid, pair);
      this.#keys.push({ ...await exportJWK(pair.publicKey), kid, alg: "ES256" });
    }
  }

  /** A token by the key of this id, which `change` may spoil. */
  token(kid: string, change: (jwt: SignJWT) => SignJWT = (jwt) => jwt): Promise<string> {
    const jwt = new SignJWT({}).setProtectedHeader({ alg: "ES256", kid }).setSubject("ada").setExpirationTime("1h")
      .setIssuer(this.issuer).setAudience(AUDIENCE);
    return change(jwt).sign(this.#pairs.get(kid)!.privateKey);
  }

  /** Makes answers older; what a token says of time is read from another clock. */
  age(seconds: number): void {
    const before = Date.now;
    Date.now = () => before() + seconds * 1_000;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    Date.now = this.#dateNow;
    await this.#server.shutdown();
  }
}

/** A gateway that takes tokens of a key server. */
async function guarded(server: KeyServer) {
  const failures: GatewayFailure[] = [];
  const keys = jsonWebTokens({ keys: server.url, issuer: server.issuer, audience: AUDIENCE });
  const rig = await gatewayRig({ gateway: { authenticate: keys, onError: (failure) => void failures.push(failure) } });
  const post = async (token: string) => {
    const response = await rig.post("/sync/t", "a", { headers: { authorization: `Bearer ${token}` } });
    await response.body?.cancel();
    return response;
  };
  return Object.assign(rig, { send: post, statusOf: async (token: string) => (await post(token)).status, failures });
}

Deno.test("jsonWebTokens() takes tokens by keys of a key server, which is asked once", async () => {
  await using server = new KeyServer();
  await server.rotate("1");
  await using rig = await guarded(server);

  assertEquals(await rig.statusOf(await server.token("1")), 200);
  assertEquals(await rig.statusOf(await server.token("1")), 200);
  assertEquals([server.asked, rig.texts()], [1, ["a", "a"]]);
});

Deno.test("jsonWebTokens() with a key server answers 401 to tokens that are spoilt, over, of others, or unsigned", async () => {
  await using server = new KeyServer();
  await server.rotate("1");
  await using rig = await guarded(server);
  const base64 = (value: object) =>
    new TextEncoder().encode(JSON.stringify(value)).toBase64({ alphabet: "base64url", omitPadding: true });
  const claims = { sub: "ada", iss: server.issuer, aud: AUDIENCE, exp: Math.floor(Date.now() / 1_000) + 3_600 };
  const publicKey = new TextEncoder().encode(JSON.stringify((await (await fetch(server.url)).json()).keys[0]));
  const good = await server.token("1");
  const wrong: [name: string, token: string][] = [
    ["a wrong audience", await server.token("1", (jwt) => jwt.setAudience("other"))],
    ["a wrong issuer", await server.token("1", (jwt) => jwt.setIssuer("http://127.0.0.1"))],
    ["an expiry that is over", await server.token("1", (jwt) => jwt.setExpirationTime("1h ago"))],
    ["a beginning to come", await server.token("1", (jwt) => jwt.setNotBefore("1h"))],
    ["no algorithm", `${base64({ alg: "none" })}.${base64(claims)}.`],
    ["no algorithm, but a signature", `${base64({ alg: "none", kid: "1" })}.${base64(claims)}.${good.split(".")[2]}`],
    [
      "the public key as its secret",
      await new SignJWT(claims).setProtectedHeader({ alg: "HS256", kid: "1" }).sign(publicKey),
    ],
    ["another's claims", `${good.split(".")[0]}.${base64({ ...claims, sub: "bob" })}.${good.split(".")[2]}`],
    ["no form at all", "token"],
  ];

  for (const [name, token] of wrong) assertEquals(await rig.statusOf(token), 401, name);
  assertEquals([await rig.statusOf(good), rig.texts()], [200, ["a"]]);
});

Deno.test("jsonWebTokens() follows a key server that changes its keys", async () => {
  await using server = new KeyServer();
  await server.rotate("1");
  await using rig = await guarded(server);
  const first = await server.token("1");
  assertEquals(await rig.statusOf(first), 200);

  await server.rotate("1", "2");
  const second = await server.token("2");
  const tooSoon = [await rig.statusOf(second), server.asked];
  server.age(31);
  const both = [await rig.statusOf(second), await rig.statusOf(first), server.asked];
  await server.rotate("2");
  const stillKnown = [await rig.statusOf(first), server.asked];
  server.age(601);
  const after = [await rig.statusOf(first), await rig.statusOf(second), server.asked];

  assertEquals([tooSoon, both, stillKnown, after], [[401, 1], [200, 200, 2], [200, 2], [401, 200, 3]]);
});

Deno.test("jsonWebTokens() asks a key server for keys that it does not have once in 30 seconds, whatever tokens say", async () => {
  await using server = new KeyServer();
  await server.rotate("1", "2");
  await using rig = await guarded(server);
  const unknown = await server.token("2");
  await server.rotate("1");

  const statuses = [];
  for (let i = 0; i < 5; i++) statuses.push(await rig.statusOf(unknown));

  assertEquals([statuses, server.asked], [Array(5).fill(401), 1]);
});

const BROKEN: [name: string, answer: () => Response][] = [
  ["answers with an error", () => new Response("no", { status: 500 })],
  ["sends elsewhere", () => new Response(null, { status: 302, headers: { location: "http://127.0.0.1:1/" } })],
  ["answers with something else", () => new Response("<html>")],
  ["answers with a set that is none", () => Response.json({ key: [] })],
  ["answers with keys that are none", () => Response.json({ keys: ["1"] })],
];

for (const [name, answer] of BROKEN) {
  Deno.test(`jsonWebTokens() answers 503, not 401, while its key server ${name}, and asks it again later`, async () => {
    await using server = new KeyServer();
    await server.rotate("1");
    await using rig = await guarded(server);
    const token = await server.token("1");
    const { answer: keys } = server;

    server.answer = answer;
    const response = await rig.send(token);
    const again = await rig.statusOf(token);
    const asked = server.asked;
    server.answer = keys;
    server.age(2);
    const after = await rig.statusOf(token);

    assertEquals([response.status, again, asked, after], [503, 503, 1, 200]);
    assertEquals(response.headers.get("x-error-code"), "AUTHENTICATION_UNAVAILABLE");
    assertMatch(response.headers.get("retry-after")!, /^[1-9]\d*$/);
    assertEquals(rig.texts(), ["a"]);
  });
}

Deno.test("jsonWebTokens() answers 503, not 401, while nobody listens at its key server, and tells the owner why", async () => {
  const server = new KeyServer();
  await server.rotate("1");
  await using rig = await guarded(server);
  const token = await server.token("1");
  await server[Symbol.asyncDispose]();

  const statuses = [await rig.statusOf(token), await rig.statusOf("no token at all")];
  const [failure] = rig.failures;

  assertEquals([statuses, rig.texts()], [[503, 401], []]);
  assertEquals(failure!.message, "Cannot tell who is asking: there are no keys");
  assert(String((failure!.cause as Error).cause).includes("Cannot get the key set: "), String(failure!.cause));
});

Deno.test("jsonWebTokens() refuses keys that are none", () => {
  // deno-lint-ignore no-explicit-any
  for (const keys of ["secret", {}, { keys: "1" }, null, undefined] as any[]) {
    assertThrows(() => jsonWebTokens({ keys }), TypeError, 'Cannot use "keys"');
  }
});
