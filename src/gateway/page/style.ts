/**
 * How the page looks.
 *
 * @module
 */

/** The style sheet. */
export const STYLE = `:root {
  color-scheme: light dark;
  --ground: #f3f5f8;
  --card: #ffffff;
  --line: #d7dde5;
  --field: #7a8696;
  --text: #18202b;
  --dim: #536072;
  --accent: #2056d2;
  --on-accent: #ffffff;
  --good: #2563eb;
  --bad: #c81e1e;
  --third: #9a5b00;
  --kafka: #0f766e;
  --ok-text: #11672f;
  --ok-ground: #dcf5e4;
  --warn-text: #7a4700;
  --warn-ground: #fdf0d5;
  --bad-text: #a31515;
  --bad-ground: #fde4e4;
}

@media (prefers-color-scheme: dark) {
  :root {
    --ground: #0d1218;
    --card: #161d26;
    --line: #2b3644;
    --field: #75859a;
    --text: #e7edf4;
    --dim: #a0aec0;
    --accent: #7fb0ff;
    --on-accent: #0b1420;
    --good: #62a0ff;
    --bad: #ff7b7b;
    --third: #f5b94a;
    --kafka: #3fd0bf;
    --ok-text: #6fe39a;
    --ok-ground: #10321f;
    --warn-text: #ffcf7a;
    --warn-ground: #3a2a0b;
    --bad-text: #ff9c9c;
    --bad-ground: #401a1d;
  }
}

* {
  box-sizing: border-box;
}

body {
  margin: 0 auto;
  max-width: 84rem;
  padding: 0 1.25rem 1.25rem;
  background: var(--ground);
  color: var(--text);
  font: 15px/1.45 system-ui, -apple-system, "Segoe UI", "Liberation Sans", sans-serif;
  font-variant-numeric: tabular-nums;
}

h1, h2, h3, p, dl, dd, figure, ol, ul {
  margin: 0;
  padding: 0;
}

h1 {
  font-size: 1.2rem;
}

h2 {
  font-size: 1.05rem;
}

h3 {
  color: var(--dim);
  font-size: .9rem;
  font-weight: 600;
}

ol, ul {
  list-style: none;
}

a {
  color: var(--accent);
}

code, input, textarea, .failures {
  overflow-wrap: anywhere;
}

:focus-visible {
  outline: 3px solid var(--accent);
  outline-offset: 2px;
}

[hidden] {
  display: none !important;
}

.unseen {
  position: absolute;
  width: 1px;
  height: 1px;
  overflow: hidden;
  clip-path: inset(50%);
  white-space: nowrap;
}

.skip {
  position: absolute;
  left: 1rem;
  top: -4rem;
  z-index: 1;
  padding: .5rem 1rem;
  border-radius: 0 0 .5rem .5rem;
  background: var(--accent);
  color: var(--on-accent);
}

.skip:focus {
  top: 0;
}

header {
  display: flex;
  flex-wrap: wrap;
  align-items: center;
  gap: .6rem .8rem;
  padding: 1rem 0;
}

header h1 {
  flex: 1 1 auto;
}

#node {
  color: var(--dim);
  font-weight: 400;
}

.pill {
  display: inline-block;
  padding: .1rem .6rem;
  border-radius: 1rem;
  background: var(--warn-ground);
  color: var(--warn-text);
  font-size: .85rem;
  font-weight: 600;
  white-space: nowrap;
}

.pill::before {
  content: "◐ ";
}

.pill[data-state="up"] {
  background: var(--ok-ground);
  color: var(--ok-text);
}

.pill[data-state="up"]::before {
  content: "● ";
}

.pill[data-state="down"] {
  background: var(--bad-ground);
  color: var(--bad-text);
}

.pill[data-state="down"]::before {
  content: "▲ ";
}

main {
  display: grid;
  grid-template-columns: minmax(0, 1fr) minmax(0, 1fr);
  gap: 1rem;
}

.charts, .totals, .whole {
  grid-column: 1 / -1;
}

.charts {
  display: grid;
  grid-template-columns: repeat(4, minmax(0, 1fr));
  gap: 1rem;
}

.card {
  min-width: 0;
  padding: 1rem;
  border: 1px solid var(--line);
  border-radius: .75rem;
  background: var(--card);
}

.chart {
  display: flex;
  flex-direction: column;
  gap: .5rem;
}

.now {
  color: var(--dim);
}

.now strong {
  color: var(--text);
  font-size: 1.7rem;
  line-height: 1.2;
}

canvas {
  display: block;
  width: 100%;
  height: 9rem;
}

.legend {
  display: flex;
  flex-wrap: wrap;
  gap: .1rem .9rem;
  color: var(--dim);
  font-size: .85rem;
}

.legend b {
  color: var(--text);
}

.swatch {
  display: inline-block;
  width: 1.1rem;
  margin-right: .35rem;
  border-top: 3px solid var(--good);
  vertical-align: middle;
}

[data-series="bad"] .swatch {
  border-top: 3px dashed var(--bad);
}

[data-series="third"] .swatch {
  border-color: var(--third);
}

[data-series="kafka"] .swatch {
  border-top: 3px dotted var(--kafka);
}

[data-series="limit"] .swatch {
  border-top: 3px dashed var(--third);
}

.totals {
  display: grid;
  grid-template-columns: repeat(6, minmax(0, 1fr));
  gap: .75rem 1rem;
  padding: .75rem 1rem;
}

.totals dt {
  color: var(--dim);
  font-size: .85rem;
}

.totals dd {
  font-size: 1.1rem;
  font-weight: 600;
}

form {
  display: grid;
  grid-template-columns: 1fr 1fr;
  gap: .8rem 1rem;
  margin-top: .8rem;
}

.wide {
  grid-column: 1 / -1;
}

label {
  font-weight: 600;
}

form label {
  display: block;
}

small {
  display: block;
  color: var(--dim);
  font-size: .82rem;
}

input, textarea, select, button {
  border: 1px solid var(--field);
  border-radius: .45rem;
  background: var(--card);
  color: inherit;
  font: inherit;
}

input, textarea {
  display: block;
  width: 100%;
  margin: .2rem 0;
  padding: .45rem .6rem;
}

textarea {
  resize: vertical;
  font-family: ui-monospace, "Liberation Mono", "DejaVu Sans Mono", monospace;
  font-size: .88rem;
}

select {
  max-width: 100%;
  padding: .3rem .5rem;
}

button {
  min-height: 2.2rem;
  padding: .3rem 1rem;
  cursor: pointer;
}

button[aria-pressed="true"] {
  background: var(--warn-ground);
  color: var(--warn-text);
}

button.main {
  border-color: var(--accent);
  background: var(--accent);
  color: var(--on-accent);
  font-weight: 600;
}

.actions {
  display: flex;
  flex-wrap: wrap;
  align-items: center;
  gap: .6rem 1rem;
}

output {
  flex: 1 1 14rem;
  overflow-wrap: anywhere;
}

output:not(:empty) {
  padding: .35rem .7rem;
  border-radius: .45rem;
  background: var(--ok-ground);
  color: var(--ok-text);
}

output[data-state="wait"]:not(:empty) {
  background: var(--warn-ground);
  color: var(--warn-text);
}

output[data-state="bad"]:not(:empty) {
  background: var(--bad-ground);
  color: var(--bad-text);
}

.empty {
  padding: .6rem 0 0;
  color: var(--dim);
}

.failures {
  max-height: 25rem;
  margin-top: .4rem;
  overflow-y: auto;
}

.failures li {
  display: grid;
  grid-template-columns: auto 1fr;
  gap: 0 .7rem;
  padding: .45rem 0;
  border-top: 1px solid var(--line);
}

.failures li:first-child {
  border-top: 0;
}

.failures time {
  color: var(--dim);
}

.failures b {
  color: var(--bad-text);
}

.failures li > span {
  grid-column: 2;
}

.times {
  margin-left: .5rem;
  padding: 0 .5rem;
  border-radius: 1rem;
  background: var(--ground);
  color: var(--dim);
  font-size: .82rem;
}

.title {
  display: flex;
  flex-wrap: wrap;
  align-items: center;
  justify-content: space-between;
  gap: .5rem 1rem;
}

.scroll {
  overflow-x: auto;
  margin-top: .6rem;
}

table {
  width: 100%;
  border-collapse: collapse;
}

th, td {
  padding: .4rem .6rem;
  border-bottom: 1px solid var(--line);
  text-align: left;
  vertical-align: middle;
}

table {
  font-size: .95em;
}

thead th {
  color: var(--dim);
  font-size: .82rem;
  white-space: nowrap;
}

tbody th {
  font-weight: 600;
  overflow-wrap: anywhere;
}

tbody th:not(.number) {
  min-width: 9rem;
}

td {
  white-space: nowrap;
}

tbody tr:last-child > * {
  border-bottom: 0;
}

.number {
  text-align: right;
  white-space: nowrap;
}

.cells {
  display: inline-flex;
  flex-wrap: wrap;
  gap: 2px;
  max-width: 12rem;
  margin-right: .5rem;
  vertical-align: middle;
}

.cells i {
  width: .65rem;
  height: .65rem;
  border-radius: 2px;
  background: var(--ok-text);
}

.cells i[data-state="connecting"] {
  background: var(--warn-text);
}

.cells i[data-state="down"] {
  border-radius: 50%;
  background: var(--bad-text);
}

footer {
  display: flex;
  gap: 1.2rem;
  padding-top: 1rem;
  font-size: .9rem;
}

@media (max-width: 75rem) {
  .charts {
    grid-template-columns: repeat(2, minmax(0, 1fr));
  }

  .totals {
    grid-template-columns: repeat(3, minmax(0, 1fr));
  }
}

@media (max-width: 44rem) {
  body {
    padding: 0 .75rem .75rem;
  }

  main, .charts, form {
    grid-template-columns: minmax(0, 1fr);
  }

  .totals {
    grid-template-columns: repeat(2, minmax(0, 1fr));
  }

  canvas {
    height: 7.5rem;
  }
}

@media (prefers-reduced-motion: no-preference) {
  .pill, output, button {
    transition: background-color .2s;
  }
}
`;
