/** The results as SVG: a panel a scenario, a bar a peer, whiskers from the least to the most. */

import { figure } from "./report.ts";
import type { Figures, PeerFigures } from "./results.ts";

const WIDTH = 860;
const COLUMNS = 2;
const MARGIN = 24;
const GAP = 28;
const TITLE = 44;
const ROW = 22;
const BAR = 14;
/** For the peers' names, and for the figure behind the longest bar. */
const NAMES = 104;
const VALUES = 62;
const PANEL = (WIDTH - 2 * MARGIN - (COLUMNS - 1) * GAP) / COLUMNS;
const BARS = PANEL - NAMES - VALUES;

/** Readable on light and on dark pages: the viewer's preference decides. */
const STYLE = `
text { font: 12px system-ui, sans-serif; fill: #1f2328; }
.page { fill: #ffffff; }
.title { font-weight: 600; font-size: 13px; }
.quiet { fill: #59636e; }
.bar { fill: #9aa4ae; }
.ours { fill: #0969da; }
.whisker { stroke: #1f2328; }
.end { text-anchor: end; }
@media (prefers-color-scheme: dark) {
  text { fill: #f0f6fc; }
  .page { fill: #0d1117; }
  .quiet { fill: #9198a1; }
  .bar { fill: #59636e; }
  .ours { fill: #4493f8; }
  .whisker { stroke: #f0f6fc; }
}`;

/** Scenarios that compare peers; those of Labelway alone are left out. */
export function renderPlot(results: readonly Figures[]): string {
  const panels = results.filter(({ peers }) => barsOf(peers).length > 1);
  const parts: string[] = [];
  let top = MARGIN;
  for (let index = 0; index < panels.length; index += COLUMNS) {
    const row = panels.slice(index, index + COLUMNS);
    row.forEach((figures, column) => {
      parts.push(panel(figures, MARGIN + column * (PANEL + GAP), top));
    });
    top += Math.max(...row.map(heightOf)) + GAP;
  }
  const height = Math.max(2 * MARGIN, top - GAP + MARGIN);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" \
width="${WIDTH}" height="${height}" role="img" aria-label="Benchmark results">
<style>${STYLE}
</style>
<rect class="page" width="100%" height="100%"/>
${parts.join("\n")}
</svg>
`;
}

/** Without the bare veth, which would make all others short: its figure stands in the title. */
function barsOf(peers: readonly PeerFigures[]): readonly PeerFigures[] {
  return peers.filter(({ peer }) => peer !== "veth");
}

function heightOf({ peers }: Figures): number {
  return TITLE + barsOf(peers).length * ROW;
}

function panel({ scenario, peers, base }: Figures, left: number, top: number): string {
  const bars = barsOf(peers);
  const most = Math.max(...bars.map(({ summary }) => summary.max), Number.MIN_VALUE);
  const length = (value: number) => round(Math.max(0, value) / most * BARS);
  const veth = base ?? peers.find(({ peer }) => peer === "veth")?.summary;
  const notes = [
    scenario.unit,
    `${scenario.better} is better`,
    ...(veth === undefined ? [] : [`bare veth ${figure(veth.median)}`]),
  ];
  const rows = bars.map(({ peer, summary }, index) => {
    const y = TITLE + index * ROW;
    const middle = y + BAR / 2;
    const [least, highest] = [length(summary.min), length(summary.max)];
    return `<text class="end" x="${NAMES - 8}" y="${y + BAR - 3}">${escape(peer)}</text>
<rect class="${peer === "labelway" ? "ours" : "bar"}" x="${NAMES}" y="${y}" \
width="${length(summary.median)}" height="${BAR}" rx="2"/>
<path class="whisker" d="M${NAMES + least} ${middle}H${NAMES + highest}"/>
<text x="${NAMES + highest + 6}" y="${y + BAR - 3}">${escape(figure(summary.median))}</text>`;
  });
  return `<g transform="translate(${round(left)} ${round(top)})">
<text class="title" x="0" y="12">${escape(scenario.name)}</text>
<text class="quiet" x="0" y="30">${escape(notes.join(", "))}</text>
${rows.join("\n")}
</g>`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}
