import type { en } from "./en.ts";
import { chooseParticles } from "./particles.ts";

export type MessageKey = keyof typeof en;
export type MessageArgs = Readonly<Record<string, string | number>>;
export type Language = "en" | "ko";

/** One language's sentences, `{name}` standing for what is filled in. */
export type Catalogue = Readonly<Record<MessageKey, string>>;

export class Messages {
  readonly language: Language;
  readonly #catalogue: Catalogue;

  constructor(language: Language, catalogue: Catalogue) {
    this.language = language;
    this.#catalogue = catalogue;
  }

  text(key: MessageKey, args: MessageArgs = {}): string {
    const filled = this.#catalogue[key].replace(/\{([a-zA-Z]+)\}/g, (whole, name: string) =>
      String(args[name] ?? whole),
    );
    return this.language === "ko" ? chooseParticles(filled) : filled;
  }
}

/** Only the language asked for is loaded. */
export async function loadMessages(language: Language): Promise<Messages> {
  if (language === "ko") return new Messages("ko", (await import("./ko.ts")).ko);
  return new Messages("en", (await import("./en.ts")).en);
}

/** POSIX order: LC_ALL, then LC_MESSAGES, then LANG; anything but Korean is English. */
export function languageOf(env: Readonly<Record<string, string | undefined>>): Language {
  const locale = [env.LC_ALL, env.LC_MESSAGES, env.LANG].find((value) => value !== undefined && value !== "");
  return /^ko([_.@-]|$)/i.test(locale ?? "") ? "ko" : "en";
}
