export { cutEverywhere, FuzzFailure, type FuzzPlan, type FuzzTally, fuzzCodec } from "./fuzz.ts";
export { collectedHeapBytes } from "./heap.ts";
export { mutate } from "./mutate.ts";
