/** What is measured of a hop, or said of a path. */

/** Figures of a hop or of a path; null: not known. */
export interface Figures {
  /** Round trip. */
  readonly rttMicros: number | null;
  /** Mean difference of successive round trips. */
  readonly jitterMicros: number | null;
  /** Share lost, 0–1, towards the far end and back. */
  readonly lossForward: number | null;
  readonly lossBackward: number | null;
  readonly mtuBytes: number | null;
  readonly bandwidthBitsPerSecond: number | null;
}
