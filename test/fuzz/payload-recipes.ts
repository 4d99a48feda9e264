/**
 * Values in every RDB form there is, from a seed: made as redis-server would have written them, or with something spoilt where only a
 * decoder that trusts nothing finds it: a length, an element within a packed form that is otherwise whole, or any byte.
 */
import { Crc64 } from '../../src/shared/rdb/crc64.ts';
import { ListpackWriter } from '../../src/shared/rdb/listpack.ts';
import { RdbType } from '../../src/shared/rdb/rdb-types.ts';
import { RdbWriter } from '../../src/shared/rdb/rdb-writer.ts';
import { latin1Bytes, latin1Slice } from '../../src/shared/request.ts';
import type { SeededRandom } from '../protocol/seeded-random.ts';
import { intsetOf, ziplistOf, zipmapOf } from '../shared/rdb/old-forms.ts';

/** A part of a value, written as a whole. */
type Part =
  | { readonly length: number | bigint }
  | { readonly text: string }
  | { readonly int64: number }
  | { readonly double: number }
  | { readonly raw: string }
  | { readonly packed: 'listpack' | 'ziplist' | 'zipmap' | 'intset'; readonly elements: readonly string[] };

interface Recipe {
  /** The prefix of the keys that commands take for values of this kind: `KINDS` of the generated commands. */
  readonly kind: string;
  readonly type: number;
  readonly parts: readonly Part[];
}

export interface Payload {
  readonly kind: string;
  readonly type: number;
  /** As RESTORE takes it, latin1. */
  readonly bytes: string;
}

const EDGE_NUMBERS: readonly (number | bigint)[] = [
  0, 1, 2, 63, 64, 127, 128, 255, 256, 16383, 16384, 65535, 65536, 2 ** 20, 2 ** 24, 2 ** 28, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 40, 2 ** 53 - 1,
  2n ** 53n, 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 1n,
];
const EDGE_ELEMENTS = [
  '', '0', '-1', '1', '127', '128', '-4096', '4096', '32768', '-32769', '8388608', '-8388609', '2147483648', '-2147483649', '9007199254740993',
  '9223372036854775807', '-9223372036854775808', '18446744073709551615', 'a', 'm:1', 'nan', 'inf', '-inf', '-0', '1e400', '1.5', 'x'.repeat(63), 'x'.repeat(64), 'y'.repeat(65),
  'z'.repeat(253), 'z'.repeat(254), 'w'.repeat(4095), 'w'.repeat(4096), '\0\xff\r\n',
];
const EDGE_BYTES = [0, 1, 2, 3, 0x3f, 0x40, 0x7f, 0x80, 0x81, 0xc0, 0xc1, 0xc2, 0xc3, 0xc4, 0xf0, 0xf1, 0xf4, 0xfd, 0xfe, 0xff];
const EDGE_TIMES = [0, 1, -1, 1_600_000_000_000, 4_000_000_000_000, 2 ** 53 - 1, 2 ** 53, -(2 ** 62), 2 ** 62];
const EDGE_DOUBLES = [0, -0, 1, -1.5, 5e-324, 1.7976931348623157e308, Infinity, -Infinity, NaN, 2 ** 53, 0.1];
const STREAM_MS_MAX = 30;

function many<T>(count: number, make: (i: number) => T): T[] {
  return Array.from({ length: count }, (_, i) => make(i));
}

/** Names as the generated commands use them, and some at edges. */
function names(random: SeededRandom): string[] {
  const size = random.pick([1, 2, 3, 8, 20, 150]);
  return [...new Set(many(size, (i) => (random.below(3) > 0 ? random.pick(['m:', '']) + String(i) : random.pick(EDGE_ELEMENTS))))];
}

function integers(random: SeededRandom): string[] {
  return [...new Set(many(random.pick([1, 3, 20, 150]), () => BigInt.asIntN(64, BigInt(random.below(2 ** 31)) << BigInt(random.below(40)))))]
    .sort((a, b) => (a < b ? -1 : 1)).map(String);
}

const text = (element: string): Part => ({ text: element });
const length = (value: number | bigint): Part => ({ length: value });
const packed = (form: 'listpack' | 'ziplist' | 'zipmap' | 'intset', elements: readonly string[]): Part => ({ packed: form, elements });

// ---- Streams ----

function rawId(ms: number, seq: number): string {
  const id = new DataView(new ArrayBuffer(16));
  id.setUint32(4, ms);
  id.setUint32(12, seq);
  return latin1Slice(new Uint8Array(id.buffer), 0, 16);
}

interface Id {
  readonly ms: number;
  readonly seq: number;
}

/** A node of these entries, the first of which is its master entry. */
function streamNode(random: SeededRandom, ids: readonly Id[]): string[] {
  const first = ids[0]!;
  const fields = ['name', 'size'].slice(0, 1 + random.below(2));
  const entries: string[] = [];
  let deleted = 0;
  ids.forEach(({ ms, seq }, i) => {
    const isDeleted = i > 0 && random.below(6) === 0;
    if (isDeleted) deleted++;
    const isSame = random.below(3) > 0;
    const pairs = isSame ? fields.map((_, at) => `v${at}`) : ['other', random.pick(EDGE_ELEMENTS)];
    const flags = (isDeleted ? 1 : 0) | (isSame ? 2 : 0);
    const body = [String(flags), String(ms - first.ms), String(seq - first.seq), ...(isSame ? [] : [String(pairs.length / 2)]), ...pairs];
    entries.push(...body, String(isSame ? fields.length + 3 : pairs.length + 4));
  });
  return [String(ids.length - deleted), String(deleted), String(fields.length), ...fields, '0', ...entries];
}

function stream(random: SeededRandom, type: number): Recipe {
  const ids: Id[] = [];
  for (let n = random.pick([0, 1, 3, 10, 30]), ms = 0, seq = 1; n > 0; n--) {
    if (random.below(2) === 0) seq++;
    else {
      ms += 1 + random.below(3);
      seq = random.below(3);
    }
    ids.push({ ms, seq });
  }
  const nodes: string[][] = [];
  const parts: Part[] = [];
  for (let at = 0; at < ids.length;) {
    const size = 1 + random.below(8);
    const node = streamNode(random, ids.slice(at, at + size));
    nodes.push(node);
    parts.push(text(rawId(ids[at]!.ms, ids[at]!.seq)), packed('listpack', node));
    at += size;
  }
  parts.unshift(length(nodes.length));
  const live = nodes.reduce((sum, node) => sum + Number(node[0]), 0);
  const last = ids.at(-1) ?? { ms: 0, seq: 0 };
  const first = ids[0] ?? { ms: 0, seq: 0 };
  parts.push(length(live), length(last.ms), length(last.seq));
  if (type !== RdbType.stream) parts.push(length(first.ms), length(first.seq), length(0), length(0), length(live + random.below(3)));
  const groups = ['g1', 'g2', ''].slice(0, random.below(4));
  parts.push(length(groups.length));
  for (const group of groups) {
    parts.push(text(group), length(last.ms), length(last.seq));
    if (type !== RdbType.stream) parts.push(length(random.pick([0, live, 2n ** 64n - 1n])));
    const pending = ids.filter(() => random.below(3) === 0);
    // What is pending need not be there any more.
    if (random.below(3) === 0) pending.push({ ms: STREAM_MS_MAX * 4, seq: 0 });
    parts.push(length(pending.length));
    for (const { ms, seq } of pending) parts.push({ raw: rawId(ms, seq) }, { int64: 1_600_000_000_000 }, length(1 + random.below(3)));
    const consumers = ['alice', 'bob'].slice(0, pending.length > 0 ? 1 + random.below(2) : random.below(3));
    parts.push(length(consumers.length));
    consumers.forEach((consumer, i) => {
      parts.push(text(consumer), { int64: 1_600_000_000_000 });
      if (type === RdbType.stream3) parts.push({ int64: 1_600_000_000_001 });
      const own = pending.filter((_, n) => n % consumers.length === i);
      parts.push(length(own.length), ...own.map(({ ms, seq }): Part => ({ raw: rawId(ms, seq) })));
    });
  }
  return { kind: 'stream', type, parts };
}

// ---- All types ----

const hllBytes = (random: SeededRandom): string => `HYLL${String.fromCharCode(random.below(2), 0, 0, 0)}${'\0'.repeat(7)}\x80${many(random.pick([2, 10, 3000, 12288]), () => String.fromCharCode(random.pick([...EDGE_BYTES, random.below(256)]))).join('')}`;

type Cook = (random: SeededRandom) => Recipe;

function collection(kind: string, type: number, parts: (random: SeededRandom) => Part[]): Cook {
  return (random) => ({ kind, type, parts: parts(random) });
}

const pairsOf = (random: SeededRandom): string[] => names(random).flatMap((name) => [name, random.pick(EDGE_ELEMENTS)]);
const scoresOf = (random: SeededRandom): string[] => names(random).flatMap((name) => [name, random.pick(['0', '1', '-1.5', 'inf', '-inf', '1e300', '52'])]);
const timedOf = (random: SeededRandom): string[] => names(random).flatMap((name) => [name, random.pick(EDGE_ELEMENTS), random.pick(['0', '0', '4000000000000', '1600000000000', '70368744177663'])]);

const COOKS: readonly Cook[] = [
  collection('str', RdbType.string, (random) => [text(random.pick(EDGE_ELEMENTS))]),
  collection('hll', RdbType.string, (random) => [text(hllBytes(random))]),
  collection('list', RdbType.list, (random) => { const all = names(random); return [length(all.length), ...all.map(text)]; }),
  collection('list', RdbType.listZiplist, (random) => [packed('ziplist', names(random))]),
  collection('list', RdbType.listQuicklist, (random) => [length(2), packed('ziplist', names(random)), packed('ziplist', names(random))]),
  collection('list', RdbType.listQuicklist2, (random) => [length(3), length(2), packed('listpack', names(random)), length(1), text('plain'), length(2), packed('listpack', names(random))]),
  collection('set', RdbType.set, (random) => { const all = names(random); return [length(all.length), ...all.map(text)]; }),
  collection('set', RdbType.setIntset, (random) => [packed('intset', integers(random))]),
  collection('set', RdbType.setListpack, (random) => [packed('listpack', names(random))]),
  collection('hash', RdbType.hash, (random) => { const all = pairsOf(random); return [length(all.length / 2), ...all.map(text)]; }),
  collection('hash', RdbType.hashZipmap, (random) => [packed('zipmap', pairsOf(random))]),
  collection('hash', RdbType.hashZiplist, (random) => [packed('ziplist', pairsOf(random))]),
  collection('hash', RdbType.hashListpack, (random) => [packed('listpack', pairsOf(random))]),
  ...[RdbType.hashMetadata, RdbType.hashMetadataPreGa].map((type) => collection('hash', type, (random) => {
    const all = names(random);
    const times = all.map(() => random.pick([0, 0, 1, 500, 4_000_000_000_000]));
    const head: Part[] = type === RdbType.hashMetadata ? [{ int64: random.pick([4_000_000_000_000, 1_600_000_000_000]) }] : [];
    return [...head, length(all.length), ...all.flatMap((name, i): Part[] => [length(times[i]!), text(name), text(random.pick(EDGE_ELEMENTS))])];
  })),
  collection('hash', RdbType.hashListpackEx, (random) => [{ int64: 4_000_000_000_000 }, packed('listpack', timedOf(random))]),
  collection('hash', RdbType.hashListpackExPreGa, (random) => [packed('listpack', timedOf(random))]),
  collection('zset', RdbType.zset, (random) => { const all = names(random); return [length(all.length), ...all.flatMap((name): Part[] => [text(name), { raw: random.pick(['\x011', '\x03-.5', '\xfe', '\xff']) }])]; }),
  collection('zset', RdbType.zset2, (random) => { const all = names(random); return [length(all.length), ...all.flatMap((name): Part[] => [text(name), { double: random.pick(EDGE_DOUBLES.slice(0, 8)) }])]; }),
  collection('zset', RdbType.zsetZiplist, (random) => [packed('ziplist', scoresOf(random))]),
  collection('zset', RdbType.zsetListpack, (random) => [packed('listpack', scoresOf(random))]),
  collection('geo', RdbType.zsetListpack, (random) => [packed('listpack', names(random).flatMap((name) => [name, String(random.pick([0, 3_479_099_956_230_698, 2 ** 52 - 1, -1, 2 ** 53, random.below(2 ** 31) * 2 ** 20]))]))]),
  ...[RdbType.stream, RdbType.stream2, RdbType.stream3].flatMap((type) => many(3, () => (random: SeededRandom) => stream(random, type))),
];

// ---- Spoiling ----

function spoilElements(random: SeededRandom, elements: readonly string[]): string[] {
  const out = [...elements];
  const at = random.below(out.length);
  switch (random.below(5)) {
    case 0: out.splice(at, 1); break;
    case 1: out.splice(at, 0, out[at] ?? ''); break;
    case 2: out.splice(at, 0, random.pick(EDGE_ELEMENTS)); break;
    case 3: out[at] = out[random.below(out.length)] ?? ''; break;
    default: out[at] = random.pick(EDGE_ELEMENTS);
  }
  return out;
}

function spoilPart(random: SeededRandom, part: Part): Part {
  if ('length' in part) {
    if (random.below(2) === 0 && typeof part.length === 'number') return length(Math.min(Math.max(0, part.length + random.pick([-1, 1, 2])), Number.MAX_SAFE_INTEGER));
    return length(random.pick(EDGE_NUMBERS));
  }
  if ('int64' in part) return { int64: random.pick(EDGE_TIMES) };
  if ('double' in part) return { double: random.pick(EDGE_DOUBLES) };
  if ('raw' in part) return { raw: spoilBytes(random, part.raw) };
  if ('text' in part) return text(random.below(2) === 0 ? spoilBytes(random, part.text) : random.pick(EDGE_ELEMENTS));
  if (part.packed === 'intset') return packed('intset', random.below(2) === 0 ? [...part.elements].reverse() : spoilElements(random, part.elements).filter((element) => /^-?\d{1,18}$/.test(element)));
  return { ...part, elements: spoilElements(random, part.elements) };
}

function spoilRecipe(random: SeededRandom, { kind, type, parts }: Recipe): Recipe {
  const out = [...parts];
  for (let n = random.pick([1, 1, 1, 2, 4]); n > 0 && out.length > 0; n--) {
    const at = random.below(out.length);
    switch (random.below(8)) {
      case 0: out.splice(at, 1); break;
      case 1: out.splice(at, 0, out[random.below(out.length)]!); break;
      case 2: out[at] = out[random.below(out.length)]!; break;
      default: out[at] = spoilPart(random, out[at]!);
    }
  }
  return { kind, type, parts: out };
}

/** Changes bytes: single ones, runs, a length of any size put in, or all behind a place cut off. */
export function spoilBytes(random: SeededRandom, bytes: string): string {
  let out = bytes;
  for (let n = random.pick([1, 1, 2, 5]); n > 0; n--) {
    const at = random.below(out.length + 1);
    const end = at + random.below(random.pick([1, 2, 9, 40]));
    const put = random.pick([
      '', String.fromCharCode(random.pick(EDGE_BYTES)), String.fromCharCode(random.below(256)), out.slice(end, end + random.below(20)), lengthBytes(random.pick(EDGE_NUMBERS)),
    ]);
    out = random.below(12) === 0 ? out.slice(0, at) : out.slice(0, at) + put + out.slice(random.below(2) === 0 ? at + put.length : end);
  }
  return out;
}

function lengthBytes(value: number | bigint): string {
  const writer = new RdbWriter();
  writeLength(writer, value);
  const bytes = writer.take();
  return latin1Slice(bytes, 0, bytes.length);
}

function writeLength(writer: RdbWriter, value: number | bigint): void {
  if (typeof value === 'number') writer.length(value);
  else writer.lengthWords(Number(value >> 32n) | 0, Number(value & 0xffffffffn) | 0);
}

// ---- Bytes ----

function packedBytes(form: string, elements: readonly string[]): Uint8Array {
  if (form === 'ziplist') return ziplistOf(elements);
  if (form === 'zipmap') return zipmapOf(elements, 0);
  if (form === 'intset') return intsetOf(elements);
  const writer = new ListpackWriter();
  writer.begin();
  for (const element of elements) writer.append(latin1Bytes(element), 0, element.length);
  writer.finish();
  return writer.buf.slice(0, writer.len);
}

function bytesOf({ type, parts }: Recipe, compress: boolean): string {
  const writer = new RdbWriter({ compress });
  writer.byte(type);
  for (const part of parts) {
    if ('length' in part) writeLength(writer, part.length);
    else if ('text' in part) writer.text(part.text);
    else if ('int64' in part) writer.int64(part.int64);
    else if ('double' in part) writer.double(part.double);
    else if ('raw' in part) writer.raw(latin1Bytes(part.raw), 0, part.raw.length);
    else {
      const bytes = packedBytes(part.packed, part.elements);
      writer.string(bytes, 0, bytes.length);
    }
  }
  const out = writer.take();
  return latin1Slice(out, 0, out.length);
}

/** A value's bytes with the right version and checksum behind. */
export function sealed(bytes: string, version = 10): string {
  const out = latin1Bytes(`${bytes}${String.fromCharCode(version & 255, version >> 8)}\0\0\0\0\0\0\0\0`);
  const crc = new Crc64();
  crc.update(out, 0, out.length - 8);
  crc.write(out, out.length - 8);
  return latin1Slice(out, 0, out.length);
}

/** A payload that redis-server could have made. */
export function wholePayload(random: SeededRandom): Payload {
  const recipe = random.pick(COOKS)(random);
  return { kind: recipe.kind, type: recipe.type, bytes: sealed(bytesOf(recipe, random.below(2) === 0)) };
}

/** A payload whose checksum is right and something else is not, or may not be. */
export function spoiltPayload(random: SeededRandom): Payload {
  const recipe = random.pick(COOKS)(random);
  const { kind, type } = recipe;
  const how = random.below(5);
  const bytes = bytesOf(how < 3 ? spoilRecipe(random, recipe) : recipe, random.below(3) === 0);
  return { kind, type, bytes: sealed(how < 2 ? bytes : how === 4 ? spoilBytes(random, bytes) : bytes.slice(0, 1) + spoilBytes(random, bytes.slice(1))) };
}
