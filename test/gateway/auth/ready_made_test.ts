import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { anyOf, basicUsers, bearerTokens, signedBodies } from "@ekaf/ekaf/gateway";
import { GatewayError } from "../../../src/gateway/gateway_error.ts";
import type { AuthRequest } from "../../../src/gateway/hooks.ts";

/** A request with headers and a body. */
function request(headers: Record<string, string>, body = ""): AuthRequest {
  return {
    headers: new Headers(headers),
    method: "POST",
    url: "http://localhost/sync/t",
    body: () => Promise.resolve(new TextEncoder().encode(body)),
  };
}

const bearer = (token: string) => request({ authorization: `Bearer ${token}` });
const basic = (text: string) => request({ authorization: `Basic ${new TextEncoder().encode(text).toBase64()}` });

Deno.test("bearerTokens() knows whose a token is, and nobody by any other", async () => {
  const hook = bearerTokens({ "s3cret": "ada", "other": { name: "bob", topics: ["clicks"] } });

  assertEquals(await hook(bearer("s3cret")), { name: "ada" });
  assertEquals(await hook(request({ authorization: "bearer   other" })), { name: "bob", topics: ["clicks"] });
  for (const wrong of ["s3cre", "s3crets", "S3CRET", "toString", "__proto__"]) {
    assertEquals(await hook(bearer(wrong)), null);
  }
  for (const header of ["", "Bearer", "Bearer ", "Basic s3cret", "Bearer s3cret x", "s3cret"]) {
    assertEquals(await hook(request({ authorization: header })), null, header);
  }
  assertEquals(await hook(request({})), null);
  assertThrows(() => bearerTokens({ "": "x" }), RangeError, "empty");
});

Deno.test("basicUsers() knows users by name and password, and asks all others for them", () => {
  const hook = basicUsers({ ada: "pass:wörd", bob: { password: "x", topics: ["clicks"] } });

  assertEquals(hook(basic("ada:pass:wörd")), { name: "ada" });
  assertEquals(hook(basic("bob:x")), { name: "bob", topics: ["clicks"] });
  const wrong = [
    basic("ada:"),
    basic("ada"),
    basic(":"),
    basic("eve:"),
    basic("eve:x"),
    basic("bob:pass:wörd"),
    request({}),
    request({ authorization: "Basic !" }),
  ];
  for (const one of wrong) {
    const error = assertThrows(() => hook(one), GatewayError);
    assertEquals([error.status, error.headers["www-authenticate"]], [401, 'Basic realm="ekaf", charset="UTF-8"']);
  }
  assertThrows(() => basicUsers({ ada: "" }), RangeError, "empty");
  assertThrows(() => basicUsers({ "a:b": "x" }), RangeError, "colon");
});

Deno.test("signedBodies() knows who signed the body", async () => {
  const hook = signedBodies({ secrets: { "It's a Secret to Everybody": "hub", "other": "bob" } });
  // The example of GitHub's documentation on webhooks.
  const signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

  assertEquals(await hook(request({ "x-hub-signature-256": signature }, "Hello, World!")), { name: "hub" });
  assertEquals(await hook(request({ "x-hub-signature-256": signature.slice(7).toUpperCase() }, "Hello, World!")), {
    name: "hub",
  });
  assertEquals(await hook(request({ "x-hub-signature-256": signature }, "Hello, World")), null);
  for (const wrong of ["", "sha256=", "sha256=00", "sha256=x", signature.slice(0, -2)]) {
    assertEquals(await hook(request({ "x-hub-signature-256": wrong }, "Hello, World!")), null);
  }
  assertThrows(() => signedBodies({ secrets: { "": "x" } }), RangeError, "empty");
});

Deno.test("anyOf() asks one hook after another, and refuses as the last that refused", async () => {
  const hook = anyOf(basicUsers({ ada: "x" }), bearerTokens({ token: "bob" }));

  assertEquals(await hook(basic("ada:x")), { name: "ada" });
  assertEquals(await hook(bearer("token")), { name: "bob" });
  await assertRejects(async () => await hook(bearer("wrong")), GatewayError, "name or password");
  const failing = anyOf(() => Promise.reject(new Error("down")), bearerTokens({ token: "bob" }));
  await assertRejects(async () => await failing(bearer("token")), Error, "down");
});
