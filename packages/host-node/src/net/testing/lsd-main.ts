import { latin1, utf8 } from "@dure/base";
import { NodeNet } from "../node-net.ts";

// Speaks to the local network five times a second and prints what it hears there: `node lsd-main.ts TEXT [INTERFACE]`.
const [text = "", only] = process.argv.slice(2);
const net = await NodeNet.open({
  port: 0,
  socketsMax: 10,
  ...(only === undefined ? {} : { interface: only }),
  onEvent: (event) => {
    if (event.type !== "lsd-data") return;
    const { from, neighbour, bytes } = event;
    console.log(JSON.stringify({ ip: from.ip, neighbour, text: latin1(bytes) }));
  },
});
net.perform({ type: "lsd-listen", on: true });
console.log(JSON.stringify({ ready: true }));
setInterval(() => {
  for (const family of [4, 6] as const) net.perform({ type: "lsd-send", family, bytes: utf8(text) });
}, 200);
process.stdin.on("end", () => process.exit(0)).resume();
