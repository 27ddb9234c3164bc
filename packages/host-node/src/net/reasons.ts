import type { HttpFailure, TcpCloseReason } from "@dure/carrier";

/** Node's error codes in the port's words. */
export function tcpCloseReason(error: unknown): TcpCloseReason {
  return closeReasons[errorCode(error)] ?? "other";
}

export function lookupFailure(error: unknown): HttpFailure {
  const code = errorCode(error);
  if (code === "ENODATA" || code === "EAI_NODATA" || code === "EAI_ADDRFAMILY") return "no-address";
  if (code === "ENOTFOUND" || code === "EAI_NONAME") return "name-not-found";
  return code === "EAI_AGAIN" || code === "ETIMEOUT" ? "timeout" : "other";
}

/** `secured` is false while a TLS handshake is under way: what goes wrong then is TLS, whatever its code. */
export function httpFailure(error: unknown, phase: "connecting" | "securing" | "talking"): HttpFailure {
  const code = errorCode(error);
  const close = closeReasons[code];
  if (phase === "connecting" && (close === "refused" || close === "unreachable" || close === "timeout"))
    return close;
  if (phase === "securing") return "tls";
  if (close === "timeout") return "timeout";
  return phase === "talking" ? "bad-reply" : "other";
}

export function errorCode(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}

const closeReasons: Readonly<Record<string, TcpCloseReason | undefined>> = {
  ECONNREFUSED: "refused",
  ECONNRESET: "reset",
  ECONNABORTED: "reset",
  EPIPE: "reset",
  ETIMEDOUT: "timeout",
  EHOSTUNREACH: "unreachable",
  ENETUNREACH: "unreachable",
  EHOSTDOWN: "unreachable",
  ENETDOWN: "unreachable",
  EADDRNOTAVAIL: "unreachable", // the address to connect from has gone
  EAFNOSUPPORT: "unreachable",
  EINVAL: "unreachable", // connecting from a loopback address to a remote one
  EACCES: "unreachable", // a firewall rule
  EPERM: "unreachable",
};
