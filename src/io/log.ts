/** One line an event on the standard error. */

import type { LogLevel } from "../router/event.ts";
import { now } from "./clock.ts";

export type Log = (level: LogLevel, message: string) => void;

export type LogFormat = "text" | "json";

/** Priorities of syslog(3), which journald reads from the beginning of a line (sd-daemon(3)). */
const PRIORITY: Record<LogLevel, number> = { info: 6, warning: 4, error: 3 };

/** In a journal, which has its own clock, a line carries its priority in place of the time. */
export function lineLog(
  write: (line: string) => void,
  format: LogFormat,
  inJournal: boolean,
): Log {
  return (level, message) => {
    const time = new Date(now()).toISOString();
    if (format === "json") return write(JSON.stringify({ time, level, message }));
    const text = level === "info" ? message : `${level}: ${message}`;
    for (const line of text.split("\n")) {
      write(inJournal ? `<${PRIORITY[level]}>${line}` : `${time.slice(11, 23)} ${line}`);
    }
  };
}
