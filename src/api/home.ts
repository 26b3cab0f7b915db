import { html } from "hono/html";
import type { RouterState } from "../ports/router_view.ts";

/** What there is to ask, for a person with a browser. */
export function homePage(state: RouterState, methods: ReadonlyMap<string, readonly string[]>) {
  const links = [...methods].filter(([path, allowed]) => allowed.includes("GET") && path !== "/")
    .map(([path]) => html`<li><a href="${path}">${path}</a></li>\n`);
  return html`
    <!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8">
        <title>Labelway ${state.site.name}</title>
      </head>
      <body>
        <h1>Labelway: site ${state.site.name} of network ${state.network.name}</h1>
        <ul>
    ${links}</ul>
      </body>
    </html>
  `;
}
