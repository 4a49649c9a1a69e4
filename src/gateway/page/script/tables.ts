/**
 * The page's tables and lists. Whatever came from elsewhere becomes text, never markup.
 *
 * @module
 */

/** The script. */
export const TABLES_SCRIPT = `// Topics, lanes, what went wrong. Rows stay what they are while their figures change.

import { bytes, count, rate } from "./figures.js";

const MAX_CELLS = 48;
const byId = (id) => document.getElementById(id);

function element(name, { text, className, state, title } = {}) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (className !== undefined) made.className = className;
  if (state !== undefined) made.dataset.state = state;
  if (title !== undefined) made.title = title;
  return made;
}

/** Changes the document only where it has to: a reader's place and selection stay. */
function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** A table body that has a row for each key. */
class Rows {
  constructor(body, columns) {
    this.body = body;
    this.columns = columns;
    this.rows = new Map();
  }

  show(items, keyOf) {
    const gone = new Set(this.rows.keys());
    items.forEach((item, index) => {
      const key = keyOf(item);
      gone.delete(key);
      let row = this.rows.get(key);
      if (row === undefined) this.rows.set(key, row = this.make());
      this.columns.forEach((column, at) => column.fill(row.children[at], item));
      if (this.body.children[index] !== row) this.body.insertBefore(row, this.body.children[index] ?? null);
    });
    for (const key of gone) {
      this.rows.get(key).remove();
      this.rows.delete(key);
    }
    this.body.closest(".scroll").hidden = items.length === 0;
  }

  make() {
    const row = element("tr");
    for (const { isHead, isNumber } of this.columns) {
      const cell = element(isHead ? "th" : "td", { className: isNumber ? "number" : "" });
      if (isHead) cell.scope = "row";
      row.append(cell);
    }
    return row;
  }
}

const number = (value) => ({ isNumber: true, fill: (cell, item) => setText(cell, value(item)) });
const text = (value, isHead = false) => ({ isHead, fill: (cell, item) => setText(cell, value(item)) });
const pill = (value) => ({
  fill: (cell, item) => {
    const state = value(item);
    if (cell.firstChild === null) cell.append(element("span", { className: "pill" }));
    setText(cell.firstChild, state);
    cell.firstChild.dataset.state = state;
  },
});

/** A cell a lane; the same in words beside it. */
const lanesCell = {
  fill: (cell, { lanes, states }) => {
    const shown = lanes.slice(0, MAX_CELLS);
    const look = shown.map(({ state }) => state).join();
    const all = states.up + states.connecting + states.down;
    if (cell.firstChild === null) {
      cell.append(element("span", { className: "cells" }), element("span"));
      cell.firstChild.setAttribute("aria-hidden", "true");
    }
    setText(cell.lastChild, states.up + " of " + all + " up");
    if (cell.dataset.look === look) return;
    cell.dataset.look = look;
    cell.firstChild.replaceChildren(...shown.map(({ state, partition, lane }) =>
      element("i", { state, title: "partition " + partition + ", lane " + lane + ": " + state })
    ));
  },
};

function stateOf({ isDown, states }) {
  if (isDown || states.down > 0) return "down";
  return states.connecting > 0 || states.up === 0 ? "connecting" : "up";
}

export class Tables {
  constructor() {
    this.rates = new Map();
    this.topics = new Rows(byId("topics"), [
      text(({ topic }) => topic, true),
      pill(stateOf),
      lanesCell,
      number(({ topic }) => rate(this.rates.get(topic) ?? 0)),
      number(({ delivered }) => count(delivered)),
      number(({ failed }) => count(failed)),
      number(({ retries }) => count(retries)),
      number(({ bufferedRecords, bufferedBytes }) => count(bufferedRecords) + " (" + bytes(bufferedBytes) + ")"),
    ]);
    this.lanes = new Rows(byId("lanes"), [
      { ...text(({ partition }) => String(partition), true), isNumber: true },
      number(({ lane }) => String(lane)),
      pill(({ state }) => state),
      text(({ broker, address }) => broker === null ? "none" : broker + (address === null ? "" : " at " + address)),
      number(({ inFlightRequests }) => count(inFlightRequests)),
      number(({ bufferedRecords, bufferedBytes }) => count(bufferedRecords) + " (" + bytes(bufferedBytes) + ")"),
      number(({ delivered }) => count(delivered)),
      number(({ failed }) => count(failed)),
      number(({ retries }) => count(retries)),
    ]);
    this.select = byId("lanes-topic");
    this.select.addEventListener("change", () => this.showLanes());
    this.lastFailure = 0;
    this.names = null;
    this.sample = null;
  }

  show(sample, rates) {
    this.sample = sample;
    this.rates = rates;
    this.topics.show(sample.topics, ({ topic }) => topic);
    byId("no-topics").hidden = sample.topics.length > 0;
    byId("more-topics").hidden = sample.moreTopics === 0;
    setText(byId("more-topics"), "and " + sample.moreTopics + " more");
    this.showNames(sample.topics.map(({ topic }) => topic));
    this.showLanes();
    this.showFailures(sample.failures);
  }

  /** Names to choose from. Their order in the select is that of the alphabet: it must not move below one's hands. */
  showNames(topics) {
    const names = topics.toSorted();
    if (names.join() === this.names) return;
    this.names = names.join();
    const chosen = this.select.value;
    const options = () => names.map((name) => new Option(name, name));
    this.select.replaceChildren(...options());
    if (names.includes(chosen)) this.select.value = chosen;
    this.select.disabled = names.length === 0;
    byId("topic-names").replaceChildren(...options());
  }

  showLanes() {
    if (this.sample === null) return;
    const topic = this.sample.topics.find(({ topic }) => topic === this.select.value);
    const lanes = (topic?.lanes ?? []).toSorted((a, b) => a.partition - b.partition || a.lane - b.lane);
    this.lanes.show(lanes, ({ partition, lane }) => partition + "/" + lane);
    const all = topic === undefined ? 0 : topic.states.up + topic.states.connecting + topic.states.down;
    byId("no-lanes").hidden = all > 0;
    byId("more-lanes").hidden = all <= lanes.length;
    setText(byId("more-lanes"), "and " + (all - lanes.length) + " more");
  }

  showFailures(failures) {
    const last = failures[0]?.id ?? 0;
    if (last === this.lastFailure) return;
    this.lastFailure = last;
    byId("no-failures").hidden = failures.length > 0;
    byId("failures").parentElement.hidden = failures.length === 0;
    byId("failures").replaceChildren(...failures.map(({ at, source, topic, text, count: times }) => {
      const item = element("li");
      const when = new Date(at);
      const time = element("time", { text: when.toLocaleTimeString() });
      time.dateTime = when.toISOString();
      const head = element("p");
      head.append(element("b", { text: source }), topic === null ? "" : " " + topic);
      if (times > 1) head.append(element("span", { text: count(times) + " times", className: "times" }));
      item.append(time, head, element("span", { text }));
      return item;
    }));
  }
}
`;
