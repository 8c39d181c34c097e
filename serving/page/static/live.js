// Livens up the tables that the server has drawn: changes as they happen, and the same figures as bars.
"use strict";

const BARS = 10;

function key(line, subject) { return JSON.stringify(subject.map((name) => line[name])); }

function label(line) { return line.salesman || line.city || line.country; }

class Ranking {
  constructor(card) {
    this.card = card;
    this.subject = card.dataset.subject.split(" ");
    this.within = card.dataset.within ? card.dataset.within.split(" ") : [];
    this.lines = new Map();
    this.chart = null;
    this.listen();
  }

  listen() {
    const source = new EventSource(this.card.dataset.stream);
    source.addEventListener("open", () => this.state("live", true));
    source.addEventListener("error", () => this.state("not live: trying again", false));
    source.addEventListener("snapshot", (event) => this.take(JSON.parse(event.data).data, [], true));
    source.addEventListener("change", (event) => {
      const change = JSON.parse(event.data);
      this.take(change.changed, change.gone, false);
    });
  }

  state(text, on) {
    const state = this.card.querySelector(".state");
    state.textContent = text;
    state.classList.toggle("on", on);
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

  table(lines, changed) {
    const longest = Math.max(0, ...lines.map((line) => Number(line.amount)));
    const rows = lines.map((line) => this.row(line, longest, changed.has(key(line, this.subject))));
    this.card.querySelector(".figures tbody").replaceChildren(...rows);
    setTimeout(() => rows.forEach((row) => row.classList.remove("changed")), 1200);
  }

  row(line, longest, changed) {
    const row = document.createElement("tr");
    row.classList.toggle("changed", changed);
    const link = document.createElement("a");
    link.href = this.why(line);
    link.textContent = line.amount;
    row.append(this.cell(String(line.rank), "n"));
    this.subject.forEach((name) => row.append(this.cell(name === "salesman_id" ? line.salesman || line[name] : line[name])));
    const amount = this.cell("", "n");
    amount.append(link);
    row.append(amount, this.cell(String(line.sales), "n"), this.bar(Number(line.amount), longest));
    return row;
  }

  cell(text, kind) {
    const cell = document.createElement("td");
    cell.textContent = text;
    if (kind) cell.className = kind;
    return cell;
  }

  bar(amount, longest) {
    const space = "http://www.w3.org/2000/svg";
    const drawing = document.createElementNS(space, "svg");
    drawing.setAttribute("class", "bar");
    drawing.setAttribute("aria-hidden", "true");
    const part = document.createElementNS(space, "rect");
    part.setAttribute("width", `${longest > 0 ? Math.max(0, (amount / longest) * 100).toFixed(1) : 0}%`);
    part.setAttribute("height", "100%");
    drawing.append(part);
    const cell = this.cell("", "bars");
    cell.append(drawing);
    return cell;
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
    const data = { labels: top.map(label), datasets: [{ data: top.map((line) => Number(line.amount)), backgroundColor: colour("--history") }] };
    if (this.chart) {
      this.chart.data = data;
      this.chart.update("none");
      return;
    }
    const holder = this.card.querySelector(".chart");
    holder.hidden = false;
    this.chart = new window.Chart(holder.querySelector("canvas"), { type: "bar", data, options: options() });
  }
}

function colour(name) { return getComputedStyle(document.documentElement).getPropertyValue(name).trim(); }

function options() {
  const axis = { ticks: { color: colour("--dim") }, grid: { color: colour("--line") } };
  return { animation: false, responsive: true, maintainAspectRatio: false, plugins: { legend: { display: false } }, scales: { x: axis, y: axis } };
}

document.querySelectorAll(".ranking[data-stream^='/']").forEach((card) => new Ranking(card));
