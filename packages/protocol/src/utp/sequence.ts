/** Sequence numbers count packets and have 16 bits: they are compared by their distance around the circle. */
export function seqAdd(seq: number, count: number): number {
  return (seq + count) & 0xffff;
}

/** How far `to` lies after `from`, 0 to 65,535; from 32,768 on it lies before. */
export function seqDistance(from: number, to: number): number {
  return (to - from) & 0xffff;
}

/** Whether a distance points backwards. */
export function isBehind(distance: number): boolean {
  return distance >= 0x8000;
}

/** The 32 bits of microseconds that travel in a packet. */
export function microsOf(now: number): number {
  return Math.floor((now * 1000) % 0x1_0000_0000) >>> 0;
}
