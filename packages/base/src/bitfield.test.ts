import { deepEqual, equal, throws } from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Bitfield } from "./index.ts";

test("the first piece is the high bit of the first byte (BEP 3)", () => {
  const field = new Bitfield(10);
  field.set(0);
  field.set(9);
  deepEqual(field.toBytes(), Uint8Array.of(0x80, 0x40));
  deepEqual([...field], [0, 9]);
  deepEqual(
    [field.has(0), field.has(1), field.has(9), field.has(10), field.has(1000)],
    [true, false, true, false, false],
  );
});

test("a field is refused when its size is wrong or a spare bit is set", () => {
  equal(Bitfield.fromBytes(Uint8Array.of(0xff), 9), undefined);
  equal(Bitfield.fromBytes(Uint8Array.of(0xff, 0, 0), 9), undefined);
  equal(Bitfield.fromBytes(Uint8Array.of(0xff, 0xc0), 9), undefined);
  equal(Bitfield.fromBytes(Uint8Array.of(0xff, 0x80), 9)?.all, true);
  equal(Bitfield.fromBytes(new Uint8Array(), 0)?.length, 0);
  equal(Bitfield.fromBytes(Uint8Array.of(0xff), 8)?.count, 8);
});

test("setting and clearing say what was new, and a bit outside is a mistake", () => {
  const field = new Bitfield(3);
  deepEqual(
    [field.set(1), field.set(1), field.clear(1), field.clear(1), field.clear(7)],
    [true, false, true, false, false],
  );
  throws(() => field.set(3), /bit inside the field/);
  throws(() => field.set(-1), /bit inside the field/);
});

test("a full field has every bit and no spare one", () => {
  for (const length of [0, 1, 7, 8, 9, 64]) {
    const field = Bitfield.full(length);
    equal(field.count, length);
    equal(field.all, true);
    deepEqual(Bitfield.fromBytes(field.toBytes(), length)?.count, length);
  }
});

test("a copy and the bytes are the caller's own", () => {
  const field = new Bitfield(8);
  field.copy().set(1);
  field.toBytes().fill(0xff);
  equal(field.none, true);
  const bytes = Uint8Array.of(0x80);
  const read = Bitfield.fromBytes(bytes, 8);
  bytes.fill(0);
  equal(read?.has(0), true);
});

test("after any commands a field is the set of indices it was told", () => {
  const length = 37;
  const command = fc.tuple(fc.constantFrom("set", "clear", "fill"), fc.nat(length - 1));
  fc.assert(
    fc.property(fc.array(command, { maxLength: 60 }), (commands) => {
      const field = new Bitfield(length);
      const model = new Set<number>();
      for (const [name, index] of commands) {
        if (name === "set") equal(field.set(index), !model.has(index));
        else if (name === "clear") equal(field.clear(index), model.has(index));
        else field.fill();
        if (name === "set") model.add(index);
        else if (name === "clear") model.delete(index);
        else for (let all = 0; all < length; all += 1) model.add(all);
      }
      deepEqual(
        [...field],
        [...model].sort((a, b) => a - b),
      );
      deepEqual([field.count, field.all, field.none], [model.size, model.size === length, model.size === 0]);
      deepEqual([...(Bitfield.fromBytes(field.toBytes(), length) ?? [])], [...field]);
      deepEqual([...field.copy()], [...field]);
      equal(field.copy().count, field.count);
    }),
  );
});
