import { join } from "node:path";

export const root = join(import.meta.dirname, "../..");
export const matrixPath = join(root, "interop/matrix.json");

/** Cells at work together: two that work and one that waits, on two cores. */
export const atOnce = 3;
