// Livens up the tables that the server has drawn: changes as they happen, and the same figures as bars.
"use strict";

const BARS = 10;
const AGAIN_MS = 5000;
const LONGEST_LABEL = 22;
const LONGEST_LABEL_NARROW = 11;
const NARROW = 480;
const SVG = "http://www.w3.org/2000/svg";

function key(line, columns) { return JSON.stringify(columns.map((name) => line[name])); }

function element(name, kind, text) {
  const made = document.createElement(name);
  if (kind) made.className = kind;
  if (text !== undefined) made.textContent = text;
  return made;
}

function colour(name) { return getComputedStyle(document.documentElement).getPropertyValue(name).trim(); }

function shortened(text) {
  const longest = window.innerWidth < NARROW ? LONGEST_LABEL_NARROW : LONGEST_LABEL;
  return text.length > longest ? `${text.slice(0, longest - 1)}…` : text;
}

class Ranking {
  constructor(card, lacks) {
    this.card = card;
    this.subject = card.dataset.subject.split(" ");
    this.within = card.dataset.within ? card.dataset.within.split(" ") : [];
    this.beside = this.subject.slice(this.within.length, -1);
    this.lacks = lacks;
    this.rows = new Map();
    this.lines = new Map();
    this.source = null;
    this.take(JSON.parse(card.dataset.lines), [], true);
    document.addEventListener("visibilitychange", () => this.listen());
    this.listen();
  }

  // A page that nobody looks at holds no connection: browsers allow six to a server, for all pages together.
  listen() {
    if (this.source) this.source.close();
    this.source = null;
    if (document.hidden) return;
    const source = new EventSource(this.card.dataset.stream);
    source.addEventListener("error", () => this.failed(source));
    source.addEventListener("snapshot", (event) => this.told(JSON.parse(event.data), true));
    source.addEventListener("change", (event) => this.told(JSON.parse(event.data), false));
    this.source = source;
  }

  // The browser comes back by itself after a connection broke, but not after a refusal.
  failed(source) {
    window.formats.state(this.card, "not live: trying again", false);
    if (source.readyState === EventSource.CLOSED) {
      setTimeout(() => { if (this.source === source) this.listen(); }, AGAIN_MS);
    }
  }

  told(event, anew) {
    if (anew) this.take(event.data, [], true);
    else this.take(event.changed, event.gone, false);
    this.lacks(this.card.dataset.name, event.evidence);
    const whole = event.evidence.store === "clickhouse";
    const view = this.card.querySelector(".view");
    window.formats.text(view, whole ? view.dataset.view : "history only");
    window.formats.state(this.card, whole ? "live" : "history only", whole);
  }

  take(changed, gone, anew) {
    if (anew) this.lines.clear();
    gone.forEach((line) => this.lines.delete(key(line, this.subject)));
    changed.forEach((line) => this.lines.set(key(line, this.subject), line));
    const sorted = [...this.lines.values()].sort((one, other) => this.compare(one, other));
    this.table(sorted, anew ? new Set() : new Set(changed.map((line) => key(line, this.subject))));
    this.bars(sorted);
  }

  compare(one, other) {
    for (const name of this.within) if (one[name] !== other[name]) return one[name] < other[name] ? -1 : 1;
    return one.rank - other.rank;
  }

  // Rows stay what they are while their figures change, so that who stands on one by keyboard keeps standing there.
  table(lines, changed) {
    const focused = document.activeElement;
    const longest = Math.max(0, ...lines.map((line) => Number(line.amount)));
    const kept = new Map();
    const groups = new Map();
    lines.forEach((line) => {
      const id = key(line, this.subject);
      const row = this.rows.get(id) || this.row(line);
      kept.set(id, row);
      this.fill(row, line, longest);
      if (changed.has(id)) this.mark(row);
      const group = key(line, this.within);
      if (!groups.has(group)) groups.set(group, this.group(line));
      groups.get(group).append(row);
    });
    this.rows = kept;
    const table = this.card.querySelector(".figures");
    table.querySelectorAll("tbody").forEach((body) => body.remove());
    table.append(...(groups.size ? groups.values() : [this.nothing()]));
    if (focused !== document.activeElement && table.contains(focused)) focused.focus({ preventScroll: true });
  }

  group(line) {
    const body = element("tbody");
    if (!this.within.length) return body;
    const head = element("th", "", this.within.map((name) => line[name]).join(", "));
    head.colSpan = 4;
    head.scope = "rowgroup";
    const row = element("tr", "group");
    row.append(head);
    body.append(row);
    return body;
  }

  nothing() {
    const cell = element("td", "nothing", "No sales. Another currency, country or period may have some.");
    cell.colSpan = 4;
    const row = element("tr");
    row.append(cell);
    const body = element("tbody");
    body.append(row);
    return body;
  }

  row(line) {
    const row = element("tr");
    const name = element("th", "name");
    name.scope = "row";
    name.append(element("span"));
    this.beside.forEach((column) => name.append(element("small", "", line[column])));
    const drawing = document.createElementNS(SVG, "svg");
    drawing.setAttribute("class", "bar");
    drawing.setAttribute("aria-hidden", "true");
    const part = document.createElementNS(SVG, "rect");
    part.setAttribute("height", "100%");
    drawing.append(part);
    name.append(drawing);
    const link = element("a");
    link.href = this.why(line);
    link.title = "Why this number";
    const amount = element("td", "n");
    amount.append(link);
    row.append(element("td", "n"), name, amount, element("td", "n"));
    return row;
  }

  fill(row, line, longest) {
    const [rank, name, amount, sales] = row.children;
    window.formats.text(rank, String(line.rank));
    window.formats.text(name.firstChild, this.name(line));
    window.formats.text(amount.firstChild, window.formats.grouped(line.amount));
    window.formats.text(sales, window.formats.grouped(line.sales));
    const part = longest > 0 ? Math.max(0, (Number(line.amount) / longest) * 100) : 0;
    row.querySelector("rect").setAttribute("width", `${part.toFixed(1)}%`);
  }

  mark(row) {
    row.classList.add("changed");
    setTimeout(() => row.classList.remove("changed"), 1200);
  }

  name(line) {
    const last = this.subject[this.subject.length - 1];
    return (last === "salesman_id" && line.salesman) || line[last];
  }

  why(line) {
    const asked = new URLSearchParams(location.search);
    ["country", "limit"].forEach((name) => asked.delete(name));
    [...asked].filter(([, value]) => !value).forEach(([name]) => asked.delete(name));
    this.subject.forEach((name) => asked.set(name, line[name]));
    return `/why/${this.card.dataset.name}?${asked}`;
  }

  bars(lines) {
    if (!window.Chart) return;
    const top = [...lines].sort((one, other) => Number(other.amount) - Number(one.amount)).slice(0, BARS);
    const holder = this.card.querySelector(".chart");
    holder.classList.toggle("nothing", top.length === 0);
    const label = (line) => [shortened(this.name(line)), ...this.within.map((name) => shortened(line[name]))];
    const values = top.map((line) => Number(line.amount));
    if (!this.chart) this.chart = drawn(holder.querySelector("canvas"));
    this.chart.data.labels = top.map((line) => label(line).join(", "));
    this.chart.data.datasets[0].data = values;
    this.chart.update("none");
  }
}

function drawn(canvas) {
  const datasets = [{ data: [], backgroundColor: colour("--history"), maxBarThickness: 18 }];
  const chart = new window.Chart(canvas, { type: "bar", data: { labels: [], datasets }, options: options() });
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    chart.data.datasets[0].backgroundColor = colour("--history");
    chart.options = options();
    chart.update("none");
  });
  return chart;
}

function options() {
  const font = { family: getComputedStyle(document.body).fontFamily, size: 12 };
  const short = new Intl.NumberFormat("en", { notation: "compact" });
  const amounts = { ticks: { color: colour("--dim"), font, maxTicksLimit: 6, callback: (value) => short.format(value) }, grid: { color: colour("--line") } };
  const names = { ticks: { color: colour("--text"), font, autoSkip: false }, grid: { display: false } };
  const plugins = { legend: { display: false } };
  return { indexAxis: "y", animation: false, responsive: true, maintainAspectRatio: false, plugins, scales: { x: amounts, y: names } };
}

// What the answers lack is told once for all of them.
const reasons = new Map();
function lacks(name, evidence) {
  reasons.set(name, evidence.partial_because);
  const told = [...new Set([...reasons.values()].flat())];
  const box = document.getElementById("lacks");
  const list = box.querySelector("ul");
  const text = told.join("\n");
  if (list.dataset.told !== text) list.replaceChildren(...told.map((reason) => element("li", "", reason)));
  list.dataset.told = text;
  box.hidden = told.length === 0;
  const first = document.querySelector(".ranking");
  if (first.dataset.name === name) {
    window.formats.text(document.getElementById("live-share"), (Number(evidence.live_share) * 100).toFixed(1));
  }
}

document.querySelectorAll(".ranking[data-stream^='/']").forEach((card) => new Ranking(card, lacks));
