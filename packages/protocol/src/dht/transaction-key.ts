import { sipHash, utf8, viewOf } from "@dure/base";

/** A key of its own for each endpoint's transaction ids, from the one secret the node is given. */
export function transactionKey(secret: Uint8Array, endpoint: number): Uint8Array {
  const hash = sipHash(secret.subarray(0, 16));
  const key = new Uint8Array(16);
  for (const half of [0, 1]) {
    const { high, low } = hash(utf8(`transactions ${endpoint} ${half}`));
    viewOf(key).setUint32(half * 8, high >>> 0);
    viewOf(key).setUint32(half * 8 + 4, low >>> 0);
  }
  return key;
}
