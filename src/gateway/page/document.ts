/**
 * The page's document. Text in modules, as all of the page: a file beside them could be read from a disk only, and the
 * package is also imported over the network.
 *
 * @module
 */

/** The picture in the browser's tab. */
export const ICON = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">
<rect width="32" height="32" rx="8" fill="#2563eb"/>
<path d="M6 11h9M6 21h9M15 11c6 0 5 5 11 5M15 21c6 0 5-5 11-5" fill="none" stroke="#fff" stroke-width="3"
  stroke-linecap="round"/>
</svg>
`;

const chart = (id: string, name: string, unit: string, series: readonly (readonly [id: string, label: string])[]) =>
  `<figure class="card chart" id="chart-${id}">
        <figcaption>
          <h3>${name}</h3>
          <p class="now"><strong data-now>–</strong> <span>${unit}</span></p>
        </figcaption>
        <canvas role="img" aria-label="${name}: no figures yet"></canvas>
        <ul class="legend">${
    series.map(([key, label]) => `
          <li data-series="${key}"><span class="swatch" aria-hidden="true"></span>${label} <b>–</b></li>`).join("")
  }
        </ul>
      </figure>`;

const total = (id: string, name: string) => `<div><dt>${name}</dt><dd id="total-${id}">–</dd></div>`;

const LINKS = `
    <footer><a href="openapi.json">OpenAPI</a> <a href="metrics">Metrics</a> <a href="readyz">Readiness</a></footer>`;

/**
 * The document.
 *
 * @param hasOperation Whether the routes for those who run the gateway are where the page is.
 */
export function documentText(hasOperation: boolean): string {
  return DOCUMENT.replace("{links}", hasOperation ? LINKS : "");
}

const DOCUMENT = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <title>ekaf gateway</title>
    <link rel="icon" type="image/svg+xml" href="page/icon.svg">
    <link rel="stylesheet" href="page/style.css">
    <script type="module" src="page/main.js"></script>
  </head>
  <body>
    <a class="skip" href="#send">Skip to the form</a>
    <header>
      <img src="page/icon.svg" alt="" width="32" height="32">
      <h1>ekaf gateway <span id="node"></span></h1>
      <p class="pill" id="state" role="status" data-state="connecting">connecting</p>
      <button type="button" id="pause" aria-pressed="false">Pause</button>
    </header>
    <noscript><p class="card">This page needs JavaScript. There are figures without it at /metrics.</p></noscript>
    <main>
      <section class="charts" aria-labelledby="charts-title">
      <h2 class="unseen" id="charts-title">The last minute</h2>
      ${chart("records", "Records", "a second", [["good", "delivered"], ["bad", "failed"]])}
      ${chart("requests", "Requests", "a second", [["good", "answered"], ["bad", "refused"]])}
      ${
  chart("latency", "Latency", "99 % of requests", [
    ["good", "half of requests"],
    ["third", "99 % of requests"],
    ["kafka", "99 % of Kafka's answers"],
  ])
}
      ${chart("buffer", "Buffer", "waits for Kafka", [["good", "held"], ["limit", "high-water mark"]])}
      </section>
      <dl class="totals card" aria-label="Since the start">
        ${total("delivered", "Delivered")}
        ${total("failed", "Failed")}
        ${total("retries", "Batches sent again")}
        ${total("requests", "Requests")}
        ${total("under-way", "Under way")}
        ${total("waiting", "Calls waiting for room")}
      </dl>
      <section class="card" id="send" tabindex="-1" aria-labelledby="send-title">
        <h2 id="send-title">Send a record</h2>
        <form id="send-form">
          <p>
            <label for="topic">Topic</label>
            <input id="topic" name="topic" list="topic-names" required maxlength="249" pattern="[A-Za-z0-9._\\-]+"
              autocomplete="off" autocapitalize="off" spellcheck="false" aria-describedby="topic-hint">
            <datalist id="topic-names"></datalist>
            <small id="topic-hint">Letters, digits, dot, dash, underscore</small>
          </p>
          <p>
            <label for="key">Key</label>
            <input id="key" name="key" autocomplete="off" autocapitalize="off" spellcheck="false"
              aria-describedby="key-hint">
            <small id="key-hint">Optional; chooses the partition</small>
          </p>
          <p class="wide">
            <label for="value">Value</label>
            <textarea id="value" name="value" rows="4" required spellcheck="false" aria-describedby="value-hint"></textarea>
            <small id="value-hint">Sent byte for byte, as UTF-8</small>
          </p>
          <p class="wide">
            <label for="headers">Headers</label>
            <textarea id="headers" name="headers" rows="2" spellcheck="false" aria-describedby="headers-hint"></textarea>
            <small id="headers-hint">Optional; a line each, <code>name: value</code>; names become lower-case</small>
          </p>
          <p class="wide actions">
            <button type="submit" class="main">Send</button>
            <output id="sent" for="topic key value headers" role="status"></output>
          </p>
        </form>
      </section>
      <section class="card" aria-labelledby="failures-title">
        <h2 id="failures-title">Last errors</h2>
        <p class="empty" id="no-failures">None so far.</p>
        <div class="failures" role="region" aria-labelledby="failures-title" tabindex="0" hidden>
          <ol id="failures"></ol>
        </div>
      </section>
      <section class="card whole" aria-labelledby="topics-title">
        <h2 id="topics-title">Topics</h2>
        <p class="empty" id="no-topics">No topic was written to so far.</p>
        <div class="scroll" role="region" aria-labelledby="topics-title" tabindex="0" hidden>
          <table>
            <thead>
              <tr>
                <th scope="col">Topic</th>
                <th scope="col">State</th>
                <th scope="col">Lanes</th>
                <th scope="col" class="number">Records/s</th>
                <th scope="col" class="number">Delivered</th>
                <th scope="col" class="number">Failed</th>
                <th scope="col" class="number">Sent again</th>
                <th scope="col" class="number">Buffered</th>
              </tr>
            </thead>
            <tbody id="topics"></tbody>
          </table>
        </div>
        <p class="empty" id="more-topics" hidden></p>
      </section>
      <section class="card whole" aria-labelledby="lanes-title">
        <div class="title">
          <h2 id="lanes-title">Partitions and lanes</h2>
          <p><label for="lanes-topic">of topic</label> <select id="lanes-topic" disabled></select></p>
        </div>
        <p class="empty" id="no-lanes">No lane so far.</p>
        <div class="scroll" role="region" aria-labelledby="lanes-title" tabindex="0" hidden>
          <table>
            <thead>
              <tr>
                <th scope="col" class="number">Partition</th>
                <th scope="col" class="number">Lane</th>
                <th scope="col">State</th>
                <th scope="col">Leader</th>
                <th scope="col" class="number">Requests unanswered</th>
                <th scope="col" class="number">Buffered</th>
                <th scope="col" class="number">Delivered</th>
                <th scope="col" class="number">Failed</th>
                <th scope="col" class="number">Sent again</th>
              </tr>
            </thead>
            <tbody id="lanes"></tbody>
          </table>
        </div>
        <p class="empty" id="more-lanes" hidden></p>
      </section>
    </main>{links}
  </body>
</html>
`;
