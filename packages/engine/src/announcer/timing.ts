import { type Ms, minutes, ms, type Prng, seconds } from "@dure/base";
import type { AnnounceReply } from "@dure/protocol";

/** After this a silent tracker no longer holds up the next one of its tier; its answer still counts. */
export const slowWait = seconds(20);
/** Between two forced announces to one tracker, and between two scrapes. */
export const forcedWait = minutes(1);
/** Until a family that the tracker or this machine lacks is tried again. */
export const unsupportedWait = minutes(60);

const intervalMin = seconds(30);
const intervalMax = minutes(60);
// A tracker that asks for more than a day of silence has made a mistake, or wants to be asked once only.
const minIntervalMax = minutes(24 * 60);
const minIntervalUnsaid = minutes(5);
const retryWaitFirst = seconds(15);
const retryWaitMax = minutes(30);

/** How long until the regular next announce, and how long at least. */
export function intervalsOf(reply: AnnounceReply): { readonly regular: Ms; readonly least: Ms } {
  const regular = clamp(reply.interval, intervalMin, intervalMax);
  const unsaid = ms(Math.min(regular, minIntervalUnsaid));
  const least = clamp(reply.minInterval ?? unsaid, intervalMin, minIntervalMax);
  return { regular: ms(Math.max(regular, least)), least };
}

/** Doubles from 15 s to 30 min with a quarter of chance either way; `failures` counts from 1. */
export function retryWait(failures: number, prng: Prng): Ms {
  const wait = Math.min(retryWaitFirst * 2 ** (failures - 1), retryWaitMax);
  return clamp(ms(Math.round(wait * (0.75 + prng.float() / 2))), retryWaitFirst, retryWaitMax);
}

/** BEP 31's wait, within reason. */
export function refusalWait(retryIn: Ms): Ms {
  return clamp(retryIn, minutes(1), minIntervalMax);
}

function clamp(value: Ms, low: Ms, high: Ms): Ms {
  return ms(Math.min(Math.max(value, low), high));
}
