import assert, { deepEqual, equal, throws } from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { FileLayout, type LaidFile } from "./layout.ts";

function lay(sizes: readonly number[], pads: readonly boolean[] = []): LaidFile[] {
  let offset = 0;
  return sizes.map((bytes, index) => {
    const file = { offset, bytes, pad: pads[index] ?? false };
    offset += bytes;
    return file;
  });
}

const sizes = fc.array(fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 50 })), { maxLength: 40 });

test("a range over three files with an empty one and a pad between gives each its part", () => {
  const layout = new FileLayout(lay([10, 0, 6, 16], [false, false, true, false]));
  deepEqual(layout.spans(8, 12), [
    { file: 0, offset: 8, length: 2, pad: false },
    { file: 2, offset: 0, length: 6, pad: true },
    { file: 3, offset: 0, length: 4, pad: false },
  ]);
});

test("a range that ends with a file does not touch the next", () => {
  const layout = new FileLayout(lay([10, 10]));
  deepEqual(layout.spans(5, 5), [{ file: 0, offset: 5, length: 5, pad: false }]);
  deepEqual(layout.spans(10, 10), [{ file: 1, offset: 0, length: 10, pad: false }]);
});

test("no bytes lie in no file, even in a torrent without any", () => {
  deepEqual(new FileLayout(lay([])).spans(0, 0), []);
  deepEqual(new FileLayout(lay([0, 0])).spans(0, 0), []);
  deepEqual(new FileLayout(lay([4])).spans(4, 0), []);
});

test("bytes outside the torrent, or files with a gap between them, are our own mistake", () => {
  throws(() => new FileLayout(lay([4])).spans(2, 3));
  throws(() => new FileLayout(lay([4])).spans(-1, 1));
  throws(() => new FileLayout([{ offset: 1, bytes: 1, pad: false }]));
});

test("every byte of a range is in exactly the span a walk over the files finds for it", () => {
  fc.assert(
    fc.property(sizes, fc.nat(), fc.nat(), (list, a, b) => {
      const layout = new FileLayout(lay(list));
      const total = layout.totalBytes;
      const from = a % (total + 1);
      const length = b % (total - from + 1);
      const walked: string[] = [];
      for (const [file, bytes] of list.entries()) {
        const start = list.slice(0, file).reduce((sum, size) => sum + size, 0);
        for (let byte = 0; byte < bytes; byte += 1) {
          if (start + byte >= from && start + byte < from + length) walked.push(`${file}:${byte}`);
        }
      }
      const spans = layout.spans(from, length);
      const found = spans.flatMap((span) =>
        Array.from({ length: span.length }, (_, byte) => `${span.file}:${span.offset + byte}`),
      );
      deepEqual(found, walked);
      assert(spans.every((span) => span.length > 0));
    }),
  );
});

test("two neighbouring ranges give the spans of the whole, cut where they meet", () => {
  fc.assert(
    fc.property(sizes, fc.nat(), (list, a) => {
      const layout = new FileLayout(lay(list));
      const cut = a % (layout.totalBytes + 1);
      const parts = [...layout.spans(0, cut), ...layout.spans(cut, layout.totalBytes - cut)];
      const bytes = (spans: readonly { length: number }[]) =>
        spans.reduce((sum, span) => sum + span.length, 0);
      equal(bytes(parts), layout.totalBytes);
      assert(parts.length - layout.spans(0, layout.totalBytes).length <= 1);
    }),
  );
});

test("offsets past 4 GiB are exact", () => {
  const layout = new FileLayout(lay([2 ** 40, 7]));
  deepEqual(layout.spans(2 ** 40 - 1, 3), [
    { file: 0, offset: 2 ** 40 - 1, length: 1, pad: false },
    { file: 1, offset: 0, length: 2, pad: false },
  ]);
});

test("a span among 100,000 files is found by halving, not by walking", () => {
  const layout = new FileLayout(lay(new Array<number>(100_000).fill(1000)));
  const start = performance.now();
  for (let index = 0; index < 100_000; index += 1) layout.spans(((index * 7919) % 100_000) * 1000 + 1, 999);
  const elapsed = performance.now() - start;
  assert(elapsed < 2000, `100,000 lookups took ${elapsed.toFixed(0)} ms`); // a walk would take minutes
});
