/** Where a command writes. The real one is the process's streams; tests keep the text. */
export interface Screen {
  /** A person watches: a bar can be redrawn. */
  readonly live: boolean;
  /** Glyphs beyond ASCII can be shown. */
  readonly unicode: boolean;
  readonly color: boolean;
  columns(): number;
  out(text: string): void;
  err(text: string): void;
}

const columnsDefault = 80;

export function processScreen(env: Readonly<Record<string, string | undefined>>): Screen {
  const { stdout, stderr } = process;
  const dumb = env.TERM === "dumb";
  return {
    live: stdout.isTTY === true && !dumb,
    unicode: /utf-?8/i.test(env.LC_ALL || env.LC_CTYPE || env.LANG || ""),
    color: stdout.isTTY === true && !dumb && !env.NO_COLOR,
    columns: () => columnsOf(env.COLUMNS, stdout.columns),
    out: (text) => void stdout.write(text),
    err: (text) => void stderr.write(text),
  };
}

/** COLUMNS is set on purpose when it reaches us at all, so it goes before what the terminal says. */
export function columnsOf(variable: string | undefined, terminal: number | undefined): number {
  const asked = /^[1-9]\d{0,3}$/.test(variable ?? "") ? Number(variable) : undefined;
  return asked ?? (terminal !== undefined && terminal > 0 ? terminal : columnsDefault);
}
