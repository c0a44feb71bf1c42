// Pictures: chosen, dropped, pasted or taken from the samples; shrunk for the screen; shown as cards.

import * as api from "./api.js";
import { $, h, say, t } from "./dom.js";
import { changed, SCREEN, SMALL, state } from "./store.js";

/** Read a file as the page needs it: as it is, for the screen, and small. */
async function readPicture(file, name) {
  let bitmap;
  try { bitmap = await createImageBitmap(file); } catch { throw new Error(t("broken")); }
  const { width, height } = bitmap;
  const screen = Math.max(width, height) <= SCREEN ? file : await shrunk(bitmap, SCREEN, "image/png");
  const small = await shrunk(bitmap, SMALL, "image/jpeg");
  bitmap.close();
  const [w, h] = within(width, height, SCREEN);
  return { name, file, screen, small, url: URL.createObjectURL(screen), thumb: URL.createObjectURL(small), width: w, height: h, fullWidth: width, fullHeight: height };
}

export function within(width, height, side) {
  const share = Math.min(1, side / Math.max(width, height));
  return [Math.max(1, Math.round(width * share)), Math.max(1, Math.round(height * share))];
}

async function shrunk(bitmap, side, type) {
  const [width, height] = within(bitmap.width, bitmap.height, side);
  const canvas = h("canvas", { width, height });
  const brush = canvas.getContext("2d");
  brush.imageSmoothingQuality = "high";
  brush.drawImage(bitmap, 0, 0, width, height);
  return new Promise((resolve) => canvas.toBlob(resolve, type, 0.9));
}

/** Set the photograph (place "photo"), or a painting at a place. */
export async function setPicture(file, place, name = file.name ?? "picture") {
  const limit = state.offers.limits.max_upload;
  try {
    if (file.size > limit / 2) throw new Error(`${name}: ${(file.size / 1e6).toFixed(0)} MB > ${(limit / 2e6).toFixed(0)} MB`);
    const picture = await readPicture(file, name);
    if (place === "photo") state.photo = picture;
    else if (place < state.paintings.length) state.paintings[place] = picture;
    else if (state.paintings.length < state.offers.limits.styles) state.paintings.push(picture);
    changed(place === "photo" ? "photo" : "paintings");
    changed("pictures");
  } catch (error) { say(error.message); }
}

let asked = null;

/** Ask for a file. */
export function choose(place) {
  asked = place;
  $("file").value = "";
  $("file").click();
}

async function takeSample(kind, name) {
  const side = kind === "content" ? 1024 : 512;
  const blob = await (await fetch(api.sampleAddress(kind, name, side))).blob();
  await setPicture(blob, kind === "content" ? "photo" : state.paintings.length ? 0 : Infinity, `${name}.png`);
}

function sampleRow(row, kind, names) {
  row.replaceChildren(...names.map((name) => {
    const button = h("button", { title: t("sample", { name }), "aria-label": t("sample", { name }) },
      h("img", { src: api.sampleAddress(kind, name, 128), alt: "", loading: "lazy" }));
    button.addEventListener("click", async () => {
      button.disabled = true;
      await takeSample(kind, name);
      button.disabled = false;
    });
    return button;
  }));
}

function card(picture, label, place, removable) {
  const inside = picture ? h("img", { src: picture.thumb, alt: picture.name }) : "+";
  const button = h("button", { title: label, "aria-label": label, onclick: () => choose(place) }, inside);
  const box = h("div", { class: "card" }, button);
  if (removable) {
    const text = t("painting.remove", { n: place + 1 });
    box.append(h("button", { class: "remove", title: text, "aria-label": text, onclick: () => {
      state.paintings.splice(place, 1);
      changed("paintings");
      changed("pictures");
    } }, "×"));
  }
  receive(box, place);
  return box;
}

/** Take files that are dropped on an element. */
export function receive(element, place) {
  element.addEventListener("dragover", (event) => { event.preventDefault(); element.classList.add("over"); });
  element.addEventListener("dragleave", () => element.classList.remove("over"));
  element.addEventListener("drop", (event) => {
    element.classList.remove("over");
    const files = [...(event.dataTransfer?.files ?? [])];
    if (!files.length) return;
    event.preventDefault();
    event.stopPropagation();
    files.forEach((file, index) => arrive(file, place === "photo" ? (index ? Infinity : "photo") : place + index));
  });
}

/** Take a file, wherever it comes from: a finished picture may be asked for its recipe. */
export async function arrive(file, place) {
  if (await carriesRecipe(file)) {
    const dialog = $("recipe-dialog");
    dialog.returnValue = "";
    dialog.showModal();
    const answer = await new Promise((resolve) => dialog.addEventListener("close", () => resolve(dialog.returnValue), { once: true }));
    if (answer === "recipe") return document.dispatchEvent(new CustomEvent("recipe", { detail: file }));
    if (answer !== "picture") return;
  }
  const free = state.photo ? Infinity : "photo";
  await setPicture(file, place ?? free);
}

async function carriesRecipe(file) {
  const head = new Uint8Array(await file.slice(0, 1 << 18).arrayBuffer());
  return head[0] === 0x89 && new TextDecoder("latin1").decode(head).includes("iTXtimpasto\0");
}

function draw() {
  const ready = state.photo && state.paintings.length;
  if (ready) state.begun = true;
  $("studio").classList.toggle("empty", !state.begun);
  $("welcome").hidden = Boolean(state.begun);
  for (const id of ["easel", "methods", "panel"]) $(id).hidden = !state.begun;
  $("photo").replaceChildren(card(state.photo, t("photo.change"), "photo", false));
  const cards = state.paintings.map((one, index) => card(one, t("painting.change", { n: index + 1 }), index, true));
  if (state.paintings.length < state.offers.limits.styles) cards.push(card(null, t("painting.add"), state.paintings.length, false));
  $("paintings").replaceChildren(...cards);
  for (const [id, picture] of [["choose-photo", state.photo], ["choose-painting", state.paintings[0]]]) {
    const zone = $(id);
    zone.classList.toggle("chosen", Boolean(picture));
    zone.querySelector(":scope > img")?.remove();
    for (const part of zone.children) part.toggleAttribute("hidden", Boolean(picture));
    if (picture) zone.prepend(h("img", { src: picture.url, alt: picture.name }));
  }
}

export function startPictures(on) {
  on("pictures language", draw);
  const samples = () => {
    sampleRow($("sample-contents"), "content", state.offers.samples.contents);
    sampleRow($("sample-styles"), "style", state.offers.samples.styles);
  };
  samples();
  $("choose-photo").addEventListener("click", () => choose("photo"));
  $("choose-painting").addEventListener("click", () => choose(0));
  receive($("choose-photo"), "photo");
  receive($("choose-painting"), 0);
  $("file").addEventListener("change", (event) => { for (const file of event.target.files) arrive(file, asked); });
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    for (const file of event.dataTransfer?.files ?? []) arrive(file);
  });
  document.addEventListener("paste", (event) => { for (const file of event.clipboardData?.files ?? []) arrive(file); });
  draw();
}
