/** A belief of ours that turned out false: a bug in Dure, never a stranger's mistake. */
export class AssertionFailure extends Error {
  override readonly name = "AssertionFailure";
}

/** States a belief about our own code; `belief` says what failed. */
export function assert(condition: boolean, belief: string): asserts condition {
  if (!condition) throw new AssertionFailure(belief);
}

/** Marks a branch the types say cannot be reached. */
export function unreachable(value: never): never {
  throw new AssertionFailure(`unreachable: ${String(value)}`);
}

/** The element at `index`, which the caller knows to exist. */
export function at<T>(items: ArrayLike<T>, index: number): T {
  const item = items[index];
  if (item === undefined) throw new AssertionFailure(`index ${index} outside 0..${items.length - 1}`);
  return item;
}

/** The value of something the caller knows to be there. */
export function must<T>(value: T | undefined | null, belief: string): T {
  if (value === undefined || value === null) throw new AssertionFailure(belief);
  return value;
}
