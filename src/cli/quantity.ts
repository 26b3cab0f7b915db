/** Quantities as a person reads them: a unit that fits, three digits, `–` for what is not known. */

export const NONE = "–";

export function formatMicros(micros: number | null | undefined): string {
  if (micros === null || micros === undefined) return NONE;
  if (micros < 1000) return `${Math.round(micros)} µs`;
  if (micros < 1_000_000) return `${threeDigits(micros / 1000)} ms`;
  return `${threeDigits(micros / 1_000_000)} s`;
}

export function formatBytes(bytes: number): string {
  return scaled(bytes, 1024, ["B", "KiB", "MiB", "GiB", "TiB", "PiB"]);
}

export function formatBitRate(bitsPerSecond: number): string {
  return scaled(bitsPerSecond, 1000, ["bit/s", "kbit/s", "Mbit/s", "Gbit/s", "Tbit/s"]);
}

/** A share of 0–1 as per cent; a loss that is there is never printed as none. */
export function formatShare(share: number): string {
  const percent = share * 100;
  if (percent > 0 && percent < 0.1) return "<0.1 %";
  return `${percent === Math.round(percent) ? percent : percent.toFixed(1)} %`;
}

/** `3 d 4 h`, `5 min 12 s`: the two largest units. */
export function formatSpan(millis: number): string {
  if (millis < 1000) return `${Math.max(0, Math.round(millis))} ms`;
  let seconds = Math.floor(millis / 1000);
  const parts: string[] = [];
  for (const [unit, size] of SPANS) {
    const count = Math.floor(seconds / size);
    seconds -= count * size;
    if (count > 0 || parts.length > 0) parts.push(`${count} ${unit}`);
    if (parts.length === 2) break;
  }
  return parts.filter((part, index) => index === 0 || !part.startsWith("0 ")).join(" ");
}

/** Thousands apart by a thin space that never breaks a line. */
export function formatCount(count: number): string {
  return String(count).replaceAll(/\B(?=(\d{3})+$)/g, "\u202f");
}

/** `2026-01-31 12:00:00 UTC` */
export function formatInstant(millis: number): string {
  return new Date(millis).toISOString().replace("T", " ").replace(/\.\d+Z$/, " UTC");
}

const SPANS = [["d", 86_400], ["h", 3600], ["min", 60], ["s", 1]] as const;

function scaled(value: number, base: number, units: readonly string[]): string {
  let index = 0;
  // 999.6 would be printed as 1000 of a unit that ends below it.
  while (index < units.length - 1 && Number(threeDigits(value)) >= base) {
    value /= base;
    index += 1;
  }
  return `${index === 0 ? String(Math.round(value)) : threeDigits(value)} ${units[index]}`;
}

function threeDigits(value: number): string {
  const decimals = value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  const text = value.toFixed(decimals);
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}
