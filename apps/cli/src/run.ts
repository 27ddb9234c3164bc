import { type GlobalValues, parse, peek } from "./args/parse.ts";
import { type Context, writeJson } from "./context.ts";
import { explain } from "./explain.ts";
import { Interrupted } from "./interrupt.ts";
import { languageOf, loadMessages, type Messages } from "./messages/index.ts";
import { profileFolder } from "./profile.ts";
import type { CommandName } from "./table/index.ts";
import { version } from "./version.ts";

/** What the process gives a command line. */
export interface Surroundings extends Pick<Context, "screen" | "interrupt" | "openNode" | "openTracker"> {
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Runs a command line and returns its exit status. Every error ends here, as one line. */
export async function run(args: readonly string[], around: Surroundings): Promise<number> {
  const { lang, debug } = peek(args);
  const messages = await loadMessages(lang === "en" || lang === "ko" ? lang : languageOf(around.env));
  try {
    return await obey(args, around, messages);
  } catch (error) {
    if (around.interrupt.received !== undefined && error instanceof Interrupted) {
      return around.interrupt.exitStatus;
    }
    const explained = explain(error, messages);
    around.screen.err(`dure: ${explained.message}\n`);
    if (debug) around.screen.err(`${stackOf(error)}\n`);
    return explained.status;
  }
}

async function obey(args: readonly string[], around: Surroundings, messages: Messages): Promise<number> {
  const request = parse(args);
  const { screen } = around;
  switch (request.type) {
    case "version":
      screen.out(`dure ${version()}\n`);
      return 0;
    case "nothing":
    case "help": {
      const { commandHelp, overview } = await import("./help/help.ts");
      const command = request.type === "help" ? request.command : undefined;
      const page =
        command === undefined
          ? overview(messages, screen.columns())
          : commandHelp(command, messages, screen.columns());
      if (request.type === "help") screen.out(page);
      else screen.err(page);
      return request.type === "help" ? 0 : 2;
    }
    case "run": {
      const options = request.options as GlobalValues & { json?: boolean; quiet?: boolean }; // parse() made these
      const context: Context = {
        messages,
        screen,
        interrupt: around.interrupt,
        json: options.json === true,
        quiet: options.quiet === true,
        profile: profileFolder(options.profile, around.env),
        openNode: around.openNode,
        openTracker: around.openTracker,
      };
      // parse() refuses every name that is not in the table, and `help` never comes here.
      const body = await bodies[request.command.name as Exclude<CommandName, "help">]();
      return await guard(context, () => body(context, request.operands, request.options));
    }
  }
}

type Body = (
  context: Context,
  operands: readonly string[],
  // Each body names the values of its own table; parse() made one value for each entry of it.
  // biome-ignore lint/suspicious/noExplicitAny: the one place where tables and bodies meet
  options: any,
) => Promise<number>;

/** Loaded when they are called for. */
const bodies: Readonly<Record<Exclude<CommandName, "help">, () => Promise<Body>>> = {
  get: async () => (await import("./commands/get.ts")).get,
  seed: async () => (await import("./commands/seed.ts")).seed,
  create: async () => (await import("./commands/create.ts")).create,
  show: async () => (await import("./commands/show.ts")).show,
  verify: async () => (await import("./commands/verify.ts")).verify,
  magnet: async () => (await import("./commands/magnet.ts")).magnet,
  publish: async () => (await import("./commands/publish.ts")).publish,
  follow: async () => (await import("./commands/follow.ts")).follow,
  keys: async () => (await import("./commands/keys.ts")).keys,
  dht: async () => (await import("./commands/dht.ts")).dht,
  demo: async () => (await import("./commands/demo.ts")).demo,
  completion: async () => (await import("./commands/completion.ts")).completion,
};

/** With `--json` whoever reads stdout hears of the failure there too. */
async function guard(context: Context, body: () => Promise<number>): Promise<number> {
  try {
    return await body();
  } catch (error) {
    if (context.json && !(error instanceof Interrupted)) {
      const { code, message } = explain(error, context.messages);
      writeJson(context.screen, { event: "error", code, message });
    }
    throw error;
  }
}

function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.stack}\n  caused by ${error.cause.stack}` : `${error.stack}`;
}
