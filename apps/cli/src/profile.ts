import { homedir } from "node:os";
import { join, resolve } from "node:path";

/** `--profile`, else DURE_PROFILE, else `dure` in the XDG state folder. */
export function profileFolder(
  option: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): string {
  const named = option ?? env.DURE_PROFILE;
  if (named !== undefined && named !== "") return resolve(named);
  const state = env.XDG_STATE_HOME;
  // The XDG specification: a relative path there is to be ignored.
  if (state?.startsWith("/")) return join(state, "dure");
  return join(homedir(), ".local", "state", "dure");
}
