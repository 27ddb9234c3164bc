export {
  Blame,
  type BlameOptions,
  blameLimits,
  type Contributor,
  type PieceEvidence,
  soleContributor,
  type Verdict,
} from "./blame.ts";
