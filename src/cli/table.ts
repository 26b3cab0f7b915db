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
  /** May become narrower than its texts, which are then folded: nothing is cut away. */
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
  const leasts = columns.map((_, index) => leastWidth(rows.map((row) => textOf(row[index] ?? ""))));
  fit(columns, widths, leasts, io.columns());
  const beside = fitting(widths, io.columns());
  const lines = (cells: readonly Cell[]) => {
    const folded = columns.slice(0, beside).map((_, index) =>
      fold(textOf(cells[index] ?? ""), widths[index] ?? 0)
    );
    const height = Math.max(...folded.map((texts) => texts.length));
    return Array.from(
      { length: height },
      (_, row) =>
        columns.slice(0, beside).map((column, index) => {
          const cell = cells[index] ?? "";
          const text = folded[index]?.[row] ?? "";
          const padding = " ".repeat(Math.max(0, (widths[index] ?? 0) - stringWidth(text)));
          const painted = typeof cell === "string" ? text : paint(text, cell.tone, io.color);
          return column.right === true ? padding + painted : painted + padding;
        }).join(GAP).trimEnd(),
    ).join("\n");
  };
  /** What has no room beside the others stands below them, each under its own name. */
  const below = (cells: readonly Cell[]) => {
    const named = columns.slice(beside).flatMap(({ title }, index) => {
      const text = textOf(cells[beside + index] ?? "");
      return text === "" ? [] : [`${title.toLowerCase()} ${text}`];
    });
    if (named.length === 0) return "";
    const folded = fold(named.join("; "), io.columns() - INDENT.length);
    return folded.map((line) => `\n${INDENT}${line}`).join("");
  };
  const head = columns.map(({ title }): Cell => ({ text: title, tone: "quiet" }));
  return [lines(head), ...rows.map((row) => lines(row) + below(row))].join("\n");
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
/** Narrower than this a folded text is no longer read with ease, display columns. */
const LEAST_WIDTH = 16;
/** Before what stands below its row. */
const INDENT = "    ";
/** What continues the line above stands a little to the right of it. */
const CONTINUED = "  ";
const CODES: Record<Tone, string> = { good: "32", bad: "31", warn: "33", quiet: "2" };

function textOf(cell: Cell): string {
  // A name from elsewhere must not be able to move the cursor or change the colors.
  // deno-lint-ignore no-control-regex
  return (typeof cell === "string" ? cell : cell.text).replaceAll(/[\x00-\x1f\x7f-\x9f]/g, "�");
}

/** Those that come last first: what a row is about stands on the left. */
function fit(
  columns: readonly Column[],
  widths: number[],
  leasts: readonly number[],
  available: number,
): void {
  const total = () => widths.reduce((sum, width) => sum + width, GAP.length * (widths.length - 1));
  for (let index = columns.length - 1; index >= 0; index--) {
    const over = total() - available;
    if (over <= 0) return;
    const width = widths[index] ?? 0;
    const least = leasts[index] ?? 0;
    if (columns[index]?.shrinks === true && width > least) {
      widths[index] = Math.max(least, width - over);
    }
  }
}

/** Room for the longest word, so that none is broken unless it is very long. */
function leastWidth(texts: readonly string[]): number {
  const words = texts.flatMap((text) => text.split(/(?<=[ ,])/));
  const longest = Math.max(0, ...words.map((word) => stringWidth(word.trimEnd())));
  return Math.min(24, Math.max(LEAST_WIDTH, longest + CONTINUED.length));
}

/** How many of the first columns have room beside each other. */
function fitting(widths: readonly number[], available: number): number {
  let used = 0;
  const first = widths.findIndex((width, index) => {
    used += width + (index === 0 ? 0 : GAP.length);
    return index > 0 && used > available;
  });
  return first < 0 ? widths.length : first;
}

/** Breaks after spaces and commas; a word that is longer than a line, anywhere. */
function fold(text: string, width: number): string[] {
  if (stringWidth(text) <= width) return [text];
  const lines: string[] = [];
  let line = "";
  const end = () => {
    lines.push(line.trimEnd());
    line = CONTINUED;
  };
  for (const word of text.match(/[^ ,]*[ ,]+|[^ ,]+$/g) ?? []) {
    if (stringWidth(line + word.trimEnd()) > width && line.trim() !== "") end();
    if (stringWidth(line + word.trimEnd()) <= width) {
      line += word;
      continue;
    }
    for (const { segment } of new Intl.Segmenter().segment(word)) {
      if (stringWidth(line + segment) > width && line.trim() !== "") end();
      line += segment;
    }
  }
  end();
  return lines;
}
