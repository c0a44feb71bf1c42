// What there is: pictures, the pipeline, how it runs, and what was painted.  Whoever changes it says so.

export const SCREEN = 1024; // pixels of the longer side on the screen
export const SMALL = 192; // of a thumbnail

export const state = {
  offers: null, // what GET /stages gave
  photo: null, // {name, file, screen, small, url, width, height, fullWidth, fullHeight}
  paintings: [], // the same, each
  chain: [], // [{key, stage, values}], of which one is the method
  full: false, // whether the picture is painted in its own size
  seed: 0,
  where: "all", // or "drawn"
  job: null, // what is being painted
  history: [],
  place: -1, // in the history
};

const listeners = {};

/** Call a function whenever something of a kind has changed: pictures, chain, job, history, mask, language. */
export function on(kinds, listener) {
  for (const kind of kinds.split(" ")) (listeners[kind] ??= []).push(listener);
}

export function changed(kind) {
  for (const listener of listeners[kind] ?? []) listener();
}

export const stageOf = (name) => state.offers.stages.find((stage) => stage.name === name);
export const current = () => state.history[state.place];
