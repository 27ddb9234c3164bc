/**
 * Whether nodes lie around a target as chance would not have it. `shares` are their distances in units of the one
 * within which 20 are expected; nodes at random ids are then Poisson distributed with a mean of 20 in [0, 1].
 *
 * Too many within the whole, a quarter or a twentieth of it: a crowd moved in. Too few in the outer half: those there
 * are hidden from us. With the size of the network overestimated by a quarter, as a few lookups may do, each test
 * errs in about one honest place of a hundred.
 */
export function isCrowded(shares: readonly number[]): boolean {
  const within = (low: number, high: number) => shares.filter((share) => share > low && share <= high).length;
  return within(-1, 1) >= 40 || within(-1, 1 / 4) >= 13 || within(-1, 1 / 20) >= 6 || within(1 / 2, 1) <= 2;
}
