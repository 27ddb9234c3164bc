import { deepEqual, equal, ok } from "node:assert/strict";
import { test } from "node:test";
import { utf8 } from "@dure/base";
import { cutEverywhere, fuzzCodec } from "@dure/base/testing";
import { childText, elementsNamed, readXml, xmlBytesMax, xmlDepthMax, xmlElementsMax } from "./xml.ts";

const read = (text: string) => readXml(utf8(text));
const reason = (text: string) => {
  const answer = read(text);
  return answer.ok ? "none" : answer.reason;
};
const element = (name: string, text: string, children: readonly object[] = []) => ({ name, text, children });

const everything =
  '\ufeff<?xml version="1.0"?><!-- <a> --><s:root xmlns:s="a>b" x=\'"\'>\r\n one &amp; &#50;&#x33;\r\n' +
  "<two/><s:Three a='/'>a<![CDATA[<b>&amp;]]>c</s:Three ><!-- - --><?pi?> &bogus; & &#0; &#1114112;</s:root>rest";

test("elements, text, literals, comments and entities are read; prefixes and attributes are not", () => {
  const three = element("Three", "a<b>&amp;c");
  const value = element("root", "one & 23\r\n &bogus; & &#0; &#1114112;", [element("two", ""), three]);
  deepEqual(read(everything), { ok: true, value });
  deepEqual(read("<a/>"), { ok: true, value: element("a", "") });
});

test("a child is found however its letters are cased, and elements wherever they stand", () => {
  const document = read("<a><B>1</B><c><B>2</B></c></a>");
  ok(document.ok);
  equal(childText(document.value, "b"), "1");
  equal(childText(document.value, "d"), undefined);
  deepEqual(
    elementsNamed(document.value, "B").map(({ text }) => text),
    ["1", "2"],
  );
});

test("each broken document has its reason", () => {
  equal(reason(""), "no-element");
  equal(reason("no tags"), "no-element");
  equal(reason("<a>"), "unclosed");
  equal(reason('<a b=">'), "unclosed");
  equal(reason("<a><!-- </a>"), "unclosed");
  equal(reason("<a><![CDATA[ </a>"), "unclosed");
  equal(reason("<a></b>"), "mismatched-tag");
  equal(reason("</a>"), "mismatched-tag");
  equal(reason("< a></a>"), "malformed-tag");
  equal(reason("<1></1>"), "malformed-tag");
});

test("a document type is refused, and with it every entity that could explode", () => {
  const bomb = '<!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;&b;">]><a>&c;</a>';
  equal(reason(bomb), "document-type");
  equal(reason("<a><!ELEMENT></a>"), "document-type");
});

test("length, depth and number of elements are bounded, each tested at its limit and beyond", () => {
  const nested = (depth: number) => "<a>".repeat(depth) + "</a>".repeat(depth);
  equal(reason(nested(xmlDepthMax)), "none");
  equal(reason(nested(xmlDepthMax + 1)), "too-deep");
  const flat = (count: number) => `<a>${"<b/>".repeat(count - 1)}</a>`;
  equal(reason(flat(xmlElementsMax)), "none");
  equal(reason(flat(xmlElementsMax + 1)), "too-many-elements");
  const long = (bytes: number) => `<a>${"x".repeat(bytes - 7)}</a>`;
  equal(reason(long(xmlBytesMax)), "none");
  equal(reason(long(xmlBytesMax + 1)), "too-long");
});

test("the longest documents are read in time, whatever they are made of", () => {
  for (const unit of ["<", "<a ", "&", "&#", "<!--", "<![CDATA[", '<a b="', "<a>&amp;", "</a>", "<?"]) {
    const from = performance.now();
    read(`<r>${unit.repeat(xmlBytesMax / unit.length)}`);
    ok(performance.now() - from < 1000, unit);
  }
});

test("a document cut anywhere is refused until its root is closed", () => {
  const text = everything.slice(0, everything.indexOf("rest"));
  for (const answer of cutEverywhere(utf8(text), readXml)) ok(!answer.ok);
});

test("10,000 mutated documents are read or refused, and every reason is met", () => {
  const samples = [
    everything,
    "<a><b>1</b><c/></a>",
    '<!DOCTYPE a [<!ENTITY b "b">]><a>&b;</a>',
    "<a>".repeat(40),
    `<a>${"<b/>".repeat(5000)}</a>`,
  ].map(utf8);
  const tally = fuzzCodec({
    name: "gateway-xml",
    seed: 1,
    samples,
    decode: readXml,
    inputBytesMax: xmlBytesMax + 1,
  });
  ok(tally.accepted > 500, `${tally.accepted} accepted`);
  const all = [
    "document-type",
    "malformed-tag",
    "mismatched-tag",
    "no-element",
    "too-deep",
    "too-many-elements",
  ];
  deepEqual([...tally.reasons.keys()].sort(), [...all, "unclosed"]);
});
