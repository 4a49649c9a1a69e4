import { assert, assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { Producer } from "@ekaf/ekaf";
import { EmbeddedCluster } from "@ekaf/ekaf/embedded";
import { type Authenticate, basicUsers, createGateway, type EditHook } from "@ekaf/ekaf/gateway";
import { Browser } from "./browser.ts";

/** The page of a gateway over an embedded cluster, in a browser. */
async function openPage(
  { login = "", ...options }: { login?: string; authenticate?: Authenticate; editJson?: EditHook } = {},
) {
  await using stack = new AsyncDisposableStack(); // Also where something below fails.
  const cluster = stack.use(await EmbeddedCluster.listen({ topics: { clicks: 3, orders: 1 } }));
  const producer = stack.use(new Producer({ bootstrap: cluster.bootstrap }));
  let gateway = createGateway({ producer, page: true, preStopMs: 0, ...options });
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen: () => {} },
    (request, info) => gateway.fetch(request, info),
  );
  stack.defer(async () => {
    await gateway.drain();
    await server.shutdown();
  });
  const browser = stack.use(await Browser.start());
  const url = `http://${login}127.0.0.1:${server.addr.port}/`;
  await browser.resize(1280, 900);
  await browser.open(url);
  await browser.until("document.getElementById('state').textContent === 'serving'");
  const open = stack.move();
  return {
    cluster,
    browser,
    endGateway: () => gateway.drain(),
    startGateway: () => gateway = createGateway({ producer, page: true, preStopMs: 0, ...options }),
    post: async (path: string, body: string) => {
      const response = await fetch(`${url}${path}`, { method: "POST", body });
      await response.body?.cancel();
    },
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  };
}

const focused = "document.activeElement.id || document.activeElement.textContent.trim()";
const SEND_ONE = `
  document.getElementById("topic").value = "orders";
  document.getElementById("value").value = "one";
  document.getElementById("send-form").requestSubmit();
`;
const sentText = "document.getElementById('sent').textContent";

Deno.test("the page sends a record by the keyboard alone, and tells where it landed", async () => {
  await using page = await openPage();
  const { browser, cluster } = page;
  const stops: string[] = [];
  const tab = async () => {
    await browser.press("Tab");
    stops.push(await browser.evaluate(focused));
  };

  for (let stop = 0; stop < 3; stop++) await tab();
  await browser.type("clicks");
  await tab();
  await browser.type("user-7 ü");
  await tab();
  await browser.type('{"name":"Zoë <b>"}');
  await tab();
  await browser.type("origin: page\nnote: ä: b");
  await tab();
  await browser.press("Enter");
  await browser.until(`/^(Landed|Refused|Not)/.test(${sentText})`);

  assertEquals(stops, ["Skip to the form", "pause", "topic", "key", "value", "headers", "Send"]);
  const [record] = cluster.records("clicks");
  assertEquals([record!.text(), new TextDecoder().decode(record!.key!)], ['{"name":"Zoë <b>"}', "user-7 ü"]);
  const headers = record!.headers.map(([name, value]) => `${name}=${new TextDecoder().decode(value!)}`);
  assertEquals(headers, ["note=ä: b", "origin=page"]);
  const text = await browser.evaluate(sentText);
  assertMatch(text, new RegExp(`^Landed in clicks, partition ${record!.partition}, offset ${record!.offset}, after `));
  assertEquals(browser.complaints, []);
});

Deno.test("the page says why a record was refused, and which line is no header", async () => {
  await using page = await openPage();
  const { browser } = page;
  const fill = (fields: Record<string, string>) =>
    browser.evaluate(
      `for (const [name, value] of Object.entries(${JSON.stringify(fields)})) {
        const field = document.getElementById(name);
        field.value = value;
        field.dispatchEvent(new Event("input"));
      }
      document.getElementById("send-form").requestSubmit();`,
    );

  await fill({ topic: "clicks", value: "a", headers: "no header" });
  const complaint = await browser.evaluate("document.getElementById('headers').validationMessage");
  await fill({ topic: "__internal", value: "a", headers: "" });
  await browser.until(`${sentText}.startsWith("Refused")`);

  assertMatch(complaint, /name: value/);
  assertMatch(await browser.evaluate(sentText), /^Refused \(403\): Cannot write to topic/);
  await browser.until("document.getElementById('failures').textContent.includes('403')");
});

Deno.test("the page shows topics, lanes and moving charts, and stands still when paused or told", async () => {
  await using page = await openPage();
  const { browser, cluster, post } = page;
  const picture = () =>
    browser.evaluate("Array.from(document.querySelectorAll('canvas'), (canvas) => canvas.toDataURL()).join()");
  const twoFrames = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))";

  for (let index = 0; index < 5; index++) await post("sync/orders", `{"n":${index}}`);
  await browser.until("document.getElementById('total-delivered').textContent === '5'");
  await browser.until(
    "/delivered [\\d.]+, failed 0/.test(document.querySelector('#chart-records canvas').ariaLabel)",
  );
  const first = await picture();
  await browser.until(twoFrames);
  await new Promise((resolve) => setTimeout(resolve, 20));
  const second = await picture();
  await browser.evaluate("document.getElementById('pause').click()");
  await browser.until(twoFrames);
  const paused = [await picture()];
  await browser.until(twoFrames);
  paused.push(await picture());
  const row = await browser.evaluate("document.getElementById('topics').innerText");
  await browser.evaluate("document.getElementById('pause').click()");
  await cluster.stop(1);
  await browser.until("document.getElementById('state').textContent === '1 lane not up'");
  await browser.until("document.getElementById('failures').textContent.includes('lane down')");

  assertNotEquals(first, second);
  assertEquals(paused[0], paused[1]);
  assertMatch(row, /orders\s+up\s+1 of 1 up/);
});

Deno.test("the page is dark, narrow and without motion for those who want it so", async () => {
  await using page = await openPage();
  const { browser, post } = page;
  const contrast = `(() => {
    const light = (color) => {
      const [r, g, b] = color.match(/[\\d.]+/g).map(Number).map((value) => value / 255)
        .map((value) => value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const ground = (node) => {
      const color = getComputedStyle(node).backgroundColor;
      return color === "rgba(0, 0, 0, 0)" ? ground(node.parentElement) : color;
    };
    const texts = Array.from(document.body.querySelectorAll("*")).filter((node) => node.checkVisibility() &&
      Array.from(node.childNodes).some((child) => child.nodeType === 3 && child.textContent.trim() !== ""));
    return texts.map((node) => {
      const [a, b] = [light(getComputedStyle(node).color), light(ground(node))];
      return [(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), node.tagName + " " + node.textContent.trim().slice(0, 30)];
    }).filter(([ratio]) => ratio < 4.5);
  })()`;
  const ground = "getComputedStyle(document.body).backgroundColor";

  await post("sync/orders", "a");
  await browser.until("document.getElementById('topics').textContent.includes('orders')");
  const light = [await browser.evaluate(ground), await browser.evaluate(contrast)];
  await browser.emulate({ "prefers-color-scheme": "dark", "prefers-reduced-motion": "reduce" });
  await browser.until("getComputedStyle(document.getElementById('state')).transitionDuration === '0s'");
  const dark = [await browser.evaluate(ground), await browser.evaluate(contrast)];
  await browser.resize(320, 640);
  const width = await browser.evaluate("document.documentElement.scrollWidth");

  assertEquals([light[1], dark[1]], [[], []]);
  assertNotEquals(light[0], dark[0]);
  assertEquals(width, 320);
  assertEquals(browser.complaints, []);
});

Deno.test("the page has a name for every control, chart, table and region", async () => {
  await using page = await openPage();
  const { browser, post } = page;
  const ROLES = /^(button|textbox|combobox|link|Canvas|img|image|region|figure|table|status|main|banner|heading)$/i;
  const NAMELESS = /^(main|banner|status|figure|table)$/i; // Their content or their section names them.

  await post("sync/orders", "a");
  await browser.until("document.getElementById('lanes').textContent.includes('up')");
  const nodes = (await browser.accessibility()).filter(({ ignored, role }) => !ignored && ROLES.test(role));
  const nameless = nodes.filter(({ role, name }) => name === "" && !NAMELESS.test(role)).map(({ role }) => role);
  const named = (role: RegExp) => nodes.filter((node) => role.test(node.role)).map(({ name }) => name);

  assertEquals(nameless, []);
  assertEquals(named(/^textbox$|^combobox$/), ["Topic", "Key", "Value", "Headers", "of topic"]);
  assertEquals(named(/^button$/), ["Pause", "Send"]);
  assert(named(/^(canvas|img|image)$/i).some((name) => name.startsWith("Records: delivered")), `${named(/./)}`);
});

Deno.test("the page works for those who have a name and a password", async () => {
  const authenticate = basicUsers({ shop: "t0p" });
  await using page = await openPage({ authenticate, login: "shop:t0p@" });
  const { browser, cluster } = page;

  await browser.evaluate(SEND_ONE);
  await browser.until(`${sentText}.startsWith("Landed in orders, partition 0, offset 0, ")`);

  assertEquals(cluster.records("orders").map((record) => record.text()), ["one"]);
});

Deno.test("the page says that a record was taken where a hook has answered in its place", async () => {
  await using page = await openPage({ editJson: () => ({ status: 200, body: '{"ok":"elsewhere"}' }) });
  const { browser, cluster } = page;

  await browser.evaluate(SEND_ONE);
  await browser.until(`${sentText}.startsWith("Taken after ")`);

  assertEquals(cluster.records("orders").length, 0);
  assertEquals(browser.complaints, []);
});

Deno.test("the page says that the gateway has gone, and goes on when there is one again", async () => {
  await using page = await openPage();
  const { browser, endGateway, startGateway, post } = page;
  const state = "document.getElementById('state').textContent";

  await endGateway();
  await browser.until(`${state} === "not connected"`);
  startGateway();
  await browser.until(`${state} === "serving"`);
  await post("sync/orders", "a");
  await browser.until("document.getElementById('topics').textContent.includes('orders')");

  // A stream that ends, and a 503 instead of one, are what a browser complains about by itself.
  assertEquals(browser.complaints.filter((text) => !/503|page\/events/.test(text)), []);
});
