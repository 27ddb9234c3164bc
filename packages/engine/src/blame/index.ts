export { Blame, type BlockSource, blameLimits, soleSource, type Verdict } from "./blame.ts";
