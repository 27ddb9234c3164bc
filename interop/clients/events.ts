export type Event = Readonly<Record<string, unknown>>;

/** Finds the JSON line whose `event` is one of `names`; any other line, JSON or not, is passed over. */
export function eventNamed(...names: readonly string[]): (line: string) => Event | undefined {
  return (line) => {
    const event = parse(line);
    const name = event?.event;
    return typeof name === "string" && names.includes(name) ? event : undefined;
  };
}

export function parse(line: string): Event | undefined {
  if (!line.startsWith("{")) return undefined;
  try {
    return JSON.parse(line) as Event; // "{" and valid: an object
  } catch {
    return undefined; // a program may print anything
  }
}
