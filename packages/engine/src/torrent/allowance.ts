import type { Ms } from "@dure/base";
import { blockBytes } from "../picker/index.ts";
import type { Limits } from "../session/index.ts";
import type { Context } from "./context.ts";

type Allowance = Pick<Context, "downAllowance" | "spendDown" | "upAllowance" | "spendUp">;

/** The torrent's rates and the node's, spent together. `short` is told when not even a block may go. */
export function allowanceOf(node: Limits, own: Limits, short: (now: Ms) => void): Allowance {
  const least = (now: Ms, a: number, b: number) => {
    const allowed = Math.min(a, b);
    if (allowed < blockBytes) short(now);
    return allowed;
  };
  return {
    downAllowance: (now) => least(now, node.downAllowance(now), own.downAllowance(now)),
    upAllowance: (now) => least(now, node.upAllowance(now), own.upAllowance(now)),
    spendDown: (now, bytes) => {
      node.spendDown(now, bytes);
      own.spendDown(now, bytes);
    },
    spendUp: (now, bytes) => {
      node.spendUp(now, bytes);
      own.spendUp(now, bytes);
    },
  };
}
