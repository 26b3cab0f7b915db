/** What a fault cost, from what the receiver got. */

/** As `labelway-datagrams` tells it: times in µs, one clock for both ends. */
export interface Streamed {
  readonly startedMicros: number;
  /** After the start, in the order of sending. */
  readonly sentMicros: readonly number[];
  /** One way, of the same datagrams; null: never arrived. */
  readonly delayMicros: readonly (number | null)[];
  readonly duplicates: number;
  readonly overtaken: number;
}

export interface Outcome {
  /** Datagrams that were lost from shortly before the fault on: those under way count. */
  readonly lost: number;
  /** Of those that arrived, as many as were late. */
  readonly late: number;
  /**
   * From the fault to the first datagram after which none was lost or late any more; 0 where none
   * was; null: they still were when nobody looked any longer.
   */
  readonly recoverMillis: number | null;
  /** Lost before the fault: then the figure means nothing. */
  readonly lostBefore: number;
  /** Median one-way delay before the fault, and at the end. */
  readonly delayBeforeMicros: number | null;
  readonly delayAfterMicros: number | null;
  readonly duplicates: number;
}

/** What was sent so shortly before the fault may be lost by it, on the longest way of a lab. */
const UNDER_WAY_MICROS = 50_000;
/** Without a lost or a late one for so long at the end of what is looked at: it is over. */
const QUIET_MICROS = 500_000;

/**
 * `faultMicros` and `endMicros` are since the epoch, as `startedMicros` is; `lateMicros`: how much
 * longer than before a datagram may take.
 */
export function outcomeOf(
  streamed: Streamed,
  faultMicros: number,
  endMicros: number,
  lateMicros = Infinity,
): Outcome {
  const fault = faultMicros - streamed.startedMicros;
  const end = endMicros - streamed.startedMicros;
  const all = streamed.sentMicros.map((sent, index) => ({
    sent,
    next: streamed.sentMicros[index + 1] ?? sent,
    delay: streamed.delayMicros[index] ?? null,
  }));
  const before = all.filter(({ sent }) => sent < fault - UNDER_WAY_MICROS);
  const after = all.filter(({ sent }) => sent >= fault - UNDER_WAY_MICROS && sent < end);
  const lost = after.filter(({ delay }) => delay === null);
  const delayBeforeMicros = middle(before);
  const latest = (delayBeforeMicros ?? 0) + lateMicros;
  const late = after.filter(({ delay }) => delay !== null && delay > latest);
  const last = after.findLast(({ delay }) => delay === null || delay > latest);
  const recover = last === undefined ? 0 : Math.max(0, last.next - fault);
  const isOver = last === undefined || last.sent < end - QUIET_MICROS;
  const tail = after.filter(({ sent }) => sent >= end - QUIET_MICROS);
  return {
    lost: lost.length,
    late: late.length,
    recoverMillis: isOver ? recover / 1000 : null,
    lostBefore: before.filter(({ delay }) => delay === null).length,
    delayBeforeMicros,
    delayAfterMicros: middle(tail),
    duplicates: streamed.duplicates,
  };
}

function middle(sent: readonly { readonly delay: number | null }[]): number | null {
  const delays = sent.flatMap(({ delay }) => delay === null ? [] : [delay]);
  return delays.toSorted((a, b) => a - b)[delays.length >> 1] ?? null;
}

/** The least value that at least this share of them does not exceed (nearest rank); null of none. */
export function percentile(values: readonly number[], share: number): number | null {
  const rank = Math.max(1, Math.ceil(values.length * share));
  return values.toSorted((a, b) => a - b)[rank - 1] ?? null;
}
