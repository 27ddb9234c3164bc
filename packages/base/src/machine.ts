import type { Ms } from "./time.ts";

/** A protocol without I/O: facts go in, decisions come out, time is an argument. */
export interface Machine<Input, Output> {
  handle(now: Ms, input: Input): void;
  /** Next decision, oldest first. Drain until `undefined` before the next `handle`. */
  poll(): Output | undefined;
  /** When to call `handle(now, wake)` if nothing else happens first. */
  deadline(): Ms | undefined;
}
