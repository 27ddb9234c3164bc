import { createServer } from "node:http";
import { bencode } from "./torrent.ts";

// A tracker that names one peer, whoever asks and for whatever torrent: the programs that cannot be given the seeder
// learn it here. Arguments: port to listen on, IPv4 address and port of the seeder.
const [port, seedIp = "", seedPort] = process.argv.slice(2);

const peers = Buffer.from([...seedIp.split(".").map(Number), Number(seedPort) >> 8, Number(seedPort) & 0xff]);
const reply = bencode({ interval: 1800, complete: 1, incomplete: 0, peers });

const server = createServer((_request, response) => {
  response.writeHead(200, { "content-type": "text/plain", "content-length": reply.length });
  response.end(reply);
});
server.listen(Number(port), "0.0.0.0", () => process.stdout.write('{"event":"ready"}\n'));
