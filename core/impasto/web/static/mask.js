// Masks and regions, drawn over the photograph: a brush, an eraser, a box, a fill by colour.

import { $, h, t } from "./dom.js";
import { changed, on, state } from "./store.js";
import { pointerHandlers, pointOf, scaleOf } from "./viewer.js";

const INK = "#e0402a";
let tool = "brush", target = "all", width = 60;
let layers = {}; // by target: a canvas whose opacity is the mask
let steps = []; // of each stroke, what was there before
let stroke = null;

const drawing = () => state.where === "drawn" && tool !== "move";

function layer(name = target) {
  const { width, height } = state.photo;
  if (!layers[name]) {
    layers[name] = h("canvas", { width, height });
    layers[name].getContext("2d", { willReadFrequently: true });
  }
  return layers[name];
}

export const isDrawn = (name) => Boolean(layers[name]?.touched);

/** Return a layer as a file, white where it is drawn; undefined where nothing is. */
export async function maskFile(name) {
  if (state.where !== "drawn" || !isDrawn(name)) return undefined;
  const canvas = h("canvas", { width: state.photo.width, height: state.photo.height });
  const brush = canvas.getContext("2d");
  brush.drawImage(layers[name], 0, 0);
  brush.globalCompositeOperation = "source-in"; // any colour of the drawing becomes white
  brush.fillStyle = "#fff";
  brush.fillRect(0, 0, canvas.width, canvas.height);
  brush.globalCompositeOperation = "destination-over";
  brush.fillStyle = "#000";
  brush.fillRect(0, 0, canvas.width, canvas.height);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
}

/** Return by what label the server knows where a painting goes. */
export const regionName = (index) => `region ${index + 1}`;

function show(extra) {
  const canvas = $("mask");
  canvas.hidden = state.where !== "drawn" || !state.photo;
  if (canvas.hidden) return;
  canvas.width = state.photo.width;
  canvas.height = state.photo.height;
  const brush = canvas.getContext("2d");
  brush.drawImage(layer(), 0, 0);
  if (extra) { brush.fillStyle = INK; brush.fillRect(...extra); }
}

function keep() {
  const canvas = layer();
  steps.push([target, canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height), canvas.touched]);
  if (steps.length > 12) steps.shift();
}

const box = ([x, y], [u, v]) => [Math.min(x, u), Math.min(y, v), Math.abs(u - x), Math.abs(v - y)];

function line(from, to) {
  const brush = layer().getContext("2d");
  brush.globalCompositeOperation = tool === "erase" ? "destination-out" : "source-over";
  brush.strokeStyle = INK;
  brush.lineWidth = width / scaleOf();
  brush.lineCap = brush.lineJoin = "round";
  brush.beginPath();
  brush.moveTo(...from);
  brush.lineTo(to[0] + 0.01, to[1]);
  brush.stroke();
  brush.globalCompositeOperation = "source-over";
}

/** Fill what has about the colour of the point, as far as it hangs together. */
function fill([x, y]) {
  const { width: w, height: hgt } = state.photo;
  x = Math.floor(x); y = Math.floor(y);
  if (x < 0 || y < 0 || x >= w || y >= hgt) return;
  const photo = h("canvas", { width: w, height: hgt });
  photo.getContext("2d").drawImage($("before"), 0, 0, w, hgt);
  const pixels = photo.getContext("2d").getImageData(0, 0, w, hgt).data;
  const brush = layer().getContext("2d");
  const drawn = brush.getImageData(0, 0, w, hgt);
  const seen = new Uint8Array(w * hgt), first = 4 * (y * w + x), most = 12 + width / 2;
  const near = (at) => Math.abs(pixels[4 * at] - pixels[first]) + Math.abs(pixels[4 * at + 1] - pixels[first + 1]) + Math.abs(pixels[4 * at + 2] - pixels[first + 2]) < 3 * most;
  const open = [y * w + x];
  const ink = [0xe0, 0x40, 0x2a, 255];
  while (open.length) {
    const at = open.pop();
    if (seen[at] || !near(at)) continue;
    seen[at] = 1;
    drawn.data.set(ink, 4 * at);
    const column = at % w;
    if (column > 0) open.push(at - 1);
    if (column < w - 1) open.push(at + 1);
    if (at >= w) open.push(at - w);
    if (at < w * (hgt - 1)) open.push(at + w);
  }
  brush.putImageData(drawn, 0, 0);
}

function invert() {
  keep();
  const canvas = layer(), brush = canvas.getContext("2d");
  brush.globalCompositeOperation = "xor";
  brush.fillStyle = INK;
  brush.fillRect(0, 0, canvas.width, canvas.height);
  brush.globalCompositeOperation = "source-over";
  finish();
}

function finish() {
  layer().touched = layer().getContext("2d").getImageData(0, 0, layer().width, layer().height).data.some((value, index) => index % 4 === 3 && value);
  show();
  changed("mask");
}

pointerHandlers.push({
  down(event) {
    if (!drawing() || event.button > 0) return false;
    keep();
    const at = pointOf(event);
    stroke = { from: at, last: at };
    if (tool === "fill") fill(at);
    else if (tool !== "box") line(at, at);
    show();
    return true;
  },
  move(event) {
    const at = pointOf(event);
    if (tool === "brush" || tool === "erase") line(stroke.last, at);
    stroke.last = at;
    show(tool === "box" ? box(stroke.from, at) : undefined);
  },
  up() {
    if (tool === "box") {
      const brush = layer().getContext("2d");
      brush.fillStyle = INK;
      brush.fillRect(...box(stroke.from, stroke.last));
    }
    finish();
  },
});

function tools() {
  const row = $("mask-tools");
  row.hidden = state.where !== "drawn";
  $("view").classList.toggle("drawing", drawing());
  if (row.hidden) return show();
  const button = (name) => h("button", { class: "quiet", "aria-pressed": String(tool === name), onclick: () => { tool = name; tools(); } }, t(`mask.${name}`));
  const slider = h("input", { type: "range", min: "4", max: "200", value: String(width), "aria-label": t("mask.width") });
  slider.addEventListener("input", () => { width = Number(slider.value); });
  const targets = h("select", { "aria-label": t("mask.target") },
    h("option", { value: "all" }, t("mask.all")),
    ...(state.paintings.length > 1 ? state.paintings.map((_, index) => h("option", { value: `p${index}` }, t("mask.region", { n: index + 1 }))) : []));
  targets.value = [...targets.options].some((one) => one.value === target) ? target : (target = "all");
  targets.addEventListener("change", () => { target = targets.value; show(); });
  const act = (name, action) => h("button", { class: "quiet", onclick: action }, t(`mask.${name}`));
  row.replaceChildren(
    ...["brush", "erase", "box", "fill", "move"].map(button),
    h("label", {}, t("mask.width"), slider),
    targets, h("span", { class: "grow" }),
    act("back", () => {
      const [name, pixels, touched] = steps.pop() ?? [];
      if (!name) return;
      layer(name).getContext("2d").putImageData(pixels, 0, 0);
      layer(name).touched = touched;
      show();
      changed("mask");
    }),
    act("invert", invert),
    act("clear", () => { keep(); layer().getContext("2d").clearRect(0, 0, 1e5, 1e5); finish(); }),
  );
  show();
}

export function startMask() {
  on("where paintings language", tools);
  on("photo", () => { layers = {}; steps = []; tools(); });
}
