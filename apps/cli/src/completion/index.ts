import { assert } from "@dure/base";
import type { Messages } from "../messages/index.ts";
import { bashScript } from "./bash.ts";
import { fishScript } from "./fish.ts";
import { zshScript } from "./zsh.ts";

/** The completion script of a shell that the table names. */
export function completionScript(shell: string, messages: Messages): string {
  if (shell === "bash") return bashScript();
  if (shell === "zsh") return zshScript(messages);
  assert(shell === "fish", "the table knows three shells");
  return fishScript(messages);
}
