import { match, ok } from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { addNamespace, namespacesRefused, removeNamespace } from "../clients/netns.ts";

const within = 120_000;
const rules = `table inet loss {
  chain input {
    type filter hook input priority 0;
    meta l4proto udp numgen random mod 100 < 30 counter drop
  }
}
`;

test("4 MB arrive through a kernel that drops 30 % of the datagrams each way", (context) => {
  const refused =
    namespacesRefused() ?? (spawnSync("nft", ["--version"]).status === 0 ? undefined : "no nft");
  if (refused !== undefined) {
    if (process.env.DURE_INTEROP === "required") throw new Error(refused);
    return context.skip(refused);
  }
  const netns = addNamespace("utp-loss");
  try {
    const inside = (command: readonly string[], input = "") =>
      spawnSync("ip", ["netns", "exec", netns, ...command], { input, encoding: "utf8", timeout: within });
    const set = inside(["nft", "-f", "-"], rules);
    ok(set.status === 0, set.stderr);
    // Of a hundred tries to connect two find each of six SYNs or its answer lost: a peer is tried again later.
    const attempt = () => inside([process.execPath, join(import.meta.dirname, "loopback.ts"), "4"]);
    let run = attempt();
    for (let again = 0; again < 2 && /closed: timeout/.test(run.stderr); again += 1) run = attempt();
    ok(run.status === 0, run.stderr);
    match(run.stdout, /MB\/s/);
    const dropped = Number(/counter packets (\d+)/.exec(inside(["nft", "list", "ruleset"]).stdout)?.[1]);
    ok(dropped > 500, `${dropped} datagrams dropped`);
  } finally {
    removeNamespace(netns);
  }
});
