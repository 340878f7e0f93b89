"use strict";
// Series can be hidden by name, and show their values at the pointer.
const tip = document.getElementById("tip");

function show(text, event) {
  tip.textContent = text;
  tip.hidden = false;
  const left = Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8);
  tip.style.left = Math.max(4, left) + "px";
  tip.style.top = Math.max(4, event.clientY - tip.offsetHeight - 10) + "px";
}

function digits(value) {
  return Number(value).toLocaleString("en", { maximumSignificantDigits: 4, useGrouping: false });
}

// An axis is "kind value value pixel pixel", values in logarithms where kind is log.
function axis(text) {
  const [kind, ...numbers] = text.split(" ");
  const [v0, v1, p0, p1] = numbers.map(Number);
  return pixel => {
    const value = v0 + (v1 - v0) * (pixel - p0) / (p1 - p0);
    if (kind === "date") return new Date(Math.round(value) * 86400000).toISOString().slice(0, 10);
    return digits(kind === "log" ? Math.exp(value) : value);
  };
}

// A click on a head sorts its table by that column: numbers first, by size.
function value(row, column) {
  const text = row.cells[column].textContent.trim();
  if (/^\d{4}-/.test(text)) return text; // a date
  const number = parseFloat(text.replace(/^< /, "").replace(/\u2212/g, "-").replace(/,/g, ""));
  return Number.isNaN(number) ? text : number;
}

function order(a, b) {
  if (typeof a === typeof b) return a < b ? -1 : a > b ? 1 : 0;
  return typeof a === "number" ? -1 : 1;
}

for (const head of document.querySelectorAll("thead th")) {
  head.tabIndex = 0;
  head.setAttribute("role", "button");
  const sort = () => {
    const up = head.getAttribute("aria-sort") !== "ascending";
    for (const other of head.parentElement.cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", up ? "ascending" : "descending");
    const body = head.closest("table").tBodies[0];
    const rows = [...body.rows].map(row => [value(row, head.cellIndex), row]);
    rows.sort((a, b) => (up ? 1 : -1) * order(a[0], b[0]));
    for (const [, row] of rows) body.append(row);
  };
  head.addEventListener("click", sort);
  head.addEventListener("keydown", event => { if (event.key === "Enter") sort(); });
}

for (const figure of document.querySelectorAll("figure")) {
  const names = [...new Set([...figure.querySelectorAll(".series")].map(g => g.dataset.label))].filter(Boolean);
  if (names.length > 1) {
    for (const name of names) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = name;
      button.setAttribute("aria-pressed", "true");
      button.addEventListener("click", () => {
        const on = button.getAttribute("aria-pressed") === "true";
        button.setAttribute("aria-pressed", String(!on));
        for (const series of figure.querySelectorAll(".series")) {
          if (series.dataset.label === name) series.classList.toggle("off", on);
        }
      });
      figure.querySelector(".keys").append(button);
    }
  }
}

for (const plot of document.querySelectorAll(".plot")) {
  const svg = plot.ownerSVGElement;
  const [x, y] = [axis(plot.dataset.x), axis(plot.dataset.y)];
  const lines = [...plot.querySelectorAll(".series")].map(series => {
    const line = series.querySelector("polyline");
    const points = line ? line.getAttribute("points").trim().split(/\s+/).map(p => p.split(",").map(Number)) : [];
    return { series, points };
  });
  svg.addEventListener("pointermove", event => {
    const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
    let best = null;
    for (const { series, points } of lines) {
      if (series.classList.contains("off")) continue;
      for (const [px, py] of points) {
        const distance = Math.hypot(px - at.x, py - at.y);
        if (!best || distance < best.distance) best = { distance, px, py, name: series.dataset.label };
      }
    }
    if (best && best.distance < 300) show(`${best.name}: ${y(best.py)} at ${x(best.px)}`, event);
    else tip.hidden = true;
  });
  svg.addEventListener("pointerleave", () => { tip.hidden = true; });
}

for (const mark of document.querySelectorAll("[data-value]")) {
  mark.addEventListener("pointermove", event => {
    show([mark.dataset.label, digits(mark.dataset.value)].filter(Boolean).join(": "), event);
  });
  mark.addEventListener("pointerleave", () => { tip.hidden = true; });
}
