/**
 * Two names with one key may be one file on some file system: Windows and macOS ignore case, macOS composes
 * characters, HFS+ skips what is not seen. Unicode's canonical caseless match (chapter 3, D145), with the
 * default-ignorable code points left out.
 */
export function foldName(name: string): string {
  if (/^[\x20-\x7e]*$/.test(name)) return name.toLowerCase();
  const visible = name.replace(/\p{Default_Ignorable_Code_Point}+/gu, "");
  return foldCase(visible.normalize("NFD")).normalize("NFD");
}

// JavaScript has no case folding. Lower, upper, lower comes to the same classes: ẞ and ß and SS become ss, K (Kelvin) k.
function foldCase(text: string): string {
  return text.toLowerCase().toUpperCase().toLowerCase();
}
