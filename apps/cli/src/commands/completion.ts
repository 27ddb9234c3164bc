import { completionScript } from "../completion/index.ts";
import type { Context } from "../context.ts";

/** `dure completion`: the script that teaches a shell the words of dure. */
export async function completion(context: Context, [shell = ""]: readonly string[]): Promise<number> {
  context.screen.out(completionScript(shell, context.messages));
  return 0;
}
