import type { Ms } from "@dure/base";
import type { CompactNode } from "./compact-node.ts";
import { prefixOf } from "./distance.ts";

/** BEP 5: a node is good for 15 minutes after we last heard of it. */
export const goodFor = 15 * 60_000;
/** Silent so often in a row, a node makes room for one that waits. BEP 5 suggests to try once more: one loss is no death. */
export const failuresToReplace = 2;
/** And so often, it goes also when nobody waits. */
export const failuresToDrop = 5;

export const never = Number.NEGATIVE_INFINITY;

/** A node that has answered us, in this life or the last. */
export class Contact {
  readonly node: CompactNode;
  /** The first 32 bits of its id. */
  readonly prefix: number;
  /** Its id fits its address (BEP 42), or needs not to. */
  readonly secure: boolean;
  /** When it last answered us, or asked us after it had answered; `never` for one from the last life. */
  lastHeard: number;
  lastAsked = never;
  /** Queries in a row that it left unanswered. */
  failures = 0;

  constructor(node: CompactNode, facts: { readonly secure: boolean; readonly lastHeard: number }) {
    this.node = node;
    this.prefix = prefixOf(node.compact);
    this.secure = facts.secure;
    this.lastHeard = facts.lastHeard;
  }

  /** Told to others: it has answered us since the start, and has not been silent since. */
  get tellable(): boolean {
    return this.failures === 0 && this.lastHeard !== never;
  }

  /**
   * Good: heard within 15 minutes, nothing unanswered since. Questionable: quiet for longer, or one query unanswered.
   * Bad: two or more unanswered; replaced as soon as somebody waits.
   */
  standing(now: Ms): "good" | "questionable" | "bad" {
    if (this.failures >= failuresToReplace) return "bad";
    return this.failures === 0 && now - this.lastHeard <= goodFor ? "good" : "questionable";
  }
}
