/** Where half and nineteen twentieths of the measured lie. */
export interface Spread {
  readonly p50: number;
  readonly p95: number;
}

export function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  return { p50: quantile(sorted, 0.5), p95: quantile(sorted, 0.95) };
}

// Nearest rank; of nothing it is not a number.
function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}

/** How often something succeeded. */
export interface Tally {
  readonly good: number;
  readonly all: number;
}

export function tallyOf(verdicts: readonly boolean[]): Tally {
  return { good: verdicts.filter((verdict) => verdict).length, all: verdicts.length };
}

export function shareOf({ good, all }: Tally): number {
  return good / all;
}

export function sumOf(tallies: readonly Tally[]): Tally {
  return tallies.reduce((sum, { good, all }) => ({ good: sum.good + good, all: sum.all + all }), {
    good: 0,
    all: 0,
  });
}
