// Elements, texts in the reader's language, and short messages.  No text ever becomes markup.

let texts = {};
let language = "en";

/** Make an element: h("button", {class: "quiet", onclick: f}, "text", other). */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(properties)) {
    if (value === undefined || value === null) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (key in element && key !== "list" && typeof value !== "string") element[key] = value;
    else element.setAttribute(key, value);
  }
  element.append(...children.filter((child) => child !== undefined && child !== null));
  return element;
}

export const $ = (id) => document.getElementById(id);

/** Return a text of the catalogue with {names} filled in. */
export function t(key, values = {}) {
  const pair = texts[key];
  const text = pair ? pair[language === "zh" ? 1 : 0] : key;
  return text.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}

/** Return whether the catalogue has a text. */
export const known = (key) => key in texts;

export async function loadTexts() {
  texts = await (await fetch("/catalogue.json")).json();
  const stored = localStorage.getItem("language");
  setLanguage(stored ?? (navigator.language.startsWith("zh") ? "zh" : "en"));
}

export function setLanguage(name) {
  language = name;
  localStorage.setItem("language", name);
  document.documentElement.lang = name === "zh" ? "zh-Hans" : "en";
  for (const element of document.querySelectorAll("[data-t]")) element.textContent = t(element.dataset.t);
  for (const element of document.querySelectorAll("[data-title]")) {
    element.title = t(element.dataset.title);
    element.setAttribute("aria-label", t(element.dataset.title));
  }
  for (const element of document.querySelectorAll("[data-label]")) element.setAttribute("aria-label", t(element.dataset.label));
  const other = $("language");
  other.textContent = name === "zh" ? "English" : "中文";
  other.lang = name === "zh" ? "en" : "zh";
}

export const currentLanguage = () => language;

let timer = 0;

/** Say something in a line at the foot of the page. */
export function say(text) {
  const toast = $("toast");
  toast.textContent = text;
  toast.hidden = false;
  clearTimeout(timer);
  timer = setTimeout(() => { toast.hidden = true; }, 3500 + 45 * text.length);
}

export const seconds = (value) =>
  value < 90 ? t("seconds", { n: value < 10 ? value.toFixed(1) : Math.round(value) }) : t("minutes", { n: Math.round(value / 60) });
