import { type Case, cases } from "./cases.ts";

export const foreignClients = ["libtorrent", "aria2", "transmission", "webtorrent"] as const;
export const trackers = ["opentracker", "bittorrent-tracker"] as const;
export const us = "dure";

/** One whole transfer between two programs. */
export interface TransferPlan {
  readonly kind: "transfer";
  readonly case: Case;
  readonly seeder: string;
  readonly leecher: string;
}

/** Two of our peers that know of each other only by a foreign tracker. */
export interface TrackerPlan {
  readonly kind: "tracker";
  readonly tracker: (typeof trackers)[number];
  readonly scheme: "http" | "udp";
  readonly ip: "IPv4" | "IPv6";
}

export type Plan = TransferPlan | TrackerPlan;

/** Every cell of the matrix, in its order. */
export function plans(): readonly Plan[] {
  const transfers = foreignClients.flatMap((client) =>
    cases.flatMap((one): TransferPlan[] => [
      { kind: "transfer", case: one, seeder: client, leecher: us },
      { kind: "transfer", case: one, seeder: us, leecher: client },
    ]),
  );
  const announces = trackers.flatMap((tracker) =>
    (["http", "udp"] as const).flatMap((scheme) =>
      (["IPv4", "IPv6"] as const).map((ip): TrackerPlan => ({ kind: "tracker", tracker, scheme, ip })),
    ),
  );
  return [...transfers, ...announces];
}

/** The cell's name: key in matrix.json, name of its test. */
export function titleOf(plan: Plan): string {
  if (plan.kind === "transfer") return `${plan.case.name}: ${plan.seeder} → ${plan.leecher}`;
  return `tracker: ${plan.tracker}, ${plan.scheme}, ${plan.ip}`;
}
