// The strip: what every method, and every look, makes of one's own pictures, small; and the history.

import * as api from "./api.js";
import { $, h, seconds, t } from "./dom.js";
import { isQuick, looksAtStyles, method, needsStyle, setChain, setMethod, toml } from "./pipeline.js";
import { changed, state } from "./store.js";

let running = null;
let tiles = [];

/** Return what the strip shows: quick methods, slow ones, then looks. */
function choices() {
  const methods = state.offers.stages.filter((stage) => stage.kind === "stylizer").map((stage) => ({
    name: stage.name, about: stage.summary, stages: [{ stage: stage.name, values: stage.quick }], choose: () => setMethod(stage.name),
  }));
  const looks = state.offers.looks.filter((look) => look.name !== "clip").map((look) => ({
    name: look.name, about: `${look.summary}\n${look.suits}`, look: true, seconds: look.seconds, stages: look.stages, choose: () => setChain(look.stages),
  }));
  const fits = (one) => state.paintings.length || !needsStyle(one.stages);
  const quick = methods.filter((one) => isQuick(one.stages));
  const slow = methods.filter((one) => !isQuick(one.stages));
  return [...quick, ...slow, ...looks.sort((a, b) => a.seconds - b.seconds)].filter(fits);
}

function tile(choice) {
  const thumb = h("span", { class: "thumb waiting" });
  const button = h("button", { class: "tile", title: choice.about, "aria-pressed": "false" }, thumb, h("span", { class: "name" }, choice.name));
  button.dataset.name = choice.name;
  button.addEventListener("click", () => {
    choice.choose();
    state.chosen = choice.look ? choice.name : null;
    mark();
    changed("chosen");
  });
  return { choice, button, thumb };
}

function mark() {
  const name = state.chosen ?? method()?.stage;
  for (const { choice, button } of tiles) {
    button.setAttribute("aria-pressed", String(choice.name === name && Boolean(choice.look) === Boolean(state.chosen)));
  }
}

/** Paint the strip anew, tile by tile; what was begun for other pictures is given up. */
async function paintStrip() {
  running?.abort();
  delete document.documentElement.dataset.strip;
  if (!state.photo) return;
  const control = (running = new AbortController());
  tiles = choices().map(tile);
  const firstLook = tiles.findIndex(({ choice }) => choice.look);
  const shown = tiles.map(({ button }) => button);
  if (firstLook > 0) shown.splice(firstLook, 0, h("span", { class: "gap" }, t("looks")));
  $("strip").replaceChildren(...shown);
  mark();
  await new Promise((resolve) => setTimeout(resolve, 60)); // what these pictures begin goes first
  for (const { choice, button, thumb } of tiles) {
    while (state.job) await new Promise((resolve) => setTimeout(resolve, 300)); // the picture itself goes first
    if (control.signal.aborted) return;
    const styles = looksAtStyles(choice.stages) ? state.paintings.map((one) => ({ blob: one.small })) : [];
    const job = { content: state.photo.small, styles, pipeline: toml(choice.stages), format: "JPEG", draft: "true" };
    try {
      const picture = await api.draft(job, control.signal);
      const src = URL.createObjectURL(picture);
      thumb.replaceChildren(h("img", { src, alt: "", onload: () => URL.revokeObjectURL(src) }));
    } catch (error) {
      if (control.signal.aborted) return;
      button.classList.add("failed");
      button.title = error.message;
    }
    thumb.classList.remove("waiting");
  }
  document.documentElement.dataset.strip = "done";
}

function drawHistory() {
  const row = $("history");
  row.hidden = state.history.length < 2;
  row.replaceChildren(...state.history.map((one, index) => h("button", {
    class: "tile", title: `${one.name}, ${seconds(one.facts.seconds ?? 0)}`, "aria-label": `${index + 1}: ${one.name}`,
    "aria-pressed": String(index === state.place), onclick: () => go(index),
  }, h("span", { class: "thumb" }, h("img", { src: one.url, alt: "" })))));
  row.children[state.place]?.scrollIntoView({ block: "nearest", inline: "nearest" });
  $("undo").disabled = state.place <= 0;
  $("redo").disabled = state.place >= state.history.length - 1;
}

/** Go to a picture of the history, and to what made it. */
function go(place) {
  if (place < 0 || place >= state.history.length) return;
  state.place = place;
  const one = state.history[place];
  state.chain = one.chain.map((stage) => ({ ...stage, values: { ...stage.values } }));
  state.seed = one.seed;
  state.chosen = one.chosen;
  changed("chain");
  changed("history");
}

export function startStrip(on) {
  on("pictures", paintStrip);
  on("chain", mark);
  on("history", drawHistory);
  $("undo").addEventListener("click", () => go(state.place - 1));
  $("redo").addEventListener("click", () => go(state.place + 1));
  document.addEventListener("keydown", (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.target.matches?.("input[type=text], input[type=number], textarea")) return;
    const key = event.key.toLowerCase();
    if (key === "z" || key === "y") {
      event.preventDefault();
      go(state.place + (key === "y" || event.shiftKey ? 1 : -1));
    }
  });
}
