/** Blocks of effects: whole and in order, whatever stood in the buffer before. */
import { expect, test } from 'vitest';
import { EffectReader, EffectWriter } from '../../src/engine/effects.ts';
import { Request } from '../../src/shared/request.ts';

function write(writer: EffectWriter, n: number, bytes: number): void {
  const value = new Uint8Array(bytes).fill(n);
  writer.begin(n % 16, 2);
  writer.text(`effect ${n}`);
  writer.arg(value, 0, bytes);
}

function read(block: Uint8Array): string[] {
  const reader = new EffectReader();
  const request = new Request();
  const out: string[] = [];
  reader.open(block);
  while (reader.next(request)) {
    const value = request.buf.subarray(request.off[1]!, request.off[1]! + request.len[1]!);
    out.push(`${reader.db} ${request.string(0)} ${value.length} ${value.every((byte) => byte === value[0]) ? value[0] : 'mixed'}`);
  }
  return out;
}

test('a block has what was written since the last one, whatever its size', () => {
  const writer = new EffectWriter();
  for (let n = 1, turn = 0; turn < 60; turn++) {
    const expected: string[] = [];
    // Small turns, some that outgrow the first buffer, and one larger than what is kept.
    const bytes = turn === 30 ? 3_000_000 : turn % 7 === 6 ? 50_000 : 900;
    for (let i = 0; i <= turn % 5 + Number(turn === 30); i++, n++) {
      write(writer, n % 250, bytes);
      expected.push(`${(n % 250) % 16} effect ${n % 250} ${bytes} ${n % 250}`);
    }
    expect(writer.length).toBeGreaterThan(bytes);
    const block = writer.take();
    expect(writer.length).toBe(0);
    expect(read(block)).toEqual(expected);
  }
});

test('what was not taken can be thrown away', () => {
  const writer = new EffectWriter();
  write(writer, 1, 10);
  expect(read(writer.take())).toEqual(['1 effect 1 10 1']);
  write(writer, 2, 10);
  writer.clear();
  expect(writer.length).toBe(0);
  write(writer, 3, 10);
  expect(read(writer.take())).toEqual(['3 effect 3 10 3']);
});
