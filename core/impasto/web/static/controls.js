// A control for each kind of parameter, by what the server says of it.

import { h, known, t } from "./dom.js";

export const labelOf = (control) => (known(`parameter.${control.name}`) ? t(`parameter.${control.name}`) : control.label);

let count = 0;

/** Return a slider with its label and its value: {label, low, high, step, log, value, help, change}. */
export function slider({ label, low, high, step, log, value, help, change, done }) {
  const id = `c${++count}`;
  const to = (x) => (log ? Math.log10(x) : x), from = (x) => (log ? Number((10 ** x).toPrecision(3)) : x);
  const digits = log ? 0 : Math.max(0, -Math.floor(Math.log10(step)));
  const text = (x) => (log ? String(Number(x.toPrecision(3))) : x.toFixed(digits));
  const range = h("input", { id, type: "range", min: String(to(low)), max: String(to(high)), step: String(step) });
  range.value = String(to(value));
  const output = h("output", { for: id }, text(value));
  const read = () => Math.min(high, Math.max(low, from(Number(range.value))));
  range.addEventListener("input", () => { output.textContent = text(read()); range.setAttribute("aria-valuetext", text(read())); change?.(read()); });
  range.addEventListener("change", () => done(read()));
  return field(id, label, help, range, output);
}

export function menu({ label, options, value, help, done }) {
  const id = `c${++count}`;
  const select = h("select", { id }, ...options.map(([one, text]) => h("option", { value: JSON.stringify(one) }, text)));
  select.value = JSON.stringify(value);
  select.addEventListener("change", () => done(JSON.parse(select.value)));
  return field(id, label, help, select);
}

export function check({ label, value, help, done }) {
  const id = `c${++count}`;
  const box = h("input", { id, type: "checkbox", checked: value });
  box.addEventListener("change", () => done(box.checked));
  const about = help ? h("span", { class: "help" }, help) : null;
  return h("div", { class: "field switch" }, box, h("label", { for: id }, label), about);
}

function field(id, label, help, input, output) {
  const about = help ? h("span", { class: "help", id: `${id}-help` }, help) : null;
  if (about) input.setAttribute("aria-describedby", about.id);
  return h("div", { class: "field" }, h("span", { class: "head" }, h("label", { for: id }, label), output), input, about);
}

/** Return what was typed as the value that it stands for: a number where it is one, a list where lists are meant. */
function parse(text, listed) {
  const one = (word) => (word.trim() !== "" && Number.isFinite(Number(word)) ? Number(word) : word.trim());
  return listed ? text.split("+").map((word) => word.trim()).filter(Boolean).map(one) : one(text);
}

/** Return the control of a parameter. */
export function controlOf(control, value, done) {
  const { kind, help, low, high, step } = control;
  const label = labelOf(control);
  if (kind === "switch") return check({ label, value, help, done });
  if (kind === "menu") return menu({ label, options: control.choices.map((choice) => [choice, String(choice)]), value, help, done });
  if (kind === "slider" || kind === "log-slider") return slider({ label, low, high, step, log: kind === "log-slider", value, help, done });
  const id = `c${++count}`;
  const input = h("input", { id, type: kind === "number" ? "number" : "text" });
  if (kind === "number") Object.assign(input, { min: String(low), max: String(high), step: control.whole ? String(step) : "any" });
  input.value = Array.isArray(value) ? value.join("+") : String(value);
  input.addEventListener("change", () => {
    if (kind === "number") {
      const typed = Math.min(high, Math.max(low, Number(input.value)));
      input.value = String(control.whole ? Math.round(typed) : typed);
      done(Number(input.value));
    } else done(parse(input.value, control.listed));
  });
  return field(id, label, help, input);
}
