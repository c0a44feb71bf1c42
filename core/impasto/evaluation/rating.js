"use strict";

const study = JSON.parse(document.getElementById("study").textContent);
const place = `impasto-rating-${study.identity}`;
const [given, two, done] = ["given", "two", "done"].map((name) => document.getElementById(name));
const rater = document.getElementById("rater");
const count = document.getElementById("count");

function shuffled(items) {
  const mixed = [...items];
  for (let last = mixed.length - 1; last > 0; last -= 1) {
    const other = Math.floor(Math.random() * (last + 1));
    [mixed[last], mixed[other]] = [mixed[other], mixed[last]];
  }
  return mixed;
}

function fresh() {
  const order = [];
  study.sets.forEach((set, index) => {
    for (let i = 0; i < set.pictures.length; i += 1) {
      for (let j = 0; j < i; j += 1) {
        const sides = shuffled([set.pictures[i], set.pictures[j]]);
        order.push({ set: index, left: sides[0], right: sides[1] });
      }
    }
  });
  return { rater: "", order: shuffled(order), votes: [] };
}

let state = fresh();
try {
  state = JSON.parse(localStorage.getItem(place)) || state;
} catch (error) {
  document.getElementById("unkept").hidden = false;
}

function keep() {
  try {
    localStorage.setItem(place, JSON.stringify(state));
  } catch (error) {
    document.getElementById("unkept").hidden = false;
  }
}

function show() {
  const at = state.votes.length;
  count.textContent = `${at} of ${state.order.length}`;
  const finished = at >= state.order.length;
  two.hidden = finished;
  given.hidden = finished;
  done.hidden = !finished;
  if (finished) return;
  const pair = state.order[at];
  const set = study.sets[pair.set];
  const [content, style] = given.querySelectorAll("img");
  content.src = set.content;
  style.parentNode.hidden = !set.style;
  if (set.style) style.src = set.style;
  const [left, right] = two.querySelectorAll("img");
  left.src = `${pair.left}.png`;
  right.src = `${pair.right}.png`;
}

function vote(better) {
  if (state.votes.length >= state.order.length) return;
  const { left, right } = state.order[state.votes.length];
  state.votes.push({ left, right, better });
  keep();
  show();
}

function undo() {
  state.votes.pop();
  keep();
  show();
}

function save() {
  const name = rater.value.trim() || "anonymous";
  const text = JSON.stringify({ study: study.identity, rater: name, votes: state.votes }, null, 1);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  link.download = `ratings-${name.replace(/[^\w-]+/g, "-")}.json`;
  link.click();
}

const keys = {
  ArrowLeft: () => vote("left"),
  ArrowRight: () => vote("right"),
  ArrowDown: () => vote("same"),
  Backspace: undo,
};
document.addEventListener("keydown", (event) => {
  if (event.target === rater || !keys[event.key] || event.repeat) return;
  event.preventDefault();
  keys[event.key]();
});
two.querySelectorAll("button").forEach((button, index) => {
  button.addEventListener("click", () => vote(index ? "right" : "left"));
});
document.getElementById("same").addEventListener("click", () => vote("same"));
document.getElementById("undo").addEventListener("click", undo);
document.getElementById("save").addEventListener("click", save);
rater.value = state.rater;
rater.addEventListener("input", () => {
  state.rater = rater.value;
  keep();
});
show();
