// DHT nodes of the bittorrent-dht package. Orders and answers are JSON lines: dht.ts says which.
import { createHash, createPrivateKey, createPublicKey, sign, verify } from "node:crypto";
import { createInterface } from "node:readline";
import { Client } from "bittorrent-dht";

const job = JSON.parse(process.argv[2]);
// RFC 8410: what stands before the 32 bytes of an ed25519 key.
const publicPrefix = Buffer.from("302a300506032b6570032100", "hex");
const privatePrefix = Buffer.from("302e020100300506032b657004220420", "hex");

const nodes = job.listen.map(([host, port]) => {
  const node = new Client({ bootstrap: false, verify: verified, ...job.settings });
  node.on("error", (error) => {
    console.error(error);
    process.exit(1);
  });
  return { node, listening: new Promise((resolve) => node.listen(port, host, resolve)) };
});
await Promise.all(nodes.map(({ listening }) => listening));
say({ event: "ready" });

const ops = {
  join({ addresses }, node) {
    for (const [host, port] of addresses) node.addNode({ host, port });
    return {};
  },

  count(_, node) {
    return { nodes: node.nodes.count() };
  },

  announce({ infoHash, port }, node) {
    return called((done) => node.announce(infoHash, port, done)).then(() => ({ port }));
  },

  async peers({ infoHash }, node) {
    const found = new Set(); // as many as the network holds
    const hear = (peer, of) => {
      if (of.toString("hex") === infoHash) found.add(`${peer.host}:${peer.port}`);
    };
    node.on("peer", hear);
    await called((done) => node.lookup(infoHash, done));
    node.off("peer", hear);
    return { peers: [...found] };
  },

  async "put-immutable"({ value }, node) {
    const [target, stored] = await called((done) => node.put({ v: Buffer.from(value, "hex") }, done));
    return { target: target.toString("hex"), stored };
  },

  async "put-mutable"({ seed, publicKey, salt, value, sequence }, node) {
    const der = Buffer.concat([privatePrefix, Buffer.from(seed, "hex")]);
    const key = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
    const [, stored] = await called((done) =>
      node.put(
        {
          k: Buffer.from(publicKey, "hex"),
          v: Buffer.from(value, "hex"),
          seq: sequence,
          sign: (message) => sign(null, message, key),
          ...salted(salt),
        },
        done,
      ),
    );
    return { stored, sequence };
  },

  async "get-immutable"({ target }, node) {
    const [found] = await called((done) => node.get(target, { cache: false }, done));
    return { value: found ? found.v.toString("hex") : null };
  },

  async "get-mutable"({ publicKey, salt }, node) {
    const target = createHash("sha1").update(publicKey, "hex").update(salt, "hex").digest("hex");
    const [found] = await called((done) => node.get(target, { cache: false, ...salted(salt) }, done));
    return found ? { value: found.v.toString("hex"), sequence: found.seq } : { value: null };
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const order = JSON.parse(line);
  const op = ops[order.op];
  Promise.resolve(op ? undefined : Promise.reject(new Error("bittorrent-dht has no such command")))
    .then(() => op(order, nodes[order.node].node))
    .catch((error) => ({ error: error.message }))
    .then((result) => say({ event: "answer", order: order.order, ...result }));
}
process.exit(0);

/** An empty salt would be signed as one. */
function salted(salt) {
  return salt === "" ? {} : { salt: Buffer.from(salt, "hex") };
}

function verified(signature, message, publicKey) {
  const der = Buffer.concat([publicPrefix, publicKey]);
  return verify(null, message, createPublicKey({ key: der, format: "der", type: "spki" }), signature);
}

function called(start) {
  return new Promise((resolve, reject) =>
    start((error, ...values) => (error ? reject(error) : resolve(values))),
  );
}

function say(message) {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}
