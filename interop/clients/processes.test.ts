import { equal, match, ok, rejects } from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { eventNamed } from "./events.ts";
import { listeningPorts, Processes, type Program, ProgramError } from "./processes.ts";

const work = mkdtempSync(join(tmpdir(), "dure-processes-"));
after(() => rmSync(work, { recursive: true }));
const processes = new Processes();

test("the line asked for is found whether it came before the question or after it", async () => {
  const running = processes.start(
    shell('echo noise; echo \'{"event":"a"}\'; sleep 0.2; echo \'{"event":"b"}\'; sleep 9'),
  );
  equal((await running.until(eventNamed("b"), { within: 5_000, what: "b" })).event, "b");
  equal((await running.until(eventNamed("a"), { within: 5_000, what: "a" })).event, "a");
  await running.stop();
});

test("a program that leaves early, or says nothing in time, fails with its own last words", async () => {
  const early = processes.start(shell("echo out; echo bad port >&2; exit 3"));
  await rejects(early.until(eventNamed("ready"), { within: 5_000, what: "ready" }), (error: unknown) => {
    ok(error instanceof ProgramError);
    match(error.message, /^shell: left \(status 3\) before it was ready\nout\nbad port$/);
    return true;
  });
  const silent = processes.start(shell("exec sleep 9"));
  await rejects(silent.until(eventNamed("ready"), { within: 50, what: "ready" }), /not ready within 50 ms/);
  await silent.stop();
});

test("a program that is not there ends with a status, not with an exception", async () => {
  const { exit } = await processes.run(
    { label: "none", command: "dure-no-such-program", args: [], work },
    { within: 5_000 },
  );
  ok(exit.code !== 0);
});

test("a program that is deaf to SIGTERM is gone after its grace", async () => {
  const deaf = processes.start(
    shell("trap '' TERM; echo '{\"event\":\"ready\"}'; while :; do sleep 0.1; done"),
  );
  await deaf.until(eventNamed("ready"), { within: 5_000, what: "ready" });
  await deaf.stop({ grace: 100 });
  equal((await deaf.exited).signal, "SIGKILL");
});

test("no program outlives a harness that is killed without a chance to clean up", async () => {
  const module = JSON.stringify(join(import.meta.dirname, "processes.ts"));
  const script = `const { Processes } = await import(${module});
    const running = new Processes().start({ label: "x", command: "sleep", args: ["60"], work: ${JSON.stringify(work)} });
    process.stdout.write(String(running.pid));
    setInterval(() => 0, 1000);`;
  const harness = spawn(process.execPath, ["--input-type=module", "--eval", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [chunk] = (await once(harness.stdout, "data")) as [Buffer];
  const pid = Number(chunk.toString());
  ok(existsSync(`/proc/${pid}`));
  harness.kill("SIGKILL");
  await once(harness, "exit");
  const deadline = performance.now() + 5_000;
  while (existsSync(`/proc/${pid}`) && performance.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  equal(existsSync(`/proc/${pid}`), false);
});

test("a listening port is seen without connecting to it", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" ? (address?.port ?? 0) : 0;
  ok(listeningPorts(process.pid).has(port));
  server.close();
  await once(server, "close");
  equal(listeningPorts(process.pid).has(port), false);
});

function shell(script: string): Program {
  return { label: "shell", command: "sh", args: ["-c", script], work };
}
