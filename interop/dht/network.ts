import { generateKeyPairSync, randomBytes } from "node:crypto";
import { join } from "node:path";
import type { DhtJob, DhtKeys, DhtNodes, DhtProgram, Endpoint } from "../clients/index.ts";

const port = 6881;
const knownFirst = 4;
const knownEnough = 7;
const joinedWithin = 60_000;
const pollWait = 250;

/** Nodes of several kinds that know of one another and of nobody else. */
export interface ClosedNetwork {
  /** By the kind's name. */
  readonly nodes: ReadonlyMap<string, DhtNodes>;
  stop(): Promise<void>;
}

/**
 * `count` nodes of each program, each with an address of 127.0.0.0/8 for itself; no two in one /24, as our nodes and
 * libtorrent's would have it on the Internet. Resolves when every node knows enough others.
 */
export async function openClosedNetwork(
  programs: readonly DhtProgram[],
  options: {
    count: number;
    work: string;
    settings?: Readonly<Record<string, NonNullable<DhtJob["settings"]>>>;
  },
): Promise<ClosedNetwork> {
  const nodes = new Map<string, DhtNodes>();
  const stop = async (): Promise<void> => {
    await Promise.all([...nodes.values()].map((kind) => kind.stop()));
  };
  try {
    for (const [index, program] of programs.entries()) {
      const listen = Array.from({ length: options.count }, (_, node) => endpoint(index, node));
      const settings = options.settings?.[program.name];
      const work = join(options.work, program.name);
      nodes.set(
        program.name,
        await program.start({ listen, work, ...(settings === undefined ? {} : { settings }) }),
      );
    }
    await introduce([...nodes.values()]);
  } catch (error) {
    await stop();
    throw error;
  }
  return { nodes, stop };
}

/** The process id in the address keeps two runs at once apart. */
function endpoint(kind: number, node: number): Endpoint {
  return { ip: `127.${(process.pid % 250) + 1}.${kind * 80 + node + 1}.1`, port };
}

/** Each is told of a few nodes of all kinds, looks about, and must come to know more. */
async function introduce(kinds: readonly DhtNodes[]): Promise<void> {
  const all = kinds.flatMap(({ listen }) => listen);
  const members = kinds.flatMap((nodes) => nodes.listen.map((self, node) => ({ nodes, node, self })));
  for (const [index, { nodes, node }] of members.entries()) {
    // A ring with chords: the whole is connected whatever is lost, and each kind meets each.
    const steps = Array.from(
      { length: knownFirst },
      (_, step) => 1 + step * Math.ceil(all.length / knownFirst),
    );
    await nodes.join(
      node,
      steps.flatMap((step) => all[(index + step) % all.length] ?? []),
    );
  }
  const deadline = performance.now() + joinedWithin;
  const enough = Math.min(knownEnough, all.length - 1);
  let few = members;
  while (few.length > 0) {
    // What a lookup meets enters the tables on its way.
    await Promise.all(few.map(({ nodes, node }) => nodes.peers(node, randomHash())));
    const counts = await Promise.all(few.map(({ nodes, node }) => nodes.count(node)));
    few = few.filter((_, index) => (counts[index] ?? 0) < enough);
    if (few.length > 0 && performance.now() > deadline) {
      const who = few.map(({ self }) => self.ip).join(", ");
      throw new Error(`these know fewer than ${enough} nodes after ${joinedWithin} ms: ${who}`);
    }
  }
}

/** Asks again until `find` is content or the time is over; what it found last. */
export async function eventually<Found>(
  ask: () => Promise<Found>,
  options: { until: (found: Found) => boolean; within: number },
): Promise<Found> {
  const deadline = performance.now() + options.within;
  for (;;) {
    const found = await ask();
    if (options.until(found) || performance.now() > deadline) return found;
    await new Promise((resolve) => setTimeout(resolve, pollWait));
  }
}

export function randomHash(): string {
  return randomBytes(20).toString("hex");
}

export function makeKeys(): DhtKeys {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const raw = (key: typeof privateKey, part: "d" | "x"): string =>
    Buffer.from(key.export({ format: "jwk" })[part] ?? "", "base64url").toString("hex");
  return { seed: raw(privateKey, "d"), publicKey: raw(publicKey, "x") };
}
