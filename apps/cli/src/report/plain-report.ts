import type { TorrentStatus } from "@dure/host-node";
import type { Context } from "../context.ts";
import { transferLine } from "./lines.ts";
import { doneText, namedText, startText, stoppedText, warningLine } from "./texts.ts";
import type {
  DoneFacts,
  Search,
  StartFacts,
  StopFacts,
  TransferReport,
  TransferWarning,
} from "./transfer-report.ts";

const seedingEvery = 10_000;

/** Plain lines for a pipe or a log: a line a second while something changes, more rarely while seeding. */
export class PlainReport implements TransferReport {
  readonly every = 1000;
  readonly #context: Context;
  #last = "";
  #seedingSaidAt = Number.NEGATIVE_INFINITY;

  constructor(context: Context) {
    this.#context = context;
  }

  note(text: string): void {
    this.#say(text);
  }

  started(facts: StartFacts): void {
    this.#say(startText(facts, this.#context.messages));
    // The link is what was asked for: it is a result, also when the rest is to be quiet.
    if (facts.magnet !== undefined) this.#context.screen.out(`${facts.magnet}\n`);
  }

  named(status: TorrentStatus): void {
    this.#say(namedText(status, this.#context.messages));
  }

  progress(status: TorrentStatus, search?: Search): void {
    if (status.state.name === "seeding") {
      const now = performance.now();
      if (now - this.#seedingSaidAt < seedingEvery) return;
      this.#seedingSaidAt = now;
    }
    const line = transferLine(status, this.#context.messages, search);
    if (line !== this.#last) this.#say(line);
    this.#last = line;
  }

  warned(warning: TransferWarning): void {
    this.#context.screen.err(warningLine(warning, this.#context.messages));
  }

  done(status: TorrentStatus, facts: DoneFacts): void {
    this.#say(doneText(status, facts, this.#context.messages));
  }

  seeding(): void {
    this.#seedingSaidAt = performance.now();
    this.#say(this.#context.messages.text("transfer.seeding"));
  }

  stopped(status: TorrentStatus, facts: StopFacts): void {
    this.#say(stoppedText(status, facts, this.#context.messages));
  }

  #say(line: string): void {
    if (!this.#context.quiet) this.#context.screen.out(`${line}\n`);
  }
}
