export { isLocal } from "./address-key.ts";
export { canonicalPriority } from "./canonical-priority.ts";
export { type PeerHints, type PeerSource, peerSources } from "./known-peer.ts";
export { peerLimits } from "./limits.ts";
export {
  type AddOutcome,
  type DialFailure,
  PeerBook,
  type PeerBookOptions,
} from "./peer-book.ts";
export type { PeerBookStats, SourceStats } from "./peer-stats.ts";
