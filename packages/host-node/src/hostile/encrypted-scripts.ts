import { randomBytes } from "node:crypto";
import { type InfoHash, infoHash, must } from "@dure/base";
import { drawMseChance, type MseEstablished, MseOutgoing } from "@dure/protocol";
import type { Line, Script } from "./scripts.ts";

const keyBytes = 96;
const primeHex =
  "ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74020bbea63b139b22514a08798e3404dd" +
  "ef9519b3cd3a431b302b0a6df25f14374fe1356d6d51c245e485b576625e7ec6f44c42e9a63a36210000000000090563";
const prime = BigInt(`0x${primeHex}`);
/** Of a torrent that nobody has. */
const strange = must(infoHash("5a".repeat(20)), "40 digits");

const keyOf = (value: bigint) => Buffer.from(value.toString(16).padStart(keyBytes * 2, "0"), "hex");

function sendsKey(name: string, key: () => Uint8Array, then: (line: Line) => Promise<void>): Script {
  return {
    name,
    fate: "dropped",
    play: (line) => {
      line.send(key());
      return then(line);
    },
  };
}

const waits = (line: Line) => line.silence();

/** Hostile ways to begin an encrypted connection, and hostile things to say in one. */
export const encryptedScripts: readonly Script[] = [
  ...[0n, 1n, prime - 1n, prime, (1n << 768n) - 1n].map((value, index) =>
    sendsKey(`a key that makes a secret everyone knows, the ${index + 1}. kind`, () => keyOf(value), waits),
  ),
  sendsKey("a key, then silence", () => randomBytes(keyBytes), waits),
  sendsKey(
    "a key, then padding without an end",
    () => randomBytes(keyBytes),
    (line) => line.flood(new Uint8Array(16)),
  ),
  {
    name: "keys that are only there to be calculated with",
    fate: "harmless",
    play: async (line) => {
      line.send(randomBytes(keyBytes));
      await new Promise<void>((resolve) => {
        line.socket.once("data", () => resolve());
        line.socket.once("close", () => resolve());
      });
    },
  },
  {
    name: "an encrypted connection for a torrent that is not there",
    fate: "dropped",
    play: async (line) => {
      await veil(line, strange, new Uint8Array(0));
      if (line.open) await line.silence();
    },
  },
  {
    name: "64 KiB of zeros instead of an encrypted handshake",
    fate: "dropped",
    play: async (line) => {
      await veil(line, hashOf(line), new Uint8Array(65_535));
      if (line.open) await line.silence();
    },
  },
  {
    name: "an encrypted connection that then says noise without an end",
    fate: "dropped",
    play: async (line) => {
      await veil(line, hashOf(line), new Uint8Array(0));
      await line.flood(randomBytes(4096));
    },
  },
  {
    name: "an encrypted handshake that stops in the middle of what is to follow it",
    fate: "dropped",
    play: async (line) => {
      await veil(line, hashOf(line), new Uint8Array(0));
      if (line.open) await line.silence();
    },
  },
];

const hashOf = (line: Line): InfoHash => must(infoHash(line.prey.infoHash), "an info-hash");

/** Encrypts the connection; undefined when it ends first. */
function veil(line: Line, hash: InfoHash, initialPayload: Uint8Array): Promise<MseEstablished | undefined> {
  const machine = new MseOutgoing({
    infoHash: hash,
    chance: drawMseChance(randomBytes),
    methods: ["rc4", "plain"],
    initialPayload,
  });
  return new Promise((resolve) => {
    const drain = () => {
      for (let output = machine.poll(); output !== undefined; output = machine.poll()) {
        if (output.type === "send") line.send(output.bytes);
        else {
          line.socket.off("data", hear);
          return resolve(output.type === "established" ? output : undefined);
        }
      }
    };
    const hear = (bytes: Uint8Array) => {
      machine.receive(bytes);
      drain();
    };
    line.socket.on("data", hear);
    line.socket.once("close", () => resolve(undefined));
    drain();
  });
}
