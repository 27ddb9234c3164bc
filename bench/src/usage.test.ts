import { equal, ok } from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { TreeMeter } from "./tree-meter.ts";
import { cpuSeconds, reapedCpuSeconds, statFields, tree } from "./usage.ts";
import { receivedBytes } from "./wire.ts";

// Burns about a fifth of a second of CPU, however slow the machine is.
const burn = "const e=process.cpuUsage().user+200000;while(process.cpuUsage().user<e);";

test("fields count from behind the name, which may hold spaces and parentheses", () => {
  equal(statFields("42 (a ) (b) S 7 8 9")[0], "S");
  equal(statFields("42 (a ) (b) S 7 8 9")[1], "7");
});

test("the received bytes are those of the interface asked for, not of one whose name ends alike", () => {
  const table =
    "Inter-|   Receive\n face |bytes    packets\n    lo:  11  1\n  xveth0: 22 1\n veth0: 1234567 99 0\n";
  equal(receivedBytes(table, "veth0"), 1_234_567);
  equal(receivedBytes(table, "lo"), 11);
});

test("the CPU time of a tree counts a child that runs and a grandchild that is gone", async () => {
  // A shell that waits for one burner and then becomes the parent of another that stays.
  const script = `"$0" -e '${burn}'; "$0" -e '${burn}console.log("burnt");setInterval(()=>0,1000)'; true`;
  const shell = spawn("sh", ["-c", script, process.execPath], { stdio: ["ignore", "pipe", "ignore"] });
  const pid = shell.pid ?? 0;
  try {
    const meter = new TreeMeter(pid, { fromStart: true });
    await once(shell.stdout, "data");
    equal(tree(pid).length, 2);
    const reading = meter.sample();
    ok(reading.cpuSeconds >= 0.4, `${reading.cpuSeconds} s`);
    ok(reading.rssBytes > 20 * 2 ** 20, "a Node and a shell");
    ok(reading.anonymousBytes > 0 && reading.anonymousBytes < reading.rssBytes);
  } finally {
    for (const member of tree(pid)) process.kill(member, "SIGKILL");
  }
});

test("what a child used is known after it ended", () => {
  const before = reapedCpuSeconds();
  spawnSync(process.execPath, ["-e", burn]);
  const used = reapedCpuSeconds() - before;
  ok(used >= 0.2 && used < 2, `${used} s`);
  equal(cpuSeconds(2 ** 22 + 1), undefined); // above the kernel's highest pid: never there
});
