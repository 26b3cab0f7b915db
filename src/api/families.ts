/** Families of the Prometheus text format, version 0.0.4. */

/** A value that is not known has no sample: a zero would be a measurement. */
export type Sample = readonly [
  labels: Readonly<Record<string, string>>,
  value: number | null | undefined,
];

export interface Family {
  readonly name: string;
  readonly type: "gauge" | "counter";
  readonly help: string;
  readonly samples: readonly Sample[];
}

export function gauge(name: string, help: string, samples: readonly Sample[]): Family {
  return { name, type: "gauge", help, samples };
}

export function counter(name: string, help: string, samples: readonly Sample[]): Family {
  return { name, type: "counter", help, samples };
}

/** Empty where nothing is known. */
export function formatFamily({ name, type, help, samples }: Family): string {
  const known = samples.filter(([, value]) => value !== undefined && value !== null);
  if (known.length === 0) return "";
  const lines = known.map(([labels, value]) => {
    const pairs = Object.entries(labels).map(([key, text]) => `${key}="${escapeValue(text)}"`);
    return `${name}${pairs.length === 0 ? "" : `{${pairs.join(",")}}`} ${value}\n`;
  });
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join("")}`;
}

export function seconds(micros: number | null | undefined): number | undefined {
  return micros === null || micros === undefined ? undefined : micros / 1_000_000;
}

function escapeValue(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
