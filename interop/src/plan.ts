import { type Case, cases } from "./cases.ts";
import { oneFile } from "./payload.ts";

export const us = "dure";
const clients = ["libtorrent", "aria2", "transmission", "webtorrent"] as const;
const trackers = ["opentracker", "bittorrent-tracker"] as const;

export type Limit = "no-ipv6" | "no-ipv6-peers-over-udp";

/** One cell of the matrix: a whole transfer between two programs. */
export interface Plan {
  /** Its row and column. */
  readonly row: string;
  readonly column: string;
  readonly case: Case;
  readonly seeder: string;
  readonly leecher: string;
  /** Used where a program cannot be told its peer, or the case wants it so. */
  readonly tracker: (typeof trackers)[number];
  readonly scheme: "http" | "udp";
  /** The other program has no such thing: the cell stays empty, and says so. */
  readonly limit?: Limit;
}

/** Every cell, row by row. */
export const plans: readonly Plan[] = [...clients.flatMap(transfers), ...trackers.flatMap(meetings)];

/** The cell's name: its key in matrix.json and the name of its test. */
export function titleOf({ row, column }: Plan): string {
  return `${row}: ${column}`;
}

function transfers(client: string): Plan[] {
  const directions = [
    { seeder: client, leecher: us },
    { seeder: us, leecher: client },
  ];
  return directions.flatMap((direction) =>
    cases.map((one) => ({
      row: `${direction.seeder} → ${direction.leecher}`,
      column: one.name,
      case: one,
      ...direction,
      // Debian builds opentracker for IPv4 alone.
      tracker: one.ipv6 === true || one.magnet === true ? "bittorrent-tracker" : "opentracker",
      scheme: "http",
    })),
  );
}

/** Two of our peers that know of each other by a foreign tracker alone. */
function meetings(tracker: (typeof trackers)[number]): Plan[] {
  const payload = oneFile("met.bin", { bytes: 3 * 1024 * 1024 + 3, pieceBytes: 64 * 1024 });
  return (["http", "udp"] as const).flatMap((scheme) =>
    (["IPv4", "IPv6"] as const).map((column) => {
      const limit = column === "IPv6" ? limitOf(tracker, scheme) : undefined;
      return {
        row: `${tracker}, ${scheme}`,
        column,
        case: {
          name: "met",
          payload,
          throughTracker: true,
          ...(column === "IPv6" ? { ipv6: true as const } : {}),
        },
        seeder: us,
        leecher: us,
        tracker,
        scheme,
        ...(limit && { limit }),
      };
    }),
  );
}

function limitOf(tracker: (typeof trackers)[number], scheme: "http" | "udp"): Limit | undefined {
  if (tracker === "opentracker") return "no-ipv6"; // "V4 Tracker is V4 only!"
  // It hears an announce over UDP and IPv6, and its answer has only the IPv4 peers.
  return scheme === "udp" ? "no-ipv6-peers-over-udp" : undefined;
}
