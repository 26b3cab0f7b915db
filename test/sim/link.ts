/** A simulated path: what becomes of each probe, by its loss model and delay at that time. */

export interface LinkState {
  /** Mean share of probes lost one way. */
  readonly loss: number;
  /** Mean probes lost in a row; 1: independent losses (Bernoulli), more: Gilbert–Elliott. */
  readonly burst: number;
  /** Mean share of the others lost on the way back, independently. */
  readonly lossBack: number;
  /** Round trip, µs. */
  readonly rttMicros: number;
  /** Round trips are spread evenly by so much to each side, µs. */
  readonly jitterMicros: number;
  readonly up: boolean;
}

export const GOOD: LinkState = {
  loss: 0,
  burst: 1,
  lossBack: 0,
  rttMicros: 20_000,
  jitterMicros: 500,
  up: true,
};

/** State at a time, ms since the start. */
export type Weather = (millis: number) => LinkState;

export interface Probe {
  readonly millis: number;
  readonly outcome: "answered" | "lost-forward" | "lost-backward";
  /** null: lost. */
  readonly rttMicros: number | null;
}

/** Sends one probe after another through the weather. */
export class Link {
  readonly #weather: Weather;
  readonly #random: () => number;
  #bursting = false;

  constructor(weather: Weather, random: () => number) {
    this.#weather = weather;
    this.#random = random;
  }

  probe(millis: number): Probe {
    const state = this.#weather(millis);
    const lost = this.#lost(state) || !state.up;
    const rttMicros = state.rttMicros + (2 * this.#random() - 1) * state.jitterMicros;
    if (lost) return { millis, outcome: "lost-forward", rttMicros: null };
    if (state.lossBack > 0 && this.#random() < state.lossBack) {
      return { millis, outcome: "lost-backward", rttMicros: null };
    }
    return { millis, outcome: "answered", rttMicros };
  }

  /** Two states, of which the bad one loses everything: its mean stay is the mean burst. */
  #lost({ loss, burst }: LinkState): boolean {
    if (burst <= 1) return this.#random() < loss;
    const leave = 1 / burst;
    const enter = loss >= 1 ? 1 : leave * loss / (1 - loss);
    this.#bursting = this.#random() < (this.#bursting ? 1 - leave : enter);
    return this.#bursting;
  }
}
