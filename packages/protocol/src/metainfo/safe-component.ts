import { utf8 } from "@dure/base";

/*
 * Names of strangers become names on disk. The rules are those of all systems at once, because a download
 * folder moves between them. What holds of every result:
 *
 *   1. not empty, not `.` or `..`, no separator, no NUL or other control character
 *   2. none of `<>:"|?*`, no trailing dot or space, no device name, no 8.3 alias (Windows)
 *   3. no character that changes how its neighbours are read (bidirectional and other format characters)
 *   4. at most 255 bytes of UTF-8
 *   5. safeComponent(result) is the result
 */

/** The name as the disk may hold it; `ifEmpty`, safe itself, stands in when nothing is left. */
export function safeComponent(spelled: string, ifEmpty = "_"): string {
  let name = spelled;
  for (;;) {
    const next = pass(name);
    if (next === name) return name === "" ? ifEmpty : name;
    name = next;
  }
}

/** What Linux, macOS and Windows all take as one name. */
export const componentBytesMax = 255;

// A step can lay bare what another removes, so passes repeat until nothing changes. They end: a pass shortens the
// name, or replaces characters that never come back, or puts an underscore before a device, which is then none.
function pass(name: string): string {
  const clean = suspicious.test(name)
    ? name.replace(forbidden, "_").replace(invisible, "").replace(strayJoiner, "")
    : name;
  const short = cutBytes(clean, componentBytesMax).replace(trailing, "");
  if (device.test(short)) return `_${short}`;
  return shortAlias.test(short) ? short.replace("~", "_") : short;
}

// One look that spares most names the three replacements: \p{C} is every control, format and unassigned character.
const suspicious = /[/\\<>:"|?*\p{C}\p{Zl}\p{Zp}]/u;
// Separators, Windows' forbidden characters, controls, line and paragraph separators, lone surrogates.
const forbidden = /[/\\<>:"|?*\p{Cc}\p{Zl}\p{Zp}\p{Cs}]/gu;
// Format characters (bidirectional controls among them) say nothing that a name needs, except the two joiners,
// which Indic and Persian words and family emoji are written with.
const invisible = /(?![\u200c\u200d])\p{Cf}/gu;
const strayJoiner =
  /(?<![^\x00-\x7f\u200c\u200d])[\u200c\u200d]|[\u200c\u200d](?![^\x00-\x7f\u200c\u200d])/gu;
// Windows drops them when it opens the file, which makes two names one.
const trailing = /[. ]+$/;
// `AUX.txt` and `nul .tar.gz` are devices too; the three superscripts count as digits there.
const device = /^ *(?:con|prn|aux|nul|clock\$|conin\$|conout\$|(?:com|lpt)[0-9¹²³]) *(?:\.|$)/i;
// `PROGRA~1`: another name of a file that is there already.
const shortAlias = /^(?=[^.]{3,8}(?:\.|$))[^.]+~[0-9]+(?:\.[^.]{0,3})?$/;

/** The longest beginning of whole characters within `bytesMax`; an extension is kept when it is a short one. */
function cutBytes(name: string, bytesMax: number): string {
  if (name.length * 3 <= bytesMax || utf8(name).length <= bytesMax) return name;
  const { stem, extension } = splitExtension(name);
  return cutText(stem, bytesMax - utf8(extension).length) + extension;
}

/** `a.tar` and `.gz`; the extension is empty when there is none or it is too long to be one. */
export function splitExtension(name: string): { readonly stem: string; readonly extension: string } {
  const dot = name.lastIndexOf(".");
  const extension = dot > 0 ? name.slice(dot) : "";
  if (extension === "" || utf8(extension).length > 16) return { stem: name, extension: "" };
  return { stem: name.slice(0, dot), extension };
}

/** The longest beginning of whole characters within `bytesMax` bytes of UTF-8. */
export function cutText(text: string, bytesMax: number): string {
  if (text.length * 3 <= bytesMax) return text;
  let bytes = 0;
  let end = 0;
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x1_0000 ? 3 : 4;
    if (bytes > bytesMax) break;
    end += character.length;
  }
  return text.slice(0, end);
}
