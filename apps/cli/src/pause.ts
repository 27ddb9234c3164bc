import type { Interrupt } from "./interrupt.ts";

/** Resolves after a while; rejects with `Interrupted` as soon as the program is to end, and when what goes on meanwhile fails. */
export async function pause(
  milliseconds: number,
  interrupt: Interrupt,
  meanwhile: Promise<void> = Promise.resolve(),
): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  try {
    const time = new Promise<void>((done) => {
      timer = setTimeout(done, milliseconds);
    });
    await interrupt.race(Promise.race([time, meanwhile.then(() => time)]));
  } finally {
    clearTimeout(timer);
  }
}
