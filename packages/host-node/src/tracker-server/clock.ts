import type { Ms } from "@dure/base";

/** Monotonic. */
export type Clock = () => Ms;
