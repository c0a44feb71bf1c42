// The same elsewhere: a pipeline as a command, as Python, as TOML; and a recipe taken from a finished picture.

import * as api from "./api.js";
import { $, h, say, t } from "./dom.js";
import { setChain } from "./pipeline.js";
import { changed, current, state } from "./store.js";

const KINDS = [["command", () => t("code.command")], ["python", () => "Python"], ["toml", () => "TOML"]];

function show(kind) {
  $("code-text").textContent = current().code[kind];
  for (const tab of $("code-tabs").children) tab.setAttribute("aria-selected", String(tab.dataset.kind === kind));
}

async function takeRecipe(file) {
  try {
    const found = await api.recipe({ picture: file });
    state.seed = found.seed;
    state.chosen = null;
    setChain(found.stages);
    say(t("recipe.taken"));
    if (state.photo) changed("chosen");
  } catch (error) { say(error.message); }
}

export function startCode() {
  $("code").addEventListener("click", () => {
    $("code-tabs").replaceChildren(...KINDS.map(([kind, name]) => {
      const tab = h("button", { type: "button", role: "tab", onclick: () => show(kind) }, name());
      tab.dataset.kind = kind;
      return tab;
    }));
    show("command");
    $("code-dialog").showModal();
  });
  $("code-copy").addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText($("code-text").textContent);
      say(t("code.copied"));
    } catch { // where the address is not safe, a browser copies nothing by itself
      getSelection().selectAllChildren($("code-text"));
    }
  });
  document.addEventListener("recipe", (event) => takeRecipe(event.detail));
}
