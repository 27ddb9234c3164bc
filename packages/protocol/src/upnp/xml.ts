import { fail, fromUtf8, ok, type Result } from "@dure/base";

/** An element of the small XML that gateways write: names without their prefix, no attributes. */
export interface XmlElement {
  readonly name: string;
  /** What stands between its tags, outside other elements, trimmed. */
  readonly text: string;
  readonly children: readonly XmlElement[];
}

export type XmlError =
  | "too-long"
  | "too-deep"
  | "too-many-elements"
  | "document-type" // where entities are declared, of which a bomb is made
  | "unclosed"
  | "mismatched-tag"
  | "malformed-tag"
  | "no-element";

export const xmlBytesMax = 256 * 1024;
export const xmlDepthMax = 32;
export const xmlElementsMax = 4096;

interface OpenElement {
  readonly name: string;
  text: string;
  readonly children: OpenElement[];
}

/**
 * Reads one document, in one pass. Lenient where gateways are sloppy: any encoding is taken for UTF-8, stray ampersands
 * stand for themselves, what follows the root is ignored.
 */
export function readXml(bytes: Uint8Array): Result<XmlElement, XmlError> {
  if (bytes.length > xmlBytesMax) return fail("too-long");
  const source = fromUtf8(bytes);
  const open: OpenElement[] = []; // at most xmlDepthMax
  let elementsCount = 0;
  let offset = 0;
  for (;;) {
    const mark = source.indexOf("<", offset);
    if (mark < 0) return fail(open.length > 0 ? "unclosed" : "no-element");
    const inside = open.at(-1);
    if (inside !== undefined) inside.text += plainText(source.slice(offset, mark));
    const aside = readAside(source, mark);
    if (aside !== undefined) {
      if (!aside.ok) return aside;
      if (inside !== undefined) inside.text += aside.value.text;
      offset = aside.value.end;
      continue;
    }
    const end = tagEnd(source, mark + 1);
    if (end < 0) return fail("unclosed");
    offset = end + 1;
    const tag = source.slice(mark + 1, end);
    if (tag.startsWith("/")) {
      const closed = open.pop();
      if (closed === undefined || closed.name !== localName(tag.slice(1).trim()))
        return fail("mismatched-tag");
      closed.text = closed.text.trim();
      if (open.length === 0) return ok(closed);
      continue;
    }
    const name = localName(/^[^\s/]*/.exec(tag)?.[0] ?? "");
    if (!/^[A-Za-z_][\w.-]*$/.test(name)) return fail("malformed-tag");
    elementsCount += 1;
    if (elementsCount > xmlElementsMax) return fail("too-many-elements");
    const element: OpenElement = { name, text: "", children: [] };
    inside?.children.push(element);
    if (!tag.endsWith("/")) {
      if (open.length >= xmlDepthMax) return fail("too-deep");
      open.push(element);
    } else if (inside === undefined) return ok(element);
  }
}

/** The text of the first child of that name, however its letters are cased. */
export function childText(element: XmlElement, name: string): string | undefined {
  const lower = name.toLowerCase();
  return element.children.find((child) => child.name.toLowerCase() === lower)?.text;
}

/** All elements of that name, in the order of the document. */
export function elementsNamed(root: XmlElement, name: string): XmlElement[] {
  const found: XmlElement[] = [];
  const visit = (element: XmlElement) => {
    if (element.name === name) found.push(element);
    for (const child of element.children) visit(child); // at most xmlDepthMax deep
  };
  visit(root);
  return found;
}

interface Aside {
  readonly text: string;
  readonly end: number;
}

/** What begins with `<` and is no tag: declarations, comments, literal text. */
function readAside(source: string, mark: number): Result<Aside, XmlError> | undefined {
  const until = (opening: string, closing: string): Result<Aside, XmlError> => {
    const end = source.indexOf(closing, mark + opening.length);
    return end < 0 ? fail("unclosed") : ok({ text: "", end: end + closing.length });
  };
  if (source.startsWith("<?", mark)) return until("<?", "?>");
  if (source.startsWith("<!--", mark)) return until("<!--", "-->");
  if (source.startsWith("<![CDATA[", mark)) {
    const literal = until("<![CDATA[", "]]>");
    if (!literal.ok) return literal;
    return ok({ text: source.slice(mark + 9, literal.value.end - 3), end: literal.value.end });
  }
  return source.startsWith("<!", mark) ? fail("document-type") : undefined;
}

/** Where the tag ends: at the first `>` that is not inside an attribute's quotes. */
function tagEnd(source: string, from: number): number {
  let quote = "";
  for (let offset = from; offset < source.length; offset += 1) {
    const character = source.charAt(offset);
    if (quote !== "") {
      if (character === quote) quote = "";
    } else if (character === '"' || character === "'") quote = character;
    else if (character === ">") return offset;
  }
  return -1;
}

function localName(name: string): string {
  return name.slice(name.indexOf(":") + 1);
}

const entities: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

function plainText(text: string): string {
  if (!text.includes("&")) return text;
  return text.replace(/&(?:#(\d{1,7})|#x([0-9a-fA-F]{1,6})|(\w{1,8}));/g, (whole, decimal, hex, name) => {
    if (name !== undefined) return entities[name] ?? whole;
    const code = decimal === undefined ? Number.parseInt(hex, 16) : Number(decimal);
    return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : whole;
  });
}
