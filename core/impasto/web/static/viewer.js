// The easel: the photograph under what was painted, a line between them, and a closer look.

import { $ } from "./dom.js";
import { current, on, state } from "./store.js";

const place = { scale: 1, x: 0, y: 0, fitted: true };
let split = 0; // share of the photograph that is seen, from the left
export const pointerHandlers = []; // asked first, by drawing; one that answers true has the pointer

const size = () => [state.photo?.width ?? 1, state.photo?.height ?? 1];

function fitScale() {
  const { clientWidth, clientHeight } = $("view");
  const [width, height] = size();
  return Math.min(clientWidth / width, clientHeight / height);
}

function lay() {
  const [width, height] = size();
  const view = $("view"), sheet = $("sheet");
  if (place.fitted) {
    place.scale = fitScale();
    place.x = (view.clientWidth - width * place.scale) / 2;
    place.y = (view.clientHeight - height * place.scale) / 2;
  }
  sheet.style.width = `${width}px`;
  sheet.style.height = `${height}px`;
  sheet.style.transform = `translate(${place.x}px, ${place.y}px) scale(${place.scale})`;
  sheet.classList.toggle("pixels", !place.fitted && place.scale * (width / ($("after").naturalWidth || width)) >= 2.5);
  // The line is where it is seen: on the picture, inside the frame.
  const left = Math.max(0, place.x), right = Math.min(view.clientWidth, place.x + width * place.scale);
  const at = left + split * (right - left);
  $("split-line").style.left = `${at}px`;
  const share = Math.min(1, Math.max(0, (at - place.x) / (width * place.scale)));
  $("after").style.clipPath = split > 0 ? `inset(0 0 0 ${100 * share}%)` : "none";
  $("split-line").hidden = $("after").hidden || $("compare").hidden;
}

function setSplit(value) {
  split = Math.min(1, Math.max(0, value));
  $("split").value = String(Math.round(100 * split));
  lay();
}

/** Look closer or from further away, at a point of the view. */
function zoom(factor, x = $("view").clientWidth / 2, y = $("view").clientHeight / 2) {
  const least = fitScale() * 0.5;
  const scale = Math.min(24, Math.max(least, place.scale * factor));
  place.x = x - (x - place.x) * (scale / place.scale);
  place.y = y - (y - place.y) * (scale / place.scale);
  place.scale = scale;
  place.fitted = false;
  lay();
}

/** Return where on the picture, in its pixels, a pointer is. */
export function pointOf(event) {
  const box = $("view").getBoundingClientRect();
  return [(event.clientX - box.left - place.x) / place.scale, (event.clientY - box.top - place.y) / place.scale];
}

export const scaleOf = () => place.scale;

/** Show a picture that grows. */
export function showPreview(address) {
  const after = $("after");
  after.src = address;
  after.hidden = false;
  lay();
}

function draw() {
  const one = current();
  const after = $("after");
  if (state.photo && $("before").src !== state.photo.url) {
    $("before").src = state.photo.url;
    place.fitted = true;
  }
  const fits = one && one.photo === state.photo;
  after.hidden = !fits;
  if (fits) after.src = one.url;
  $("compare").hidden = !fits;
  $("before").alt = state.photo?.name ?? "";
  after.alt = fits ? one.name : "";
  lay();
}

const fingers = new Map();

function startPointers() {
  const view = $("view"), line = $("split-line");
  let handler = null;
  view.addEventListener("pointerdown", (event) => {
    if (event.target.closest("button, .progress, .split-line")) return;
    view.setPointerCapture(event.pointerId);
    fingers.set(event.pointerId, [event.clientX, event.clientY]);
    handler = fingers.size === 1 ? pointerHandlers.find((one) => one.down(event)) ?? null : null;
  });
  view.addEventListener("pointermove", (event) => {
    const before = fingers.get(event.pointerId);
    if (!before) return;
    if (handler) return handler.move(event);
    const others = [...fingers].filter(([id]) => id !== event.pointerId);
    if (others.length === 1) {
      const [x, y] = others[0][1];
      const box = view.getBoundingClientRect();
      const far = (point) => Math.hypot(point[0] - x, point[1] - y) || 1;
      zoom(far([event.clientX, event.clientY]) / far(before), x - box.left, y - box.top);
    } else if (!others.length) {
      place.x += event.clientX - before[0];
      place.y += event.clientY - before[1];
      place.fitted = false;
      lay();
    }
    fingers.set(event.pointerId, [event.clientX, event.clientY]);
  });
  const end = (event) => {
    fingers.delete(event.pointerId);
    handler?.up(event);
    handler = null;
  };
  view.addEventListener("pointerup", end);
  view.addEventListener("pointercancel", end);
  view.addEventListener("wheel", (event) => {
    event.preventDefault();
    const box = view.getBoundingClientRect();
    zoom(Math.exp(-event.deltaY / 400), event.clientX - box.left, event.clientY - box.top);
  }, { passive: false });
  view.addEventListener("dblclick", () => { place.fitted = true; lay(); });
  line.addEventListener("pointerdown", (event) => { line.setPointerCapture(event.pointerId); event.stopPropagation(); });
  line.addEventListener("pointermove", (event) => {
    if (!line.hasPointerCapture(event.pointerId)) return;
    const box = view.getBoundingClientRect();
    const left = Math.max(0, place.x), right = Math.min(view.clientWidth, place.x + size()[0] * place.scale);
    setSplit((event.clientX - box.left - left) / (right - left));
  });
}

export function startViewer() {
  on("photo history pictures", draw);
  startPointers();
  $("split").addEventListener("input", (event) => setSplit(event.target.value / 100));
  $("in").addEventListener("click", () => zoom(1.5));
  $("out").addEventListener("click", () => zoom(1 / 1.5));
  $("fit").addEventListener("click", () => { place.fitted = true; lay(); });
  $("pixels").addEventListener("click", () => {
    const wide = $("after").hidden ? size()[0] : $("after").naturalWidth || size()[0];
    zoom(wide / size()[0] / devicePixelRatio / place.scale);
  });
  $("after").addEventListener("load", lay);
  new ResizeObserver(lay).observe($("view"));
}
