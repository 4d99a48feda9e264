/** Packed forms that are only read, made from the descriptions of their formats: nothing here is shared with the readers. */
import { latin1Bytes } from '../../../src/shared/request.ts';

function little(value: bigint, bytes: number): number[] {
  return Array.from({ length: bytes }, (_, i) => Number((value >> BigInt(8 * i)) & 255n));
}

function big(value: number, bytes: number): number[] {
  return little(BigInt(value), bytes).reverse();
}

function bytesOf(text: string): number[] {
  return [...latin1Bytes(text)];
}

function fits(value: bigint, bits: bigint): boolean {
  return value >= -(1n << (bits - 1n)) && value < 1n << (bits - 1n);
}

function ziplistBody(element: string): number[] {
  if (/^(0|-?[1-9]\d{0,18})$/.test(element) && fits(BigInt(element), 64n)) {
    const value = BigInt(element);
    if (value >= 0n && value <= 12n) return [0xf1 + Number(value)];
    if (fits(value, 8n)) return [0xfe, ...little(value, 1)];
    if (fits(value, 16n)) return [0xc0, ...little(value, 2)];
    if (fits(value, 24n)) return [0xf0, ...little(value, 3)];
    return fits(value, 32n) ? [0xd0, ...little(value, 4)] : [0xe0, ...little(value, 8)];
  }
  const { length } = element;
  const head = length < 64 ? [length] : length < 16384 ? [0x40 | (length >> 8), length & 255] : [0x80, ...big(length, 4)];
  return [...head, ...bytesOf(element)];
}

export function ziplistOf(elements: readonly string[]): Uint8Array {
  const out: number[] = [];
  let previous = 0;
  let last = 10;
  for (const element of elements) {
    const bytes = [...(previous < 254 ? [previous] : [0xfe, ...little(BigInt(previous), 4)]), ...ziplistBody(element)];
    previous = bytes.length;
    last = 10 + out.length;
    for (const byte of bytes) out.push(byte);
  }
  const total = 10 + out.length + 1;
  return Uint8Array.from([...little(BigInt(total), 4), ...little(BigInt(last), 4), ...little(BigInt(elements.length), 2), ...out, 0xff]);
}

export function intsetOf(members: readonly string[]): Uint8Array {
  const values = members.map(BigInt);
  const width = values.every((value) => fits(value, 16n)) ? 2 : values.every((value) => fits(value, 32n)) ? 4 : 8;
  return Uint8Array.from([...little(BigInt(width), 4), ...little(BigInt(values.length), 4), ...values.flatMap((value) => little(value, width))]);
}

/** Fields and values by turns; each value has `spare` unused bytes behind it. */
export function zipmapOf(pairs: readonly string[], spare: number): Uint8Array {
  const out: number[] = [Math.min(pairs.length / 2, 254)];
  pairs.forEach((text, i) => {
    out.push(...(text.length < 254 ? [text.length] : [254, ...little(BigInt(text.length), 4)]));
    if (i % 2 === 1) out.push(spare);
    out.push(...bytesOf(text));
    if (i % 2 === 1) for (let n = 0; n < spare; n++) out.push(0x77);
  });
  return Uint8Array.from([...out, 0xff]);
}
