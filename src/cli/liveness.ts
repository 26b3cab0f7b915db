import type { Cell } from "./table.ts";

export function livenessCell(state: "up" | "down" | "unknown"): Cell {
  return { text: state, tone: state === "up" ? "good" : state === "down" ? "bad" : "warn" };
}
