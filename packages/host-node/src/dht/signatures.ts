import { createPublicKey, verify } from "node:crypto";
import type { HostEffect, HostEvent } from "@dure/carrier";

type Job = Extract<HostEffect, { type: "verify-signature" }>;
type Verdict = Extract<HostEvent, { type: "signature" }>;

/** Signatures checked in one turn of the event loop: some two milliseconds of a slow core. */
const atOnce = 8;
/** A flood of forged items must not keep honest ones waiting for long: what comes above is not good. */
const waitingMax = 512;

/** Checks ed25519 signatures for the carrier, a few each turn of the event loop. */
export class Signatures {
  readonly #onVerdict: (verdict: Verdict) => void;
  readonly #waiting: Job[] = []; // bounded by waitingMax
  readonly #refused: number[] = []; // bounded by one turn of the event loop
  #busy = false;

  constructor(onVerdict: (verdict: Verdict) => void) {
    this.#onVerdict = onVerdict;
  }

  check(job: Job): void {
    if (this.#waiting.length < waitingMax) this.#waiting.push(job);
    else this.#refused.push(job.job);
    this.#goOn();
  }

  #goOn(): void {
    if (this.#busy) return;
    this.#busy = true;
    setImmediate(() => {
      this.#busy = false;
      for (const job of this.#refused.splice(0)) this.#onVerdict({ type: "signature", job, good: false });
      for (const job of this.#waiting.splice(0, atOnce))
        this.#onVerdict({ type: "signature", job: job.job, good: isGood(job) });
      if (this.#waiting.length > 0) this.#goOn();
    });
  }
}

/** Whether the signature is the key's over the message; false too for what is no key or no signature. */
export function isGood({ publicKey, signature, message }: Omit<Job, "type" | "job">): boolean {
  if (publicKey.length !== 32 || signature.length !== 64) return false;
  const x = Buffer.from(publicKey).toString("base64url");
  try {
    const key = createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x }, format: "jwk" });
    return verify(null, message, key, signature);
  } catch {
    return false; // OpenSSL's word for bytes that are no key
  }
}
