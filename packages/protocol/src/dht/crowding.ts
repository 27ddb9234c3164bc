/**
 * Whether nodes lie around a target as chance would not have it. `shares` are their distances in units of the one
 * within which 20 are expected; nodes at random ids are then Poisson distributed with a mean of 20 in [0, 1].
 *
 * Too many within the whole, a quarter or a twentieth of it: a crowd moved in. Too few in the outer half: those there
 * are hidden from us. Each test alone errs in at most 1.5 of 100 honest places, where the estimated size is right.
 */
export function isCrowded(shares: readonly number[]): boolean {
  const within = (low: number, high: number) => shares.filter((share) => share > low && share <= high).length;
  return within(-1, 1) >= 32 || within(-1, 1 / 4) >= 11 || within(-1, 1 / 20) >= 5 || within(1 / 2, 1) <= 3;
}
