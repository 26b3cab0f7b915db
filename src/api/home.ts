import { html } from "hono/html";
import type { RouterState } from "../ports/router_view.ts";

/** Path → what it answers. */
export type Links = ReadonlyMap<string, string>;

/** What there is to ask, for a person with a browser. */
export function homePage({ site, network, table }: RouterState, links: Links) {
  const items = [...links].map(([path, about]) =>
    html`<dt><a href="${path}">${path}</a></dt>\n<dd>${about}</dd>\n`
  );
  return html`
    <!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width">
        <title>Labelway ${site.name}</title>
      </head>
      <body>
        <h1>Labelway: site ${site.name} of network ${network.name}</h1>
        <p>Generation ${table.generation}. On the gateway itself, <code>labelway status</code> and
    <code>labelway paths</code> say the same as tables.</p>
        <dl>
    ${items}</dl>
      </body>
    </html>
  `;
}
