// Painting: a job is begun, followed, shown as it grows, stopped, and kept in the history.

import * as api from "./api.js";
import { $, h, say, seconds, t } from "./dom.js";
import { isDrawn, maskFile, regionName } from "./mask.js";
import { isQuick, looksAtStyles, method, needsStyle, toml } from "./pipeline.js";
import { changed, current, on, SCREEN, state } from "./store.js";
import { showPreview } from "./viewer.js";

const MOST = 30; // pictures that are kept

let again = 0;

async function job() {
  const full = state.full && state.photo.fullWidth > state.photo.width;
  const styles = looksAtStyles(state.chain) ? state.paintings.map((one) => ({ blob: one.screen })) : [];
  const regions = {};
  for (const [index, style] of styles.entries()) {
    const area = styles.length > 1 ? await maskFile(`p${index}`) : undefined;
    if (area) { regions[regionName(index)] = area; style.region = regionName(index); }
  }
  // A painting without a place of its own has what the others leave.
  if (Object.keys(regions).length) for (const style of styles) style.region ??= "rest";
  return {
    content: full ? state.photo.file : state.photo.screen, styles, regions, mask: await maskFile("all"),
    pipeline: toml(state.chain), seed: state.seed,
    size: full ? SCREEN : undefined, // strokes as large as on the screen
  };
}

function tell(facts) {
  $("progress").hidden = false;
  const bar = $("bar");
  if (facts.steps) {
    const rest = (facts.elapsed / facts.step) * (facts.steps - facts.step);
    bar.value = facts.step / facts.steps;
    const left = facts.step > 2 ? `, ${t("state.left", { time: seconds(rest) })}` : "";
    $("said").textContent = facts.stopping ? t("state.stopping") : t("state.step", facts) + left;
  } else {
    bar.removeAttribute("value");
    $("said").textContent = facts.stopping ? t("state.stopping") : facts.state === "waiting" ? t("state.waiting") : `${facts.stage ?? t("state.painting")} …`;
  }
}

/** Paint what there is; what is being painted is stopped. */
export async function paint() {
  if (!state.photo || !state.chain.length) return;
  if (!state.paintings.length && needsStyle(state.chain)) return say(t("need.painting"));
  const turn = ++again;
  if (state.job) api.stop(state.job);
  const made = { chain: state.chain.map((one) => ({ ...one, values: { ...one.values } })), seed: state.seed, photo: state.photo, chosen: state.chosen, name: state.chosen ?? method()?.stage ?? state.chain[0].stage };
  state.job = "new";
  tell({ state: "waiting" });
  try {
    const begun = await api.begin(await job());
    if (turn !== again) return api.stop(begun.id);
    state.job = begun.id;
    const ended = await api.follow(begun.id, (facts) => { if (turn === again) tell(facts); }, (address) => { if (turn === again) showPreview(address); });
    if (turn !== again) return;
    if (ended.size) await keep(begun, ended, made);
    else { say(ended.error || t("gone")); changed("history"); }
  } catch (error) {
    if (turn === again) say(error instanceof api.Refused ? error.message : t("gone"));
  }
  if (turn === again) {
    state.job = null;
    $("progress").hidden = true;
  }
}

async function keep(begun, facts, made) {
  const blob = await api.picture(begun.id);
  const one = { ...made, blob, url: URL.createObjectURL(blob), facts, code: begun.code };
  state.history.splice(state.place + 1, Infinity, one);
  while (state.history.length > MOST) URL.revokeObjectURL(state.history.shift().url);
  state.place = state.history.length - 1;
  changed("history");
  if (facts.interrupted) say(t("stopped.kept"));
}

function drawDone() {
  const one = current();
  $("download").disabled = $("code").disabled = !one;
  const notes = one?.facts.notes ?? [];
  const line = one ? t("done.in", { size: one.facts.size.join(" × "), time: seconds(one.facts.seconds) }) : "";
  $("notes").hidden = !one;
  $("notes").textContent = [line, ...notes].join("\n");
}

export function startPainting() {
  $("paint").addEventListener("click", paint);
  $("stop").addEventListener("click", () => { if (state.job && state.job !== "new") api.stop(state.job); });
  $("download").addEventListener("click", () => {
    const one = current();
    const stem = one.photo.name.replace(/\.[^.]+$/, "");
    h("a", { href: one.url, download: `${stem}-${one.name}.png` }).click();
  });
  on("history language", drawDone);
  on("chosen", paint);
  on("size", () => { $("paint").textContent = t(state.full ? "paint.full" : "paint"); });
  // A quick pipeline follows the slider; a slow one waits for the button.
  on("values", () => { if (isQuick(state.chain) && !state.full) paint(); });
  on("mask", () => { if (isQuick(state.chain) && !state.full && (isDrawn("all") || isDrawn("p0") || isDrawn("p1"))) paint(); });
  document.addEventListener("keydown", (event) => { if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) paint(); });
}
