/**
 * A fast checksum of all data: equal for equal data, whatever the order of keys, the encodings, or the way by which the
 * data came to be. It finds mistakes and bit rot, not forgeries; DEBUG DIGEST (digest.ts) is Redis's, and ten times slower.
 */
import { hashBytes } from '../shared/hash.ts';
import type { Engine } from './engine.ts';
import type { Database } from './keyspace/database.ts';
import type { Address } from './memory/arena.ts';
import { Bytes, EntryType } from './memory/entries.ts';
import type { ElementVisitor } from './types/collection.ts';

const KEYS_IN_A_ROW = 256;

/** Mixes 32 bits into a running hash: one step of MurmurHash3 and its final mix. */
function mix(hash: number, value: number): number {
  let k = Math.imul(value, 0xcc9e2d51);
  k = Math.imul((k << 15) | (k >>> 17), 0x1b873593);
  let h = hash ^ k;
  h = (Math.imul((h << 13) | (h >>> 19), 5) + 0xe6546b64) | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  return h ^ (h >>> 13);
}

class ElementSums implements ElementVisitor {
  seed = 0;
  ordered = false;
  sum = 0;
  /** Of the field shown next; 0: it stays. */
  #endsAtMs = 0;
  readonly #double = new Float64Array(1);
  readonly #words = new Int32Array(this.#double.buffer);

  element(buf: Uint8Array, off: number, len: number): void {
    this.#add(hashBytes(buf, off, len, this.seed));
  }

  field(buf: Uint8Array, off: number, len: number, valueBuf: Uint8Array, valueOff: number, valueLen: number): void {
    const hash = hashBytes(valueBuf, valueOff, valueLen, hashBytes(buf, off, len, this.seed));
    this.#add(this.#endsAtMs === 0 ? hash : mix(mix(hash, this.#endsAtMs | 0), Math.floor(this.#endsAtMs / 4294967296)));
    this.#endsAtMs = 0;
  }

  fieldEnds(endsAtMs: number): void {
    this.#endsAtMs = endsAtMs;
  }

  scored(buf: Uint8Array, off: number, len: number, score: number): void {
    this.#double[0] = score === 0 ? 0 : score;
    this.#add(mix(mix(hashBytes(buf, off, len, this.seed), this.#words[0]!), this.#words[1]!));
  }

  #add(hash: number): void {
    this.sum = this.ordered ? mix(this.sum, hash) : (this.sum + mix(0, hash)) | 0;
  }
}

/** Checksum of all databases, logically expired keys included, of the libraries of functions and of users: 16 hex digits. */
export function contentChecksum(engine: Engine): string {
  const { keyspace, types } = engine;
  const { entries } = keyspace;
  const key = new Bytes();
  const value = new Bytes();
  const elements = new ElementSums();
  const keySum = (db: Database, ref: Address, seed: number): number => {
    entries.key(ref, key);
    const type = entries.type(ref);
    const expireAtMs = entries.expireAtMs(ref);
    let hash = mix(hashBytes(key.buf, key.off, key.len, seed + db.number), type);
    hash = mix(mix(hash, expireAtMs | 0), Math.floor(expireAtMs / 4294967296));
    if (type === EntryType.string) {
      entries.value(ref, value);
      return mix(hash, hashBytes(value.buf, value.off, value.len, seed));
    }
    elements.seed = seed;
    elements.ordered = type === EntryType.list || type === EntryType.stream;
    elements.sum = 0;
    types.collection(type)!.visit(ref, elements);
    return mix(hash, elements.sum);
  };
  let high = (engine.functions.checksum(0x9747b28c) + engine.users.checksum(0x9747b28c)) | 0;
  let low = (engine.functions.checksum(0x2545f491) + engine.users.checksum(0x2545f491)) | 0;
  const refs: Address[] = [];
  for (const db of keyspace.databases) {
    let cursor = 0;
    do {
      refs.length = 0;
      cursor = db.scan(cursor, KEYS_IN_A_ROW, refs);
      for (const ref of refs) {
        high = (high + keySum(db, ref, 0x9747b28c)) | 0;
        low = (low + keySum(db, ref, 0x2545f491)) | 0;
      }
    } while (cursor !== 0);
  }
  const hex = (word: number): string => (word >>> 0).toString(16).padStart(8, '0');
  return hex(high) + hex(low);
}
