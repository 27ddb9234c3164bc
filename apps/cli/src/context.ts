import type { DureNode, NodeOptions } from "@dure/host-node";
import type { Interrupt } from "./interrupt.ts";
import type { Messages } from "./messages/index.ts";
import type { Screen } from "./terminal/screen.ts";

/** What a command may reach, handed to it so that a test can hand it something else. */
export interface Context {
  readonly messages: Messages;
  readonly screen: Screen;
  readonly interrupt: Interrupt;
  readonly json: boolean;
  readonly quiet: boolean;
  readonly profile: string;
  readonly openNode: (options: NodeOptions) => Promise<DureNode>;
  /** A tracker on loopback, on any free port. */
  readonly openTracker: () => Promise<LocalTracker>;
}

export interface LocalTracker extends AsyncDisposable {
  readonly url: string;
}

/** One JSON object on a line of its own. */
export function writeJson(screen: Screen, object: object): void {
  screen.out(`${JSON.stringify(object)}\n`);
}

/** A line on stderr that is not the end of the program. */
export function warn(context: Context, text: string): void {
  context.screen.err(`dure: ${context.messages.text("warning")}: ${text}\n`);
}
