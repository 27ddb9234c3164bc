import { fromHex, hex } from "../bytes.ts";
import { Prng } from "../prng.ts";
import { collectedHeapBytes } from "./heap.ts";
import { mutate } from "./mutate.ts";

/*
 * Throws a stranger's bytes at a decoder. Of ten inputs seven are valid samples with one to four mutations, so
 * that they reach the last branches; the rest is random bytes and, where the test gives one, a grammar's output.
 * What must hold of each: no exception, an answer in time. Of all together: no memory kept.
 *
 *   DURE_FUZZ_SEED=7 DURE_FUZZ_RUNS=1000000 node --test ...    a longer or another campaign
 *   DURE_FUZZ_INPUT=name:6465... node --test ...               one input again, as a failure prints it
 */

export interface FuzzPlan<Answer> {
  /** Names the codec in failures and in the replay line. */
  readonly name: string;
  readonly seed: number;
  /** Valid messages, at least one. */
  readonly samples: readonly Uint8Array[];
  readonly decode: (bytes: Uint8Array) => Answer;
  readonly runs?: number;
  /** What must hold of an answer; throws when it does not. */
  readonly check?: (answer: Answer, bytes: Uint8Array) => void;
  /** Inputs that look right but are not made from a sample. */
  readonly grammar?: (prng: Prng) => Uint8Array;
  readonly inputBytesMax?: number;
  readonly answerMsMax?: number;
  readonly heapGrowthBytesMax?: number;
}

export interface FuzzTally {
  readonly inputs: number;
  /** Answers `{ok: true}`; every answer where the decoder gives no Result. */
  readonly accepted: number;
  /** How often each reason was given: a reason that never comes is a branch the samples do not reach. */
  readonly reasons: ReadonlyMap<string, number>;
}

export class FuzzFailure extends Error {
  override readonly name = "FuzzFailure";
}

export function fuzzCodec<Answer>(plan: FuzzPlan<Answer>): FuzzTally {
  const tally = new Tally();
  const replayed = replayInput(plan.name);
  if (replayed !== undefined) {
    tally.add(tryInput(plan, replayed, "the replayed input"));
    return tally;
  }
  if (plan.samples.length === 0) throw new FuzzFailure(`fuzz ${plan.name}: no samples`);
  for (const [index, sample] of plan.samples.entries()) tally.add(tryInput(plan, sample, `sample ${index}`));
  const seed = Number(process.env.DURE_FUZZ_SEED ?? plan.seed);
  const runs = Number(process.env.DURE_FUZZ_RUNS ?? plan.runs ?? 10_000);
  const prng = new Prng(seed, plan.name);
  const before = collectedHeapBytes();
  for (let run = 0; run < runs; run += 1) {
    tally.add(tryInput(plan, makeInput(plan, prng), `seed ${seed}, input ${run} of ${runs}`));
  }
  const growth = collectedHeapBytes() - before;
  if (growth > (plan.heapGrowthBytesMax ?? heapGrowthBytesMax)) {
    throw new FuzzFailure(`fuzz ${plan.name}: seed ${seed}: ${runs} inputs left ${growth} bytes in memory`);
  }
  return tally;
}

/** The decoder's answer to every proper prefix of the sample, shortest first. A throw is a failure. */
export function cutEverywhere<Answer>(
  sample: Uint8Array,
  decode: (bytes: Uint8Array) => Answer,
): readonly Answer[] {
  const answers: Answer[] = [];
  for (let length = 0; length < sample.length; length += 1) {
    try {
      answers.push(decode(sample.slice(0, length)));
    } catch (cause) {
      throw new FuzzFailure(`cut at ${length} of ${sample.length}: ${String(cause)}`, { cause });
    }
  }
  return answers;
}

const heapGrowthBytesMax = 16 * 1024 * 1024;
const answerMsMax = 50;
const inputBytesMax = 64 * 1024;

type FuzzInputs = Pick<FuzzPlan<unknown>, "samples" | "grammar" | "inputBytesMax">;

function makeInput(plan: FuzzInputs, prng: Prng): Uint8Array {
  const kind = prng.below(10);
  const longest = plan.inputBytesMax ?? inputBytesMax;
  if (kind < 7) return inside(prng, mutate(prng, plan.samples).subarray(0, longest));
  if (kind < 9 && plan.grammar !== undefined) return inside(prng, plan.grammar(prng));
  return inside(prng, randomBytes(plan, prng));
}

// Half of the random inputs use only bytes that occur in a sample: they get further than noise.
function randomBytes(plan: FuzzInputs, prng: Prng): Uint8Array {
  const sample = prng.pick(plan.samples) ?? new Uint8Array();
  const bytes = prng.bytes(prng.below(Math.min(2 * sample.length, 1024) + 16));
  if (sample.length === 0 || prng.chance(0.5)) return bytes;
  return bytes.map(() => prng.pick(Array.from(sample.subarray(0, 256))) ?? 0);
}

// Half of the inputs are views into a larger buffer, as they are in a receive buffer.
function inside(prng: Prng, bytes: Uint8Array): Uint8Array {
  if (prng.chance(0.5)) return bytes.slice();
  const start = prng.between(1, 9);
  const buffer = prng.bytes(start + bytes.length + 8);
  buffer.set(bytes, start);
  return buffer.subarray(start, start + bytes.length);
}

function tryInput<Answer>(plan: FuzzPlan<Answer>, bytes: Uint8Array, which: string): Answer {
  const failure = (what: string, cause?: unknown) => {
    const replay = `DURE_FUZZ_INPUT=${plan.name}:${hex(bytes)} node --test <this test>`;
    return new FuzzFailure(`fuzz ${plan.name}: ${which}: ${what}\nreplay: ${replay}`, { cause });
  };
  try {
    const started = performance.now();
    const answer = plan.decode(bytes);
    const tookMs = performance.now() - started;
    const boundMs = plan.answerMsMax ?? answerMsMax;
    if (tookMs > boundMs && quickestMs(() => plan.decode(bytes)) > boundMs) {
      throw failure(`no answer within ${boundMs} ms`);
    }
    plan.check?.(answer, bytes);
    return answer;
  } catch (cause) {
    throw cause instanceof FuzzFailure ? cause : failure(String(cause), cause);
  }
}

// A busy machine makes one call slow; a slow decoder is slow each time.
function quickestMs(call: () => void): number {
  let quickest = Number.POSITIVE_INFINITY;
  for (let attempt = 0; attempt < 3; attempt += 1) {
    const started = performance.now();
    call();
    quickest = Math.min(quickest, performance.now() - started);
  }
  return quickest;
}

function replayInput(name: string): Uint8Array | undefined {
  const text = process.env.DURE_FUZZ_INPUT;
  return text?.startsWith(`${name}:`) === true ? fromHex(text.slice(name.length + 1)) : undefined;
}

class Tally implements FuzzTally {
  inputs = 0;
  accepted = 0;
  readonly reasons = new Map<string, number>(); // bounded by the decoder's union of reasons

  add(answer: unknown): void {
    this.inputs += 1;
    const reason = reasonOf(answer);
    if (reason === undefined) this.accepted += 1;
    else this.reasons.set(reason, (this.reasons.get(reason) ?? 0) + 1);
  }
}

function reasonOf(answer: unknown): string | undefined {
  if (typeof answer !== "object" || answer === null || !("ok" in answer) || answer.ok !== false)
    return undefined;
  return "reason" in answer ? String(answer.reason) : "no reason";
}
