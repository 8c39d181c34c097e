// Keeps the sources' freshness up to date while the page is looked at.
"use strict";

const EVERY_MS = 5000;
const WINDOW_MS = 5 * 60 * 1000;
const WIDTH = 1000;

class Sources {
  constructor(card) {
    this.card = card;
    this.timer = null;
    document.addEventListener("visibilitychange", () => this.start());
    this.start();
  }

  start() {
    clearInterval(this.timer);
    if (document.hidden) return;
    this.timer = setInterval(() => this.look(), EVERY_MS);
    this.look();
  }

  async look() {
    try {
      const response = await fetch("/v1/freshness", { headers: { Accept: "application/json" } });
      if (!response.ok) throw new Error(String(response.status));
      this.show(await response.json());
      window.formats.state(this.card, "live", true);
    } catch {
      window.formats.state(this.card, "not live: trying again", false);
    }
  }

  show(found) {
    found.topics.forEach((topic) => {
      const row = [...this.card.querySelectorAll("[data-topic]")].find((each) => each.dataset.topic === topic.topic);
      if (!row) return;
      window.formats.text(row.querySelector(".lag"), window.formats.behind(topic.lag_seconds));
      window.formats.text(row.querySelector(".left"), window.formats.grouped(topic.lag_records));
      if (topic.seen_through) this.reached(row, topic.seen_through, found.answered_at);
    });
    found.sources.forEach((source) => {
      const row = [...this.card.querySelectorAll("[data-source]")].find((each) => each.dataset.source === source.name);
      if (row) this.fares(row, source);
    });
    const now = this.card.querySelector(".ends time");
    if (now) now.replaceWith(window.formats.moment(found.answered_at));
  }

  fares(row, source) {
    window.formats.text(row.querySelector(".fares span"), source.state);
    const ago = source.lag_seconds === null ? "–" : `${window.formats.behind(source.lag_seconds)} ago`;
    window.formats.text(row.querySelector(".lag"), ago);
    const told = row.querySelector("small.bad") || document.createElement("small");
    told.className = "bad";
    window.formats.text(told, source.last_error || "");
    row.querySelector(".fares").append(told);
  }

  reached(row, seen, now) {
    row.querySelector(".seen").replaceChildren("read up to ", window.formats.moment(seen));
    const part = 1 - (Date.parse(now) - Date.parse(seen)) / WINDOW_MS;
    const bar = row.querySelector("svg .live");
    if (bar) bar.setAttribute("width", String(Math.round(Math.min(1, Math.max(0, part)) * WIDTH)));
  }
}

const sources = document.getElementById("sources");
if (sources) new Sources(sources);
