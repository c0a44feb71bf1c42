// The page of the API, made from its description.

import { $, h } from "./dom.js";

const api = await (await fetch("/openapi.json")).json();
$("about").textContent = api.info.description;

for (const [path, methods] of Object.entries(api.paths)) {
  for (const [method, about] of Object.entries(methods)) {
    const fields = about.requestBody?.content["multipart/form-data"].schema.properties ?? {};
    const rows = Object.entries(fields).flatMap(([name, field]) => {
      const kind = field.enum?.join(", ") ?? (field.format === "binary" ? "file" : field.items ? "files" : field.type);
      return [h("dt", {}, h("code", {}, name)), h("dd", {}, [kind, field.description].filter(Boolean).join(": "))];
    });
    const query = (about.parameters ?? []).filter((one) => one.in === "query").map((one) => h("p", {}, h("code", {}, `?${one.name}`), ` ${one.description}`));
    $("paths").append(h("section", {}, h("h3", {}, h("code", {}, `${method.toUpperCase()} ${path}`)), h("p", {}, about.summary), ...query, rows.length ? h("dl", {}, ...rows) : null));
  }
}
