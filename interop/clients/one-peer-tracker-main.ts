import { createServer } from "node:http";
import { isIPv6, SocketAddress } from "node:net";
import { bencode } from "./bencode.ts";

// Arguments: IP and port to listen on, IP and port of the peer to name. Run by one-peer-tracker.ts.
const [ip = "", port, peerIp = "", peerPort] = process.argv.slice(2);

const compact = Buffer.concat([
  addressBytes(peerIp),
  Buffer.from([Number(peerPort) >> 8, Number(peerPort) & 0xff]),
]);
const peers = isIPv6(peerIp) ? { peers: Buffer.alloc(0), peers6: compact } : { peers: compact };
const reply = bencode({ interval: 1800, complete: 1, incomplete: 0, ...peers });

const server = createServer((_request, response) => {
  response.writeHead(200, { "content-type": "text/plain", "content-length": reply.length });
  response.end(reply);
});
server.listen(Number(port), ip, () => process.stdout.write('{"event":"ready"}\n'));

/** Four or sixteen bytes. "fd77::1" is "fd77", as many zero groups as are missing, "1". */
function addressBytes(address: string): Buffer {
  if (!isIPv6(address)) return Buffer.from(address.split(".").map(Number));
  const [head = "", tail] = new SocketAddress({ address, family: "ipv6" }).address.split("::");
  const groups = (text: string): string[] => (text === "" ? [] : text.split(":"));
  const before = groups(head);
  const after = groups(tail ?? "");
  const middle = Array<string>(8 - before.length - after.length).fill("0");
  return Buffer.from([...before, ...middle, ...after].map((group) => group.padStart(4, "0")).join(""), "hex");
}
