/**
 * The digest of a data set, bit for bit that of Redis's DEBUG DIGEST: equal for equal data, whatever the order of keys,
 * the encodings, or the way by which the data came to be.
 *
 * Two operations on 20 bytes make it up: `xorInto` mixes what has no order (keys, members, fields), `mixInto` what has
 * one (a field and its value, the elements of a list). An expiry counts by its being there, not by its time.
 */
import { SHA1_BYTES, hexOf, sha1 } from '../shared/sha1.ts';
import { latin1Bytes } from '../shared/request.ts';
import { invariant } from '../shared/errors.ts';
import type { Keyspace } from './keyspace/keyspace.ts';
import type { Address } from './memory/arena.ts';
import { Bytes, EntryType, NO_EXPIRY } from './memory/entries.ts';
import type { ElementVisitor } from './types/collection.ts';
import type { Types } from './types/types.ts';

/** Redis's numbers of its object types, by EntryType. */
const REDIS_TYPE: Record<number, number> = {
  [EntryType.string]: 0, [EntryType.list]: 1, [EntryType.set]: 2, [EntryType.zset]: 3, [EntryType.hash]: 4, [EntryType.stream]: 6,
};
const EXPIRE_MARK = latin1Bytes('!!expire!!');
const FIELD_EXPIRE_MARK = latin1Bytes('!!hexpire!!');
const SCAN_KEYS = 256;

const DASH = 45;
const DOT = 46;

const hash = new Uint8Array(SHA1_BYTES);
const word = new Uint8Array(4);

/** digest ^= SHA1(bytes). */
function xorInto(digest: Uint8Array, buf: Uint8Array, off: number, len: number): void {
  sha1(buf, off, len, hash, 0);
  for (let i = 0; i < SHA1_BYTES; i++) digest[i]! ^= hash[i]!;
}

/** digest = SHA1(digest ^ SHA1(bytes)). */
function mixInto(digest: Uint8Array, buf: Uint8Array, off: number, len: number): void {
  xorInto(digest, buf, off, len);
  sha1(digest, 0, SHA1_BYTES, digest, 0);
}

function mixNumber(digest: Uint8Array, value: number): void {
  for (let i = 0; i < 4; i++) word[i] = value >>> (24 - 8 * i);
  mixInto(digest, word, 0, 4);
}

/** Mixes the elements of one collection into the digest of its key. */
class ElementMixer implements ElementVisitor {
  readonly #digest: Uint8Array;
  readonly #type: number;
  readonly #one = new Uint8Array(SHA1_BYTES);
  #ends = false;

  constructor(digest: Uint8Array, type: number) {
    this.#digest = digest;
    this.#type = type;
  }

  element(buf: Uint8Array, off: number, len: number): void {
    if (this.#type === EntryType.set) xorInto(this.#digest, buf, off, len);
    else if (this.#type === EntryType.list) mixInto(this.#digest, buf, off, len);
    else {
      // Redis writes the ids of a stream with a dot here.
      const id = buf.slice(off, off + len);
      id[id.indexOf(DASH)] = DOT;
      mixInto(this.#digest, id, 0, len);
    }
  }

  field(buf: Uint8Array, off: number, len: number, valueBuf: Uint8Array, valueOff: number, valueLen: number): void {
    const isHash = this.#type === EntryType.hash;
    const into = isHash ? this.#one.fill(0) : this.#digest;
    mixInto(into, buf, off, len);
    mixInto(into, valueBuf, valueOff, valueLen);
    if (this.#ends) xorInto(into, FIELD_EXPIRE_MARK, 0, FIELD_EXPIRE_MARK.length);
    this.#ends = false;
    if (isHash) xorInto(this.#digest, into, 0, SHA1_BYTES);
  }

  fieldEnds(): void {
    this.#ends = true;
  }

  scored(buf: Uint8Array, off: number, len: number, score: number): void {
    const into = this.#one.fill(0);
    mixInto(into, buf, off, len);
    const text = latin1Bytes(formatSeventeen(score));
    mixInto(into, text, 0, text.length);
    xorInto(this.#digest, into, 0, SHA1_BYTES);
  }
}

/** A double as C's "%.17g" prints it. */
export function formatSeventeen(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'nan' : value > 0 ? 'inf' : '-inf';
  if (value === 0) return Object.is(value, -0) ? '-0' : '0';
  const sign = value < 0 ? '-' : '';
  const [mantissa, exponentText] = Math.abs(value).toExponential(16).split('e') as [string, string];
  let digits = mantissa.replace('.', '');
  // Of two equally near decimals JavaScript takes the upper, C the even one.
  const exact = Math.abs(value).toExponential(60).split('e')[0]!.replace('.', '');
  if (/^50*$/.test(exact.slice(17))) {
    const low = exact.slice(0, 17);
    if (Number(low[16]) % 2 === 0) digits = low;
  }
  const exponent = Number(exponentText);
  const significant = digits.replace(/0+$/, '');
  if (exponent < -4 || exponent >= 17) {
    const fraction = significant.length > 1 ? `.${significant.slice(1)}` : '';
    return `${sign}${significant[0]!}${fraction}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`;
  }
  if (exponent < 0) return `${sign}0.${'0'.repeat(-exponent - 1)}${significant}`;
  const whole = digits.slice(0, exponent + 1);
  const fraction = significant.slice(exponent + 1);
  return fraction === '' ? sign + whole : `${sign}${whole}.${fraction}`;
}

const bytes = new Bytes();

/** Mixes the value at `ref`, its type and whether it has an expiry into a digest. */
function mixValue(keyspace: Keyspace, types: Types, ref: Address, digest: Uint8Array): void {
  const { entries } = keyspace;
  const type = entries.type(ref);
  mixNumber(digest, REDIS_TYPE[type]!);
  if (type === EntryType.string) {
    entries.value(ref, bytes);
    mixInto(digest, bytes.buf, bytes.off, bytes.len);
  } else {
    const collection = types.collection(type);
    invariant(collection !== null, `digest: nobody handles values of type ${type}`);
    collection.visit(ref, new ElementMixer(digest, type));
  }
  if (entries.expireAtMs(ref) !== NO_EXPIRY) xorInto(digest, EXPIRE_MARK, 0, EXPIRE_MARK.length);
}

/** DEBUG DIGEST-VALUE of the value at `ref`, or of a missing one (0), in hexadecimal. */
export function valueDigest(keyspace: Keyspace, types: Types, ref: Address): string {
  const digest = new Uint8Array(SHA1_BYTES);
  if (ref !== 0) mixValue(keyspace, types, ref, digest);
  return hexOf(digest);
}

/**
 * DEBUG DIGEST of all databases, logically expired keys included, in hexadecimal. Takes time in proportion to the data
 * and changes nothing.
 */
export function datasetDigest(keyspace: Keyspace, types: Types): string {
  const total = new Uint8Array(SHA1_BYTES);
  const one = new Uint8Array(SHA1_BYTES);
  const refs: Address[] = [];
  for (const db of keyspace.databases) {
    if (db.size === 0) continue;
    mixNumber(total, db.number);
    let cursor = 0;
    do {
      refs.length = 0;
      cursor = db.scan(cursor, SCAN_KEYS, refs);
      for (const ref of refs) {
        one.fill(0);
        keyspace.entries.key(ref, bytes);
        mixInto(one, bytes.buf, bytes.off, bytes.len);
        mixValue(keyspace, types, ref, one);
        xorInto(total, one, 0, SHA1_BYTES);
      }
    } while (cursor !== 0);
  }
  return hexOf(total);
}
