import { ok } from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { test } from "node:test";
import { until } from "./testing/net-world.ts";

const program = `
  import { NodeNet } from ${JSON.stringify(new URL("./node-net.ts", import.meta.url).href)};
  let incoming = 0;
  const onEvent = (event) => { if (event.type === "tcp-incoming") incoming += 1; };
  const net = await NodeNet.open({ port: 0, listen: "127.0.0.1", socketsMax: 1000, onEvent });
  console.log(net.port);
  process.stdin.on("data", () => console.log(JSON.stringify({ incoming, cpu: process.cpuUsage().user })));
  process.stdin.on("end", () => process.exit());
`;

test("out of file descriptors, newcomers are dropped without a busy loop, and let in when there is room again", async (t) => {
  if (process.platform !== "linux") return t.skip("the limit is set by a POSIX shell on Linux");
  const limited = 'ulimit -n 48; exec "$0" --input-type=module-typescript -e "$1"';
  const child = spawn("sh", ["-c", limited, process.execPath, program], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const lines: string[] = [];
  child.stdout.setEncoding("utf8").on("data", (text: string) => lines.push(...text.trim().split("\n")));
  const ask = async () => {
    const seen = lines.length;
    child.stdin.write("?");
    await until(() => lines.length > seen, "its numbers");
    return JSON.parse(lines.at(-1) ?? "") as { incoming: number; cpu: number };
  };
  const sockets: Socket[] = [];
  let dropped = 0;
  const knock = (port: number) => {
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => {});
    socket.once("close", () => {
      dropped += 1;
    });
    socket.resume();
    sockets.push(socket);
  };
  try {
    await until(() => lines.length === 1, "its port");
    const port = Number(lines[0]);
    for (let count = 0; count < 80; count += 1) knock(port);
    await until(() => dropped > 0, "a newcomer dropped");
    const before = await ask();
    await new Promise((resolve) => setTimeout(resolve, 200));
    const after = await ask();
    ok(after.incoming < 48 && dropped >= 80 - 48, `${after.incoming} in, ${dropped} dropped`);
    ok(after.cpu - before.cpu < 100_000, `${after.cpu - before.cpu} µs of CPU in 200 ms of nothing`);
    for (const socket of sockets) socket.destroy();
    knock(port);
    const room = async () => (await ask()).incoming > after.incoming;
    const deadline = performance.now() + 5_000;
    while (!(await room())) ok(performance.now() < deadline, "room again");
  } finally {
    for (const socket of sockets) socket.destroy();
    child.stdin.end();
    await once(child, "exit");
  }
  return undefined;
});
