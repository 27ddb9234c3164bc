import { type Ms, minutes, ms, seconds } from "@dure/base";

/** RFC 6886, 3.1: a quarter of a second, doubled up to nine tries, which is two minutes in all. */
export const resendFirst = ms(250);
export const resendsMax = 9;
/** In the first round the next kind is tried after 1.75 s; the rounds after it have the patience of the RFC. */
export const firstRoundTries = 3;

/** RFC 6886, 3.3 recommends two hours. */
export const lifetimeWanted = minutes(120);
/** UPnP gateways do not say when they have forgotten their mappings: look again sooner. */
export const upnpLease = minutes(60);
/** A gateway that gives less is asked no more often than this. */
export const renewWaitMin = seconds(30);

/** How long a refused protocol waits while the other is mapped; a PCP server says how long, within limits. */
export const refusedWait = minutes(30);
export const refusedWaitMin = seconds(30);
export const refusedWaitMax = minutes(60);

/** RFC 6887, 14.1.3: after a restart the clients of a gateway come back one after another. */
export const lostStateSpread = seconds(5);

/** UPnP Device Architecture 1.1, 1.3.2: a search is repeated, since datagrams get lost. */
export const searchAgain = seconds(1);
export const searchesMax = 2;
/** The devices spread their answers over two seconds, so that after the last search as much must pass. */
export const searchWait = ms(3500);

/** After these a new round begins, the last one over and over. */
export const roundWaits: readonly Ms[] = [
  seconds(30),
  minutes(5),
  minutes(10),
  minutes(20),
  minutes(40),
  minutes(60),
];
/** What was mapped for this long begins with the first wait again. */
export const stableAfter = minutes(10);

/** On exit nobody waits longer for a gateway to forget us. */
export const removeWait = seconds(1);
