/** What three peers gave each other, in bytes. */
export interface Gifts {
  readonly seedToFirst: number;
  readonly seedToSecond: number;
  readonly firstToSecond: number;
  readonly secondToFirst: number;
}

export interface Totals {
  readonly downloaded: number;
  readonly uploaded: number;
}

/**
 * From the totals alone: connections between complete peers are closed, and their counters with them. What a
 * download gave can only have gone to the other one, and the rest of what that one has came from the seed.
 */
export function giftsOf(first: Totals, second: Totals): Gifts {
  return {
    firstToSecond: first.uploaded,
    secondToFirst: second.uploaded,
    seedToFirst: Math.max(0, first.downloaded - second.uploaded),
    seedToSecond: Math.max(0, second.downloaded - first.uploaded),
  };
}
