/** A dotted IPv4 address at `from`, octets of one to three decimal digits; where it ends. */
export function readIp4(
  bytes: Uint8Array,
  from: number,
  to: number,
): { readonly address: number; readonly end: number } | undefined {
  let address = 0;
  let at = from;
  for (let octets = 0; octets < 4; octets += 1) {
    if (octets > 0) {
      if (at >= to || bytes[at] !== dot) return undefined;
      at += 1;
    }
    let octet = 0;
    const digitsFrom = at;
    for (; at < to; at += 1) {
      const digit = (bytes[at] ?? 0) - zero;
      if (digit < 0 || digit > 9) break;
      octet = octet * 10 + digit;
      if (at - digitsFrom === 3) return undefined;
    }
    if (at === digitsFrom || octet > 255) return undefined;
    address = address * 256 + octet;
  }
  return { address, end: at };
}

const dot = 0x2e;
const zero = 0x30;
