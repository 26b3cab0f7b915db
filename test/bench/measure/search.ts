/** The rate at which most arrives: more offered than carried may well carry less. */

export interface Offer {
  /** Offered and delivered, a second. */
  readonly rate: number;
  readonly delivered: number;
}

const FIRST_RATE = 20_000;
const LEAST_RATE = 500;
const MOST_RATE = 4_000_000;
const STEP = 1.6;
/** Around the best of the coarse steps, once. */
const FINE = [0.8, 1.25] as const;
/** Carried whole, but for a hiccup. */
const WHOLE = 0.97;
/** A step that brings this much more is worth another. */
const GAIN = 1.02;
/** So many steps in a row without a gain end the climb. */
const STEPS_WITHOUT_GAIN = 2;

/**
 * Offers at rising rates until that no longer helps; answers the offer of which most arrived. What
 * arrives decides, not what share of it: on a busy machine the sender itself falls behind its rate,
 * and a higher one still brings more.
 */
export async function highestDelivered(
  deliver: (rate: number) => Promise<number>,
): Promise<Offer> {
  let best: Offer = { rate: FIRST_RATE, delivered: -1 };
  const offer = async (rate: number): Promise<Offer> => {
    const made = { rate: Math.round(rate), delivered: await deliver(Math.round(rate)) };
    if (made.delivered > best.delivered) best = made;
    return made;
  };
  let idle = 0;
  for (let rate = FIRST_RATE; rate <= MOST_RATE && idle < STEPS_WITHOUT_GAIN; rate *= STEP) {
    const before = best.delivered;
    const { delivered } = await offer(rate);
    idle = delivered > before * GAIN ? 0 : idle + 1;
  }
  if (best.rate === FIRST_RATE && best.delivered < WHOLE * FIRST_RATE) {
    for (let rate = FIRST_RATE / STEP; rate >= LEAST_RATE; rate /= STEP) {
      if ((await offer(rate)).delivered >= WHOLE * rate) break;
    }
  }
  const { rate } = best;
  for (const factor of FINE) await offer(rate * factor);
  return best;
}
