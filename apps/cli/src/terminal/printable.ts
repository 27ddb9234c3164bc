// Control characters (an escape sequence in a file's name could repaint the terminal), line separators, and the
// bidi controls that make `gpj.exe` read as `exe.jpg`.
const unsafe = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]/gu;

/** A stranger's text, safe to show on a terminal in one line. */
export function printable(text: string): string {
  return text.replace(unsafe, "\ufffd");
}
