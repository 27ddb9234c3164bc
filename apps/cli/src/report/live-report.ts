import type { TorrentStatus } from "@dure/host-node";
import type { Context } from "../context.ts";
import { LiveLines } from "../terminal/live.ts";
import { transferBar } from "./lines.ts";
import { doneText, namedText, startText, stoppedText, warningLine } from "./texts.ts";
import type {
  DoneFacts,
  Search,
  StartFacts,
  StopFacts,
  TransferReport,
  TransferWarning,
} from "./transfer-report.ts";

/** A bar at the foot of the terminal; what happens is told above it. */
export class LiveReport implements TransferReport {
  readonly every = 250;
  readonly #context: Context;
  readonly #live: LiveLines;

  constructor(context: Context) {
    this.#context = context;
    this.#live = new LiveLines(context.screen);
  }

  note(text: string): void {
    this.#say(text);
  }

  started(facts: StartFacts): void {
    this.#say(startText(facts, this.#context.messages));
    if (facts.magnet !== undefined) this.#say(facts.magnet);
    this.progress(facts.status);
  }

  named(status: TorrentStatus): void {
    this.#say(namedText(status, this.#context.messages));
  }

  progress(status: TorrentStatus, search?: Search): void {
    const { screen, messages } = this.#context;
    this.#live.draw([transferBar(status, { ...screen, columns: screen.columns() }, messages, search)]);
  }

  warned(warning: TransferWarning): void {
    this.#live.clear();
    this.#context.screen.err(warningLine(warning, this.#context.messages));
  }

  done(status: TorrentStatus, facts: DoneFacts): void {
    this.#say(doneText(status, facts, this.#context.messages));
  }

  seeding(): void {
    this.#say(this.#context.messages.text("transfer.seeding"));
  }

  stopped(status: TorrentStatus, facts: StopFacts): void {
    this.#say(stoppedText(status, facts, this.#context.messages));
  }

  #say(line: string): void {
    this.#live.clear();
    this.#context.screen.out(`${line}\n`);
  }
}
