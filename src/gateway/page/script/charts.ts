/**
 * The page's charts: lines over the last minute, on plain canvas. A library would be many times the rest of the page.
 *
 * @module
 */

/** The script. */
export const CHARTS_SCRIPT = `// Lines over the last minute.

const SPAN_MS = 60000;
const MAX_POINTS = 75;
const LEFT = 56;
const RIGHT = 4;
const TOP = 8;
const BOTTOM = 18;
/** What the last point is behind the right edge while lines glide, so that it comes in from there. */
const DELAY_MS = 1100;

const dark = matchMedia("(prefers-color-scheme: dark)");
const still = matchMedia("(prefers-reduced-motion: reduce)");

class Chart {
  constructor(figure, { series, format, least }) {
    this.figure = figure;
    this.canvas = figure.querySelector("canvas");
    this.name = figure.querySelector("h3").textContent;
    this.series = series;
    this.format = format;
    this.least = least;
    this.top = least;
    this.points = [];
    this.readColors();
    new ResizeObserver(() => this.resize()).observe(this.canvas);
  }

  readColors() {
    const style = getComputedStyle(this.figure);
    const color = (name) => style.getPropertyValue("--" + name).trim();
    this.colors = { grid: color("line"), text: color("dim"), ...Object.fromEntries(
      ["good", "bad", "third", "kafka"].map((name) => [name, color(name)]),
    ) };
    this.font = "11px " + style.fontFamily;
  }

  resize() {
    const ratio = devicePixelRatio || 1;
    this.width = this.canvas.clientWidth;
    this.height = this.canvas.clientHeight;
    this.canvas.width = Math.round(this.width * ratio);
    this.canvas.height = Math.round(this.height * ratio);
    this.canvas.getContext("2d").setTransform(ratio, 0, 0, ratio, 0, 0);
    this.isStale = true;
  }

  push(point) {
    this.points.push(point);
    if (this.points.length > MAX_POINTS) this.points.shift();
  }

  /** The figures beside the chart, and the same in words for those who cannot see it. */
  tell() {
    const last = this.points.at(-1);
    const words = this.series.map(({ key, name, label }) => {
      const text = this.format(last[name]);
      const item = this.figure.querySelector("[data-series=" + key + "]");
      item.querySelector("b").textContent = text;
      return label + " " + text;
    });
    const shown = this.series.find(({ isMain }) => isMain);
    this.figure.querySelector("[data-now]").textContent = this.format(last[shown.name]);
    const highest = Math.max(...this.points.map((point) => point[shown.name] ?? 0));
    this.canvas.setAttribute(
      "aria-label",
      this.name + ": " + words.join(", ") + "; highest in a minute " + this.format(highest),
    );
  }

  /** Highest value that fits, a round one; the unit of bytes is a power of two. */
  target() {
    let highest = this.least;
    for (const point of this.points) {
      for (const { name, isGuide } of this.series) if (!isGuide) highest = Math.max(highest, point[name] ?? 0);
    }
    const unit = this.format.base === 1024 ? 1024 ** Math.floor(Math.log(highest) / Math.log(1024)) : 1;
    const scale = 10 ** Math.floor(Math.log10(highest / unit));
    return unit * scale * [1, 1.5, 2, 3, 4, 5, 8, 10].find((step) => step * scale * unit >= highest * 1.001);
  }

  draw(endMs, isGliding) {
    if (!(this.width > 0)) return;
    const target = this.target();
    this.top = isGliding && Math.abs(target - this.top) > target * 0.002 ? this.top + (target - this.top) * 0.2 : target;
    const context = this.canvas.getContext("2d");
    context.clearRect(0, 0, this.width, this.height);
    this.drawGrid(context, target);
    context.save();
    context.beginPath();
    context.rect(LEFT, 0, this.width - LEFT - RIGHT, this.height - BOTTOM + 2);
    context.clip();
    for (const series of this.series) this.drawLine(context, series, endMs);
    context.restore();
  }

  y(value) {
    const room = this.height - TOP - BOTTOM;
    return TOP + room * (1 - Math.min(value / this.top, 1.2));
  }

  drawGrid(context, target) {
    context.font = this.font;
    context.fillStyle = this.colors.text;
    context.strokeStyle = this.colors.grid;
    context.lineWidth = 1;
    context.textAlign = "right";
    context.textBaseline = "middle";
    for (const share of [0, 0.5, 1]) {
      const y = Math.round(this.y(target * share)) + 0.5;
      context.beginPath();
      context.moveTo(LEFT, y);
      context.lineTo(this.width - RIGHT, y);
      context.stroke();
      context.fillText(share === 0 ? "0" : this.format(target * share), LEFT - 6, y);
    }
    context.textBaseline = "alphabetic";
    context.textAlign = "left";
    context.fillText("1 min ago", LEFT, this.height - 3);
    context.textAlign = "right";
    context.fillText("now", this.width - RIGHT, this.height - 3);
  }

  drawLine(context, { name, color, dash, isFilled }, endMs) {
    const scale = (this.width - LEFT - RIGHT) / SPAN_MS;
    const x = (point) => this.width - RIGHT - (endMs - point.ms) * scale;
    context.strokeStyle = context.fillStyle = this.colors[color];
    context.lineWidth = 2;
    context.lineJoin = "round";
    context.setLineDash(dash ?? []);
    for (const run of runs(this.points, name)) {
      context.beginPath();
      run.forEach((point, index) => {
        if (index === 0) context.moveTo(x(point), this.y(point[name]));
        else context.lineTo(x(point), this.y(point[name]));
      });
      if (run.length === 1) context.lineTo(x(run[0]) + 1, this.y(run[0][name]));
      context.stroke();
      if (!isFilled) continue;
      context.lineTo(x(run.at(-1)), this.y(0));
      context.lineTo(x(run[0]), this.y(0));
      context.globalAlpha = 0.14;
      context.fill();
      context.globalAlpha = 1;
    }
    context.setLineDash([]);
  }
}

/** Points with a value that follow each other. */
function runs(points, name) {
  const found = [];
  let run = null;
  for (const point of points) {
    if (point[name] === null) run = null;
    else if (run === null) found.push(run = [point]);
    else run.push(point);
  }
  return found;
}

/** All charts, drawn together: each frame while they glide, else only when something changed. */
export class Charts {
  constructor(charts) {
    this.charts = charts.map(({ id, ...how }) => new Chart(document.getElementById("chart-" + id), how));
    this.isPaused = false;
    this.offsetMs = null;
    this.lastMs = 0;
    dark.addEventListener("change", () => {
      for (const chart of this.charts) chart.readColors();
      this.isStale = true;
    });
    const frame = () => {
      this.frame();
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  }

  push(point) {
    // The gateway's clock and ours have nothing in common but their speed.
    if (this.offsetMs === null) this.offsetMs = performance.now() - point.ms;
    for (const chart of this.charts) {
      chart.push(point);
      if (!this.isPaused) chart.tell();
    }
    this.lastMs = point.ms;
    this.isStale = true;
  }

  /** Another run of the gateway: its clock is another one. */
  restart() {
    this.offsetMs = null;
    for (const chart of this.charts) chart.points.length = 0;
  }

  setPaused(isPaused) {
    this.isPaused = isPaused;
    this.isStale = true;
    if (!isPaused && this.lastMs > 0) { for (const chart of this.charts) chart.tell(); }
  }

  frame() {
    const isResized = this.charts.some((chart) => chart.isStale);
    const isGliding = !still.matches && !this.isPaused && this.offsetMs !== null;
    if (!isResized && !isGliding && (!this.isStale || this.isPaused)) return;
    if (!this.isPaused) this.endMs = isGliding ? performance.now() - this.offsetMs - DELAY_MS : this.lastMs;
    for (const chart of this.charts) {
      chart.draw(this.endMs ?? 0, isGliding);
      chart.isStale = false;
    }
    this.isStale = false;
  }
}
`;
