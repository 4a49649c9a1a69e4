/**
 * The page's form: sends a record by a route that is there for everybody, and tells where it landed.
 *
 * @module
 */

/** The script. */
export const SEND_SCRIPT = `// The form.

import { here, milliseconds } from "./figures.js";

const HEADER = /^([A-Za-z0-9._-]{1,128}):[ \\t]*(.*)$/;
const form = document.getElementById("send-form");
const sent = document.getElementById("sent");
const encoder = new TextEncoder();

function base64(text) {
  return btoa(Array.from(encoder.encode(text), (byte) => String.fromCharCode(byte)).join(""));
}

/** Says what became of it; the same text again is said again. */
function say(text, state) {
  sent.textContent = "";
  sent.dataset.state = state;
  requestAnimationFrame(() => sent.textContent = text);
}

/** Headers of the request; null when a line is no header, which the field then says. */
function requestHeaders(field, key) {
  const headers = { "content-type": "application/octet-stream" };
  if (key !== "") headers["x-kafka-key-base64"] = base64(key);
  for (const line of field.value.split("\\n").filter((line) => line.trim() !== "")) {
    const found = HEADER.exec(line.trim());
    if (found === null) {
      field.setCustomValidity("Each line has to be like this: name: value");
      field.reportValidity();
      return null;
    }
    headers["x-kafka-header64-" + found[1].toLowerCase()] = base64(found[2]);
  }
  return headers;
}

/** Where it is; null when a hook of the gateway's owner has answered as it likes. */
async function placeOf(response) {
  const told = await response.json().catch(() => null);
  const first = Array.isArray(told) ? told[0] : undefined;
  const partition = response.headers.get("x-kafka-partition") ?? first?.partition;
  const offset = response.headers.get("x-kafka-offset") ?? first?.offset;
  if (partition === undefined || partition === null) return null;
  return "partition " + partition + ", " + (offset === undefined || offset === null ? "offset unknown" : "offset " + offset);
}

async function reasonOf(response) {
  try {
    const told = await response.json();
    return told.detail ?? told.error ?? told.message ?? response.statusText;
  } catch {
    return response.statusText;
  }
}

async function send() {
  const { topic, key, value, headers } = form.elements;
  const given = requestHeaders(headers, key.value);
  if (given === null) return;
  const name = topic.value;
  const startMs = performance.now();
  say("Sending…", "wait");
  try {
    const response = await fetch(here("sync/" + encodeURIComponent(name) + "?offsets=1"), {
      method: "POST",
      headers: given,
      body: encoder.encode(value.value),
    });
    if (response.status !== 200) return say("Refused (" + response.status + "): " + await reasonOf(response), "bad");
    const place = await placeOf(response);
    const took = milliseconds(performance.now() - startMs);
    say(place === null ? "Taken after " + took : "Landed in " + name + ", " + place + ", after " + took, "good");
  } catch (error) {
    say("Not sent: " + error.message, "bad");
  }
}

export function prepareForm() {
  form.elements.headers.addEventListener("input", (event) => event.target.setCustomValidity(""));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send();
  });
  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });
}
`;
