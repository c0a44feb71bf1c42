// The pipeline: stages with the values that were changed, as the page has them and as TOML.

import { changed, stageOf, state } from "./store.js";

let keys = 0;
export const entry = (stage, values = {}) => ({ key: ++keys, stage, values: { ...values } });

/** Return the place of the method: the last stylizer. */
export function methodPlace() {
  return state.chain.findLastIndex((one) => stageOf(one.stage)?.kind === "stylizer");
}

export const method = () => state.chain[methodPlace()];

export function setChain(stages) {
  state.chain = stages.map((one) => entry(one.stage, own(one)));
  changed("chain");
}

/** Return the values of a stage that are not its defaults. */
export function own({ stage, values }) {
  const defaults = Object.fromEntries((stageOf(stage)?.controls ?? []).map((control) => [control.name, control.value]));
  return Object.fromEntries(
    Object.entries(values).filter(([name, value]) => name in defaults && JSON.stringify(value) !== JSON.stringify(defaults[name])),
  );
}

/** Put a method in the place of the one that there is; what stands before and after it stays. */
export function setMethod(stage, values = {}) {
  const place = methodPlace();
  if (place < 0) state.chain.push(entry(stage, values));
  else state.chain[place] = entry(stage, values);
  changed("chain");
}

export function setValue(one, name, value) {
  const control = stageOf(one.stage).controls.find((each) => each.name === name);
  if (JSON.stringify(value) === JSON.stringify(control.value)) delete one.values[name];
  else one.values[name] = value;
  changed("values");
}

export const valueOf = (one, control) => one.values[control.name] ?? control.value;
export const has = (stage) => state.chain.some((one) => one.stage === stage);

/** Add a stage where its kind belongs, or take it away. */
export function toggle(stage, wanted) {
  state.chain = state.chain.filter((one) => one.stage !== stage);
  if (wanted) add(stage);
  else changed("chain");
}

export function add(stage) {
  const kind = stageOf(stage).kind;
  const place = kind === "preprocessor" ? Math.max(0, state.chain.findIndex((one) => stageOf(one.stage).kind !== "preprocessor")) : state.chain.length;
  state.chain.splice(place, 0, entry(stage));
  changed("chain");
}

export function move(from, to) {
  if (to < 0 || to >= state.chain.length || from === to) return;
  const [one] = state.chain.splice(from, 1);
  state.chain.splice(to, 0, one);
  changed("chain");
}

export function remove(place) {
  state.chain.splice(place, 1);
  changed("chain");
}

const literal = (value) =>
  Array.isArray(value) ? `[${value.map(literal).join(", ")}]` : typeof value === "string" ? JSON.stringify(value) : String(value);

export function toml(stages) {
  return stages
    .map(({ stage, values }) =>
      [`[[stages]]`, `stage = "${stage}"`, ...Object.entries(values).map(([name, value]) => `${name} = ${literal(value)}`), ""].join("\n"))
    .join("\n");
}

export const looksAtStyles = (stages) => stages.some((one) => stageOf(one.stage).style !== "ignored");
export const needsStyle = (stages) => stages.some((one) => stageOf(one.stage).style === "required");
/** Return whether a pipeline is quick enough to be painted while a slider moves. */
export const isQuick = (stages) => stages.every((one) => !stageOf(one.stage).steps);
