import { earliest, type Ms } from "@dure/base";
import type { Endpoint, Tracker } from "./tracker-list.ts";

export interface Turn {
  /** Endpoints of one tracker that are to be asked now. */
  readonly due: readonly Endpoint[];
  /** When to look again, should nothing else happen. */
  readonly lookAt: Ms | undefined;
}

/** Whose turn it is among trackers in order (BEP 12): the first one that is not down, and those before it that may be up again. */
export function nextTurn(trackers: readonly Tracker[], now: Ms): Turn {
  let lookAt: Ms | undefined;
  for (const tracker of trackers) {
    const due = tracker.endpoints.filter((endpoint) => isDue(endpoint, now));
    for (const endpoint of tracker.endpoints) lookAt = earliest(lookAt, changesAt(endpoint, now));
    if (due.length > 0 || !isDown(tracker, now)) return { due, lookAt };
  }
  return { due: [], lookAt };
}

/** When the endpoint is to be asked, if that is known. */
export function dueAt(endpoint: Endpoint, now: Ms): Ms | undefined {
  const { state } = endpoint;
  switch (state.name) {
    case "due":
      return now;
    case "asking":
      return endpoint.forcedAt;
    case "working":
    case "resting":
      return state.nextAt;
    case "retired":
      return undefined;
  }
}

function isDue(endpoint: Endpoint, now: Ms): boolean {
  const at = dueAt(endpoint, now);
  return at !== undefined && at <= now;
}

/** When time alone changes what the endpoint means for its turn. */
function changesAt(endpoint: Endpoint, now: Ms): Ms | undefined {
  const { state } = endpoint;
  const due = dueAt(endpoint, now);
  const slowAt = state.name === "asking" && state.slowAt > now ? state.slowAt : undefined;
  return earliest(due !== undefined && due > now ? due : undefined, slowAt);
}

/** A tracker is down when neither of its endpoints works or may still answer in good time. */
function isDown(tracker: Tracker, now: Ms): boolean {
  return tracker.endpoints.every(({ state }) => {
    if (state.name === "asking") return now >= state.slowAt;
    return state.name === "resting" || state.name === "retired";
  });
}
