/**
 * The page's beginning: listens to the gateway, and hands on what it says.
 *
 * @module
 */

/** The script. */
export const MAIN_SCRIPT = `// Listens to the gateway.

import { Charts } from "./charts.js";
import { between, bytes, count, here, milliseconds, rate, topicRates } from "./figures.js";
import { prepareForm } from "./send.js";
import { Tables } from "./tables.js";

const RETRY_MS = 2000;
const byId = (id) => document.getElementById(id);
bytes.base = 1024;

const charts = new Charts([
  {
    id: "records",
    format: rate,
    least: 10,
    series: [
      { key: "good", label: "delivered", name: "delivered", color: "good", isFilled: true, isMain: true },
      { key: "bad", label: "failed", name: "failed", color: "bad", dash: [6, 4] },
    ],
  },
  {
    id: "requests",
    format: rate,
    least: 10,
    series: [
      { key: "good", label: "answered", name: "answered", color: "good", isFilled: true, isMain: true },
      { key: "bad", label: "refused", name: "refused", color: "bad", dash: [6, 4] },
    ],
  },
  {
    id: "latency",
    format: milliseconds,
    least: 1,
    series: [
      { key: "good", label: "half of requests", name: "half", color: "good", isFilled: true },
      { key: "third", label: "99 % of requests", name: "most", color: "third", isMain: true },
      { key: "kafka", label: "99 % of Kafka's answers", name: "kafka", color: "kafka", dash: [2, 4] },
    ],
  },
  {
    id: "buffer",
    format: bytes,
    least: 1024,
    series: [
      { key: "good", label: "held", name: "buffered", color: "good", isFilled: true, isMain: true },
      { key: "limit", label: "high-water mark", name: "highWater", color: "third", dash: [6, 4], isGuide: true },
    ],
  },
]);
const tables = new Tables();
let last = null;
let isPaused = false;
let showLater = () => {};

function setState(text, state) {
  const pill = byId("state");
  if (pill.textContent !== text) pill.textContent = text;
  pill.dataset.state = state;
}

function showState({ phase, topics, buffer }) {
  const down = topics.filter(({ isDown }) => isDown).length;
  const sum = (state) => topics.reduce((sum, { states }) => sum + states[state], 0);
  const notUp = sum("down") + sum("connecting");
  if (phase !== "serving") setState("about to end", "connecting");
  else if (down > 0) setState(down === 1 ? "1 topic down" : down + " topics down", "down");
  else if (notUp > 0) {
    setState(notUp === 1 ? "1 lane not up" : notUp + " lanes not up", sum("down") > 0 ? "down" : "connecting");
  } else if (buffer.bytes > buffer.highWaterBytes) setState("buffer above its mark", "down");
  else setState("serving", "up");
}

function showTotals({ records, http, buffer }) {
  const totals = {
    "delivered": count(records.delivered),
    "failed": count(records.failed),
    "retries": count(records.retries),
    "requests": count(http.count),
    "under-way": count(http.underWay),
    "waiting": count(buffer.waitingCalls),
  };
  for (const [id, text] of Object.entries(totals)) byId("total-" + id).textContent = text;
}

function take(sample) {
  const figures = last === null ? null : between(last, sample);
  if (last !== null && figures === null) charts.restart();
  if (figures !== null) charts.push(figures);
  const rates = figures === null ? new Map() : topicRates(last, sample);
  last = sample;
  showState(sample);
  showLater = () => {
    byId("node").textContent = sample.node === "ekaf" ? "" : sample.node;
    showTotals(sample);
    tables.show(sample, rates);
  };
  if (!isPaused) showLater();
}

function listen() {
  const events = new EventSource(here("page/events"));
  events.onmessage = ({ data }) => take(JSON.parse(data));
  events.onerror = () => {
    setState("not connected", "down");
    // After an answer that is no stream a browser does not try again by itself.
    if (events.readyState === EventSource.CLOSED) setTimeout(listen, RETRY_MS);
  };
  addEventListener("pagehide", () => events.close(), { once: true });
}

byId("pause").addEventListener("click", () => {
  isPaused = !isPaused;
  byId("pause").setAttribute("aria-pressed", String(isPaused));
  charts.setPaused(isPaused);
  if (!isPaused) showLater();
});
addEventListener("pageshow", ({ persisted }) => persisted && listen());
prepareForm();
listen();
`;
