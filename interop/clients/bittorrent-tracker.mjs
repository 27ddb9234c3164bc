// The bittorrent-tracker package's server on one port: HTTP, UDP and WebSocket.
import { Server } from "bittorrent-tracker";

// Without `trustProxy`, statistics or filter: a tracker as it comes. Given a host it fails on its UDP6 socket.
const server = new Server({ udp: true, http: true, ws: true, stats: false, interval: 5_000 });
server.on("error", (error) => {
  console.error(error);
  process.exit(1);
});
server.on("warning", (warning) => console.error(String(warning)));
server.listen(Number(process.argv[2]), () => process.stdout.write('{"event":"ready"}\n'));
