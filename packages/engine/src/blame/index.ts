export {
  Blame,
  type BlameOptions,
  type BlockSource,
  blameLimits,
  type PieceEvidence,
  soleContributor,
  type Verdict,
} from "./blame.ts";
