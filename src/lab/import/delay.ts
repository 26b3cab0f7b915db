/** How long light takes in a fibre between two places. */

/** In glass, about two thirds of the speed in a vacuum. */
const KILOMETRES_A_SECOND = 200_000;
/** Mean radius of the earth (IUGG). */
const RADIUS_KILOMETRES = 6371.0088;

export interface Coordinates {
  /** Degrees. */
  readonly latitude: number;
  readonly longitude: number;
}

/** One way along the great circle, µs (haversine formula). */
export function fibreMicros(a: Coordinates, b: Coordinates): number {
  const radians = (degrees: number) => degrees * Math.PI / 180;
  const half = (degrees: number) => Math.sin(radians(degrees) / 2) ** 2;
  const h = half(b.latitude - a.latitude) +
    Math.cos(radians(a.latitude)) * Math.cos(radians(b.latitude)) *
      half(b.longitude - a.longitude);
  const kilometres = 2 * RADIUS_KILOMETRES * Math.asin(Math.min(1, Math.sqrt(h)));
  return kilometres / KILOMETRES_A_SECOND * 1e6;
}
