"use strict";

const number = (text) => (text === "" || text === undefined ? NaN : Number(text));

function sortRows(body, value, descending) {
  const rows = [...body.rows];
  rows.sort((a, b) => {
    const [x, y] = [value(a), value(b)];
    if (typeof x === "string") return descending ? y.localeCompare(x) : x.localeCompare(y);
    if (Number.isNaN(x) || Number.isNaN(y)) return Number.isNaN(x) - Number.isNaN(y); // what failed comes last
    return descending ? y - x : x - y;
  });
  body.append(...rows);
}

function sortable(table, valueAt) {
  for (const button of table.tHead.querySelectorAll("button")) {
    button.addEventListener("click", () => {
      const head = button.closest("th");
      const first = head.dataset.first || "ascending";
      const other = first === "ascending" ? "descending" : "ascending";
      const order = head.getAttribute("aria-sort") === first ? other : first;
      table.tHead.querySelectorAll("th").forEach((one) => one.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", order);
      const column = head.cellIndex;
      sortRows(table.tBodies[0], (row) => valueAt(row.cells[column]), order === "descending");
    });
  }
}

const means = document.getElementById("means");
sortable(means, (cell) => (cell.dataset.value === undefined ? cell.textContent : number(cell.dataset.value)));

const pairs = document.getElementById("pairs");
const shown = document.getElementById("shown");
const better = JSON.parse(document.getElementById("better").textContent);

function valuesOf(cell) {
  return JSON.parse(cell.dataset.values || "{}");
}

function showMetric() {
  for (const cell of pairs.querySelectorAll("td[data-values]")) {
    const value = valuesOf(cell)[shown.value];
    cell.querySelector("figcaption").textContent = value === undefined ? "" : value.text;
  }
  pairs.tHead.querySelectorAll("th").forEach((head) => {
    head.removeAttribute("aria-sort");
    head.dataset.first = better[shown.value] === "higher" ? "descending" : "ascending";
  });
}
shown.addEventListener("change", showMetric);
showMetric();
sortable(pairs, (cell) => {
  if (cell.dataset.name !== undefined) return cell.dataset.name;
  const value = valuesOf(cell)[shown.value];
  return value === undefined ? NaN : value.value;
});

const dialog = document.querySelector("dialog");
const [under, over] = dialog.querySelectorAll("img");
const slider = dialog.querySelector("input");
const place = () => over.style.setProperty("--at", `${slider.value}%`);
slider.addEventListener("input", place);
document.addEventListener("click", (event) => {
  const button = event.target.closest("button.open");
  if (!button) return;
  const row = button.closest("tr");
  over.src = row.querySelector("img").src; // the content is the first picture of a row
  under.src = button.querySelector("img").src;
  const cell = button.closest("td");
  dialog.querySelector("h2").textContent = button.querySelector("img").alt;
  const list = dialog.querySelector("dl");
  list.replaceChildren();
  for (const [name, value] of Object.entries(valuesOf(cell))) {
    const term = document.createElement("dt");
    const text = document.createElement("dd");
    term.textContent = name;
    text.textContent = value.text;
    list.append(term, text);
  }
  slider.value = 50;
  place();
  dialog.showModal();
});
dialog.addEventListener("click", (event) => {
  if (event.target === dialog) dialog.close();
});
