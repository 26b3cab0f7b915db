/** How a link behaves, and how a person writes it: `delay=30ms loss=2% rate=50mbit`. */

/** One direction of a link. */
export interface Impairment {
  readonly delayMillis: number;
  /** Drawn evenly from −jitter to +jitter. */
  readonly jitterMillis: number;
  /** Share of packets that skip the delay and so overtake those that are in it. */
  readonly reorderPercent: number;
  readonly lossPercent: number;
  /** Mean number of packets lost in a row; 1: each by itself. */
  readonly lossBurst: number;
  /** Null: no limit. */
  readonly rateMbit: number | null;
  /** What would wait longer for the rate is dropped. */
  readonly queueMillis: number;
  /** Everything is lost, silently. */
  readonly cut: boolean;
  /** Pulled out at both ends: all is lost, and both devices have no carrier. */
  readonly unplugged: boolean;
}

export const CLEAR: Impairment = {
  delayMillis: 0,
  jitterMillis: 0,
  reorderPercent: 0,
  lossPercent: 0,
  lossBurst: 1,
  rateMbit: null,
  queueMillis: 50,
  cut: false,
  unplugged: false,
};

/** Words that stand alone, and what they change. */
export const WORDS: Readonly<Record<string, Change>> = {
  cut: { cut: true },
  heal: { cut: false },
  unplug: { unplugged: true },
  plug: { unplugged: false },
};

/** The words that {@link parseSetting} knows, with an example of each. */
export const SETTINGS: Readonly<Record<string, string>> = {
  delay: "30ms",
  jitter: "2ms",
  reorder: "30%",
  loss: "2%",
  burst: "5",
  rate: "50mbit",
  queue: "100ms",
};

export type Change = Partial<Impairment>;

/** Reads one setting, or answers what is accepted. */
export function parseSetting(key: string, text: string): Change | string {
  const example = SETTINGS[key];
  if (example === undefined) {
    return `${key} is unknown; accepted are ${Object.keys(SETTINGS).join(", ")}`;
  }
  const wrong = `${key} is ${text}; accepted is a value like ${example}`;
  switch (key) {
    case "rate": {
      if (text === "none") return { rateMbit: null };
      const rate = measure(text, { kbit: 0.001, mbit: 1, gbit: 1000 });
      return rate === null || rate <= 0 ? `${wrong}, or none` : { rateMbit: rate };
    }
    case "loss":
    case "reorder": {
      const share = measure(text, { "%": 1 });
      if (share === null || share > 100) return `${wrong}, at most 100%`;
      return key === "loss" ? { lossPercent: share } : { reorderPercent: share };
    }
    case "burst": {
      const burst = measure(text, { "": 1 });
      return burst === null || burst < 1 ? `${wrong}, at least 1` : { lossBurst: burst };
    }
    default: {
      const millis = measure(text, { us: 0.001, ms: 1, s: 1000 });
      if (millis === null || millis > 60_000) return `${wrong}, at most 60s`;
      if (key === "delay") return { delayMillis: millis };
      if (key === "jitter") return { jitterMillis: millis };
      return { queueMillis: millis };
    }
  }
}

/** What is wrong with settings that are right each by itself; null: nothing. */
export function conflict({ delayMillis, reorderPercent }: Impairment): string | null {
  return reorderPercent > 0 && delayMillis === 0
    ? `reorder is ${reorderPercent}%; it needs a delay, e.g. delay=5ms, for something to overtake`
    : null;
}

const ALONE = Object.keys(WORDS).join(", ");

/** `delay=30ms`, `cut`, `heal` as the command line gives them, together; or every problem. */
export function parseChanges(
  words: readonly string[],
): { change: Change } | { problems: string[] } {
  let change: Change = {};
  const problems: string[] = [];
  for (const word of words) {
    const alone = WORDS[word];
    if (alone !== undefined) {
      change = { ...change, ...alone };
      continue;
    }
    const [key = "", value] = split(word);
    const parsed = value === undefined
      ? `${word} is unknown; accepted are ${ALONE}, and settings like delay=30ms`
      : parseSetting(key, value);
    if (typeof parsed === "string") problems.push(parsed);
    else change = { ...change, ...parsed };
  }
  if (words.length === 0) {
    problems.push(`Nothing to change; name ${ALONE}, or e.g. delay=30ms`);
  }
  return problems.length > 0 ? { problems } : { change };
}

/** `20 ms ± 2 ms, loss 2 % (bursts of 5), 50 Mbit/s`. */
export function formatImpairment(impairment: Impairment): string {
  if (impairment.unplugged) return "unplugged";
  if (impairment.cut) return "cut";
  const parts: string[] = [];
  if (impairment.delayMillis > 0 || impairment.jitterMillis > 0) {
    const jitter = impairment.jitterMillis > 0 ? ` ± ${impairment.jitterMillis}` : "";
    parts.push(`${impairment.delayMillis}${jitter} ms`);
  }
  if (impairment.reorderPercent > 0) parts.push(`reorder ${impairment.reorderPercent} %`);
  if (impairment.lossPercent > 0) {
    const burst = impairment.lossBurst > 1 ? ` in bursts of ${impairment.lossBurst}` : "";
    parts.push(`loss ${impairment.lossPercent} %${burst}`);
  }
  if (impairment.rateMbit !== null) parts.push(`${impairment.rateMbit} Mbit/s`);
  return parts.length > 0 ? parts.join(", ") : "clear";
}

function split(word: string): [string] | [string, string] {
  const at = word.indexOf("=");
  return at < 0 ? [word] : [word.slice(0, at), word.slice(at + 1)];
}

function measure(text: string, units: Readonly<Record<string, number>>): number | null {
  const match = /^(\d+(?:\.\d+)?)\s*([a-z%]*)$/i.exec(text);
  if (match === null) return null;
  const factor = units[(match[2] ?? "").toLowerCase()];
  return factor === undefined ? null : Number(match[1]) * factor;
}
