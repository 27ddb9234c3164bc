declare const msBrand: unique symbol;
declare const unixMsBrand: unique symbol;

/** Milliseconds on a monotonic clock whose zero means nothing. Durations use it too. */
export type Ms = number & { readonly [msBrand]: true };
/** Milliseconds since 1970-01-01 UTC: for people and files, never for timers. */
export type UnixMs = number & { readonly [unixMsBrand]: true };

// The casts are the brands' only doors.
export function ms(value: number): Ms {
  return value as Ms;
}
export function unixMs(value: number): UnixMs {
  return value as UnixMs;
}
export function seconds(value: number): Ms {
  return (value * 1000) as Ms;
}
export function minutes(value: number): Ms {
  return (value * 60_000) as Ms;
}

/** The earlier of two deadlines, either of which may be absent. */
export function earliest(a: Ms | undefined, b: Ms | undefined): Ms | undefined {
  if (a === undefined) return b;
  if (b === undefined) return a;
  return a < b ? a : b;
}
