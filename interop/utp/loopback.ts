// How fast the machine is:  node interop/utp/loopback.ts [megabytes]
// One process plays both sides, over two UDP sockets on loopback; so a core carries each packet twice.
import { randomBytes } from "node:crypto";
import type { UtpOutput } from "@dure/protocol";
import { UtpHost } from "./utp-host.ts";

const total = Number(process.argv[2] ?? 256) * 1e6;
const chunk = new Uint8Array(64 * 1024);
let received = 0;
let written = 0;

const receiver: UtpHost = await UtpHost.open(randomBytes(16), (output) => {
  if (output.type !== "data") return;
  received += output.bytes.length;
  receiver.handle({ type: "consumed", connection: output.connection, bytes: output.bytes.length });
});
const started = performance.now();
const cpu = process.cpuUsage();
await new Promise<void>((resolve, reject) => {
  const feed = (count: number) => {
    for (; count > 0; count -= 1) {
      if (written >= total) return;
      written += chunk.length;
      sender.handle({ type: "write", connection: 2, bytes: chunk, more: false });
    }
  };
  let sender: UtpHost;
  const hear = (output: UtpOutput) => {
    if (output.type === "opened") feed(64);
    if (output.type === "written") feed(output.count);
    if (output.type === "closed") reject(new Error(`closed: ${output.reason}`));
  };
  void UtpHost.open(randomBytes(16), hear).then((host) => {
    sender = host;
    sender.handle({ type: "connect", connection: 2, remote: receiver.address });
    const ticker = setInterval(() => {
      if (received < total) return;
      clearInterval(ticker);
      const seconds = (performance.now() - started) / 1000;
      const { user, system } = process.cpuUsage(cpu);
      const packets = sender.sentPackets + receiver.sentPackets;
      process.stdout.write(
        `${(received / 1e6 / seconds).toFixed(0)} MB/s, ${Math.round(packets / seconds)} packets/s (` +
          `${sender.sentPackets} of data, ${receiver.sentPackets} back), ` +
          `${((user + system) / 1e6 / (received / 1e9)).toFixed(2)} CPU s/GB for both sides\n`,
      );
      sender.close();
      resolve();
    }, 5);
  });
});
receiver.close();
