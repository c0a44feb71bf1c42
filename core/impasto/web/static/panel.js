// The panel: the method, what all methods have in common, all of its settings, and the stages before and after it.

import { controlOf, check, menu, slider } from "./controls.js";
import { $, h, t } from "./dom.js";
import { add, has, method, methodPlace, move, remove, setValue, toggle, valueOf } from "./pipeline.js";
import { changed, on, stageOf, state } from "./store.js";

const KEEP = "keep-color", SALIENT = "saliency";

const controlNamed = (one, name) => stageOf(one.stage).controls.find((control) => control.name === name);

function drawHead() {
  const one = method();
  const stage = one && stageOf(one.stage);
  $("method-head").replaceChildren(...(stage ? [h("h2", {}, state.chosen ?? stage.name), h("p", {}, aboutOf(stage))] : []));
}

function aboutOf(stage) {
  const look = state.chosen && state.offers.looks.find((each) => each.name === state.chosen);
  return look ? look.summary : stage.summary;
}

/** Return the menu of presets of a stage. */
function presetMenu(one) {
  const presets = stageOf(one.stage).presets;
  const names = Object.keys(presets);
  if (!names.length) return null;
  const same = ([key, value]) => {
    const control = controlNamed(one, key);
    return !control || JSON.stringify(valueOf(one, control)) === JSON.stringify(value);
  };
  const fits = names.find((name) => Object.entries(presets[name].values).every(same));
  const options = names.map((name) => [name, name === "default" ? t("preset.default") : `${name}: ${presets[name].help}`]);
  if (!fits) options.unshift(["", t("preset.own")]);
  return menu({
    label: t("preset"), options, value: fits ?? "",
    done: (name) => {
      if (!name) return;
      for (const [key, value] of Object.entries(presets[name].values)) if (controlNamed(one, key)) setValue(one, key, value);
      changed("chain");
    },
  });
}

function drawFront() {
  const one = method();
  const parts = [];
  const common = (name, label, bounds = {}) => {
    const control = one && controlNamed(one, name);
    if (!control || control.kind === "text") return;
    const how = { low: control.low, high: control.high, step: control.step, log: control.kind === "log-slider", ...bounds };
    parts.push(slider({ label, ...how, value: Math.min(how.high, Math.max(how.low, valueOf(one, control))), done: (value) => setValue(one, name, value) }));
  };
  if (one) parts.push(presetMenu(one));
  common("strength", t("strength"));
  common("style_scale", t("strokes"), { low: 0.25, high: 4, step: 0.02, log: true });
  if (stageOf(KEEP)) parts.push(check({ label: t("keep"), value: has(KEEP), done: (value) => toggle(KEEP, value) }));
  const places = [["all", t("where.all")], ["drawn", t("where.drawn")]];
  if (stageOf(SALIENT)) places.push(["salient", t("where.salient")]);
  parts.push(menu({
    label: t("where"), options: places, value: has(SALIENT) ? "salient" : state.where,
    done: (value) => {
      state.where = value === "drawn" ? "drawn" : "all";
      if ((value === "salient") !== has(SALIENT)) toggle(SALIENT, value === "salient");
      else if (value !== "drawn") changed("values");
      changed("where");
    },
  }));
  const photo = state.photo;
  if (photo && photo.fullWidth > photo.width) {
    const [screen, full] = [{ w: photo.width, h: photo.height }, { w: photo.fullWidth, h: photo.fullHeight }];
    parts.push(menu({
      label: t("size"), options: [[false, t("size.screen", screen)], [true, t("size.full", full)]], value: state.full,
      done: (value) => { state.full = value; changed("size"); },
    }));
  }
  $("front").replaceChildren(...parts.filter(Boolean));
}

function drawControls() {
  const one = method();
  const fields = one ? stageOf(one.stage).controls.filter((control) => control.name !== "strength") : [];
  const seed = slider({ label: t("seed"), low: 0, high: 20, step: 1, value: Math.min(20, state.seed), done: (value) => { state.seed = value; changed("values"); } });
  $("controls").replaceChildren(...fields.map((control) => controlOf(control, valueOf(one, control), (value) => setValue(one, control.name, value))), seed);
  $("more").hidden = !one;
}

const opened = new Set();

function drawChain() {
  const main = methodPlace();
  $("chain").replaceChildren(...state.chain.map((one, place) => {
    const stage = stageOf(one.stage), name = one.stage;
    const small = (text, sign, action, off) => h("button", { class: "quiet", title: text, "aria-label": text, disabled: Boolean(off), onclick: action }, sign);
    const bar = h("div", { class: "bar", title: stage.summary }, h("b", {}, name),
      small(t("chain.up", { name }), "↑", () => move(place, place - 1), place === 0),
      small(t("chain.down", { name }), "↓", () => move(place, place + 1), place === state.chain.length - 1));
    const item = h("li", { class: place === main ? "main" : "", draggable: true }, bar);
    if (place !== main) {
      bar.append(small(t("chain.remove", { name }), "×", () => remove(place)));
      if (stage.controls.length) {
        const open = h("details", { open: opened.has(one.key) }, h("summary", { class: "help", "aria-label": t("chain.settings", { name }) }, "…"),
          h("div", {}, ...[presetMenu(one), ...stage.controls.map((control) => controlOf(control, valueOf(one, control), (value) => setValue(one, control.name, value)))].filter(Boolean)));
        open.addEventListener("toggle", () => (open.open ? opened.add(one.key) : opened.delete(one.key)));
        item.append(open);
      }
    }
    item.addEventListener("dragstart", (event) => { event.dataTransfer.setData("text/plain", String(place)); item.classList.add("dragged"); });
    item.addEventListener("dragend", () => item.classList.remove("dragged"));
    item.addEventListener("dragover", (event) => event.preventDefault());
    item.addEventListener("drop", (event) => {
      const from = event.dataTransfer.getData("text/plain");
      if (!/^\d+$/.test(from)) return;
      event.preventDefault();
      event.stopPropagation();
      move(Number(from), place);
    });
    return item;
  }));
  const groups = ["preprocessor", "stylizer", "postprocessor"].map((kind) => h("optgroup", { label: t(`kind.${kind}`) },
    ...state.offers.stages.filter((stage) => stage.kind === kind).map((stage) => h("option", { value: stage.name, title: stage.summary }, stage.name))));
  const select = h("select", { "aria-label": t("chain.add") }, h("option", { value: "" }, t("chain.add")), ...groups);
  select.addEventListener("change", () => { if (select.value) add(select.value); });
  $("add").replaceChildren(select);
}

export function startPanel() {
  const all = () => { drawHead(); drawFront(); drawControls(); drawChain(); };
  on("chain language", all);
  on("photo paintings where", drawFront);
  on("chosen", drawHead);
}
