import { equal, rejects } from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { buildInfo, encodeTorrent } from "@dure/protocol";
import { openNode } from "../index.ts";
import { readSource } from "./source.ts";

const never = () => Promise.reject(new Error("nothing is fetched"));
const hash = "000102030405060708090a0b0c0d0e0f10111213";

test("a bare info-hash is taken in hex and in base32", async () => {
  equal((await readSource(hash.toUpperCase(), never)).infoHash, hash);
  equal((await readSource("AAAQEAYEAUDAOCAJBIFQYDIOB4IBCEQT", never)).infoHash, hash);
});

test("a magnet link gives its trackers a tier each, its peers and its selection", async () => {
  const link = `magnet:?xt=urn:btih:${hash}&dn=x&tr=udp%3A%2F%2Fa.test%3A1&tr=http%3A%2F%2Fb.test%2Fannounce&x.pe=192.0.2.1:5&x.pe=peer.test:6&so=0-1`;
  const source = await readSource(link, never);
  equal(source.trackers.length, 2);
  equal(source.peers.length, 1);
  equal(source.peerHosts[0]?.host, "peer.test");
  equal(source.select?.[0]?.last, 1);
});

test("a magnet link that names a publisher alone is refused by that name (BEP 46)", async () => {
  const link = `magnet:?xs=urn:btpk:${"ab".repeat(32)}`;
  await rejects(readSource(link, never), { code: "bad-source", detail: "publisher", message: /dure follow/ });
  equal((await readSource(`${link}&xt=urn:btih:${hash}`, never)).infoHash, hash);
});

function v2Alone(): Uint8Array {
  const content = { type: "file", bytes: 9, piecesRoot: new Uint8Array(32) } as const;
  const plan = { name: "x.bin", content, pieceBytes: 16_384, pieces: null, fileTree: true };
  const infoBytes = buildInfo({ ...plan, private: false, source: null });
  const around = { trackers: [], webSeeds: [], comment: null, createdBy: null, createdAt: null };
  return encodeTorrent({ infoBytes, pieceLayers: new Map(), ...around });
}

test("a .torrent that is v2 alone is called by the first half of its hash (BEP 52)", async () => {
  const source = await readSource(v2Alone(), never);
  equal(source.infoHash, source.metainfo?.info.infoHashV2?.slice(0, 40));
});

test("what is no source is said in one line, with the reason", async () => {
  await rejects(readSource("/no/such/file.torrent", never), { code: "bad-source" });
  await rejects(readSource("magnet:?dn=nothing", never), { code: "bad-source", detail: "no-topic" });
  await rejects(readSource(randomBytes(40), never), { code: "bad-torrent" });
  const link = `magnet:?xt=urn:btmh:1220${"ab".repeat(32)}`;
  await rejects(readSource(link, never), { code: "bad-source", detail: "v2-only" });
});

test("a .torrent is fetched from the URL that the user named, also on this machine, but not from where it redirects to", async () => {
  const data = randomBytes(1000);
  const pieces = createHash("sha1").update(data).digest();
  const plan = { name: "x.bin", content: { type: "file", bytes: 1000 }, pieceBytes: 16_384, pieces } as const;
  const infoBytes = buildInfo({ ...plan, private: false, source: null });
  const torrent = encodeTorrent({
    infoBytes,
    trackers: [],
    webSeeds: [],
    comment: null,
    createdBy: null,
    createdAt: null,
  });
  const server = createServer((request, response) => {
    if (request.url === "/moved") response.writeHead(302, { location: "/x.torrent" }).end();
    else if (request.url === "/x.torrent") response.end(torrent);
    else response.writeHead(404).end();
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const folder = await mkdtemp(join(tmpdir(), "dure-test-source-"));
  const node = await openNode({ profile: folder, port: 0 });
  const handle = await node.add({ source: `${url}/x.torrent`, dir: folder });
  equal(handle.status().name, "x.bin");
  await rejects(node.add({ source: `${url}/moved`, dir: folder }), {
    code: "source-unreachable",
    detail: "local-address",
  });
  await rejects(node.add({ source: `${url}/gone`, dir: folder }), {
    code: "source-unreachable",
    detail: "HTTP 404",
  });
  await node.close();
  server.close();
  await rm(folder, { recursive: true });
});
