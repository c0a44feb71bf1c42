// What is asked of the server.  Pictures are sent as files, pipelines as TOML.

const client = sessionStorage.getItem("client") ?? crypto.getRandomValues(new Uint32Array(4)).join("-");
sessionStorage.setItem("client", client);

export class Refused extends Error {}

async function checked(answer) {
  if (answer.ok) return answer;
  let text = `${answer.status} ${answer.statusText}`;
  try { text = (await answer.json()).error ?? text; } catch { /* no sentence */ }
  throw new Refused(text);
}

export const offers = async () => (await checked(await fetch("/stages"))).json();

export const sampleAddress = (kind, name, size) => `/samples/${kind}/${encodeURIComponent(name)}?size=${size}`;

/** Return the form of a job: {content, styles: [{blob, weight, region}], mask, regions: {label: blob}, pipeline, ...}. */
function form(job) {
  const data = new FormData();
  if (job.content) data.append("content", job.content);
  for (const style of job.styles) data.append("styles", style.blob);
  if (job.styles.some((style) => style.region)) data.append("regions", job.styles.map((style) => style.region ?? "").join(","));
  if (job.mask) data.append("mask", job.mask);
  for (const [label, blob] of Object.entries(job.regions ?? {})) data.append(`region.${label}`, blob);
  for (const key of ["pipeline", "seed", "size", "format", "draft"]) if (job[key] !== undefined) data.append(key, job[key]);
  return data;
}

/** Have a small picture painted; give it when it is there. */
export async function draft(job, signal) {
  const headers = { "impasto-client": client };
  const answer = await fetch("/jobs?wait", { method: "POST", body: form(job), headers, signal });
  return (await checked(answer)).blob();
}

/** Begin a job; give what is known of it. */
export async function begin(job) {
  const answer = await fetch("/jobs", { method: "POST", body: form(job), headers: { "impasto-client": client } });
  return (await checked(answer)).json();
}

/** Tell of a job as it goes; end when it has ended. */
export function follow(id, onState, onPreview) {
  return new Promise((resolve) => {
    const source = new EventSource(`/jobs/${id}/events`);
    let failures = 0; // in a row: a browser tries again by itself, and would for good
    source.addEventListener("state", (event) => {
      failures = 0;
      const state = JSON.parse(event.data);
      onState(state);
      if (["done", "stopped", "refused", "failed"].includes(state.state)) { source.close(); resolve(state); }
    });
    source.addEventListener("preview", (event) => onPreview(event.data));
    source.addEventListener("error", () => {
      if (source.readyState !== EventSource.CLOSED && ++failures < 5) return;
      source.close();
      resolve({ state: "failed", error: "" });
    });
  });
}

export const stop = (id) => fetch(`/jobs/${id}`, { method: "DELETE" });
export const picture = async (id) => (await checked(await fetch(`/jobs/${id}/picture`))).blob();

/** Give the stages of a finished picture, or of a pipeline as text. */
export async function recipe(fields) {
  const data = new FormData();
  for (const [name, value] of Object.entries(fields)) data.append(name, value);
  return (await checked(await fetch("/recipes", { method: "POST", body: data }))).json();
}
