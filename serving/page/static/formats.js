// How figures, times and sources are written for people: as the server writes them.
"use strict";

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const UNITS = [[86400, "d", 3600, "h"], [3600, "h", 60, "min"], [60, "min", 1, "s"]];

window.formats = {
  // The digits are never read as a number: sums can have more of them than a number keeps.
  grouped(number) {
    const [whole, rest] = String(number).split(".");
    const apart = whole.replace(/\B(?=(\d{3})+$)/g, ",");
    return rest === undefined ? apart : `${apart}.${rest}`;
  },

  moment(instant) {
    const at = new Date(instant);
    const clock = at.toISOString().slice(11, 19);
    const time = document.createElement("time");
    time.dateTime = instant;
    time.textContent = `${at.getUTCDate()} ${MONTHS[at.getUTCMonth()]} ${at.getUTCFullYear()}, ${clock} UTC`;
    return time;
  },

  behind(seconds) {
    if (seconds === null) return "not known";
    const fitting = UNITS.find(([unit]) => seconds >= unit);
    if (!fitting) return `${seconds.toFixed(1)} s`;
    const [unit, name, part, partName] = fitting;
    return `${Math.floor(seconds / unit)} ${name} ${Math.floor((seconds % unit) / part)} ${partName}`;
  },

  text(element, text) {
    if (element && element.textContent !== text) element.textContent = text;
  },

  state(holder, text, on) {
    const state = holder.querySelector(".state");
    window.formats.text(state, text);
    state.classList.toggle("on", on);
  },
};
