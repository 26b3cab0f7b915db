/** Aligned text tables, measured in display columns and fitted to the terminal. No borders. */

import stringWidth from "string-width";
import type { Io } from "./io.ts";

export type Tone = "good" | "bad" | "warn" | "quiet";

/** A text, or a text whose meaning a color may carry as well (never the color alone). */
export type Cell = string | { readonly text: string; readonly tone: Tone };

export interface Column {
  readonly title: string;
  /** Numbers stand to the right, so that their digits line up. */
  readonly right?: boolean;
  /** May be cut when the terminal is narrow; those that come last are cut first. */
  readonly shrinks?: boolean;
}

/** Renders to lines joined by newlines; a table without rows is its head alone. */
export function renderTable(
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
  io: Pick<Io, "columns" | "color">,
): string {
  const widths = columns.map((column, index) =>
    Math.max(stringWidth(column.title), ...rows.map((row) => stringWidth(textOf(row[index] ?? ""))))
  );
  fit(columns, widths, io.columns());
  const line = (cells: readonly Cell[]) =>
    columns.map((column, index) => {
      const cell = cells[index] ?? "";
      const width = widths[index] ?? 0;
      const cut = cutTo(textOf(cell), width);
      const padding = " ".repeat(Math.max(0, width - stringWidth(cut)));
      const painted = typeof cell === "string" ? cut : paint(cut, cell.tone, io.color);
      return column.right === true ? padding + painted : painted + padding;
    }).join(GAP).trimEnd();
  const head = columns.map(({ title }): Cell => ({ text: title, tone: "quiet" }));
  return [line(head), ...rows.map(line)].join("\n");
}

/** `name  value` lines, the names in one column. */
export function renderPairs(
  pairs: readonly (readonly [name: string, value: Cell])[],
  io: Pick<Io, "color">,
): string {
  const width = Math.max(0, ...pairs.map(([name]) => stringWidth(name)));
  return pairs.map(([name, value]) => {
    const padding = " ".repeat(width - stringWidth(name));
    const text = typeof value === "string"
      ? textOf(value)
      : paint(textOf(value), value.tone, io.color);
    return `${paint(name, "quiet", io.color)}${padding}${GAP}${text}`.trimEnd();
  }).join("\n");
}

/** Escape sequences around the text, where color is allowed. */
export function paint(text: string, tone: Tone, color: boolean): string {
  return color && text !== "" ? `\x1b[${CODES[tone]}m${text}\x1b[0m` : text;
}

const GAP = "  ";
/** Narrower than this a shrinking column says nothing any more, bytes of width. */
const LEAST_WIDTH = 8;
const CODES: Record<Tone, string> = { good: "32", bad: "31", warn: "33", quiet: "2" };

function textOf(cell: Cell): string {
  // A name from elsewhere must not be able to move the cursor or change the colors.
  // deno-lint-ignore no-control-regex
  return (typeof cell === "string" ? cell : cell.text).replaceAll(/[\x00-\x1f\x7f-\x9f]/g, "�");
}

function fit(columns: readonly Column[], widths: number[], available: number): void {
  const total = () => widths.reduce((sum, width) => sum + width, GAP.length * (widths.length - 1));
  for (let index = columns.length - 1; index >= 0; index--) {
    const over = total() - available;
    if (over <= 0) return;
    const width = widths[index] ?? 0;
    if (columns[index]?.shrinks === true && width > LEAST_WIDTH) {
      widths[index] = Math.max(LEAST_WIDTH, width - over);
    }
  }
}

function cutTo(text: string, width: number): string {
  if (stringWidth(text) <= width) return text;
  let cut = "";
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    if (stringWidth(cut + segment) > width - 1) break;
    cut += segment;
  }
  return `${cut}…`;
}
