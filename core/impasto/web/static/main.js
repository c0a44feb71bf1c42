// The studio: loads what the server offers and lets the parts begin.

import * as api from "./api.js";
import { startCode } from "./code.js";
import { $, currentLanguage, loadTexts, say, setLanguage, t } from "./dom.js";
import { startMask } from "./mask.js";
import { startPainting } from "./painting.js";
import { startPanel } from "./panel.js";
import { startPictures } from "./pictures.js";
import { setMethod } from "./pipeline.js";
import { startStrip } from "./strip.js";
import { changed, on, state } from "./store.js";
import { startViewer } from "./viewer.js";

const FIRST = ["adain", "gatys"];

function startLook() {
  const stored = localStorage.getItem("theme");
  if (stored) document.documentElement.dataset.theme = stored;
  $("theme").addEventListener("click", () => {
    const dark = getComputedStyle(document.documentElement).colorScheme === "dark";
    localStorage.setItem("theme", (document.documentElement.dataset.theme = dark ? "light" : "dark"));
  });
  $("language").addEventListener("click", () => {
    setLanguage(currentLanguage() === "zh" ? "en" : "zh");
    changed("language");
  });
}

/** Choose a first method and paint, as soon as there are two pictures. */
function begin() {
  if (state.chain.length || !state.photo || !state.paintings.length) return;
  const methods = state.offers.stages.filter((stage) => stage.kind === "stylizer").map((stage) => stage.name);
  const first = FIRST.find((name) => methods.includes(name)) ?? methods[0];
  if (!first) return;
  setMethod(first);
  changed("chosen");
}

try {
  await loadTexts();
  startLook();
  state.offers = await api.offers();
  startPictures(on);
  startStrip(on);
  startViewer();
  startMask();
  startPanel();
  startPainting();
  startCode();
  on("pictures", begin);
  on("photo paintings", () => { if (state.chain.length) changed("chosen"); });
  document.documentElement.dataset.ready = "";
} catch (error) {
  say(error instanceof api.Refused ? error.message : t("gone"));
  throw error;
}
