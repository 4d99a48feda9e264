/**
 * Which clients may have which keys in their caches.
 *
 * Lies in typed arrays, off the JS heap: a million keys cost the garbage collector nothing. Divided by hash into shards that
 * grow each by itself, so that no single step takes long. Knows nothing of connections: a client is its number, and one that
 * is gone stays in the table until the key changes or is given up.
 */
import { invariant } from '../../shared/errors.ts';
import { hashBytes } from '../../shared/hash.ts';
import { latin1Slice } from '../../shared/request.ts';

const SHARDS = 256;
/** A shard is the upper byte of the hash; buckets are its lower bits. */
const SHARD_SHIFT = 24;
const CAPACITY_MIN = 16;
const KEY_BYTES_MIN = 512;
/** Ends a chain. */
const NONE = -1;

function grown(array: Int32Array, capacity: number): Int32Array {
  const out = new Int32Array(capacity);
  out.set(array);
  return out;
}

/** Keys, each with a chain of items; an item is one client that may have the key. */
class Shard {
  keys = 0;
  items = 0;
  // Keys by number. A number that is free has the length NONE, and `next` leads to the next free one.
  #hash: Int32Array = new Int32Array(CAPACITY_MIN);
  #offset: Int32Array = new Int32Array(CAPACITY_MIN);
  #length: Int32Array = new Int32Array(CAPACITY_MIN).fill(NONE);
  #firstItem: Int32Array = new Int32Array(CAPACITY_MIN);
  #next: Int32Array = new Int32Array(CAPACITY_MIN);
  #buckets: Int32Array = new Int32Array(CAPACITY_MIN).fill(NONE);
  #free = NONE;
  /** Key numbers from here on were never used. */
  #used = 0;
  // Items by number. `itemNext` leads through those of a key, or of the free ones; `itemChain` through those of a bucket.
  #itemClient: Float64Array = new Float64Array(CAPACITY_MIN);
  #itemKey: Int32Array = new Int32Array(CAPACITY_MIN);
  #itemNext: Int32Array = new Int32Array(CAPACITY_MIN);
  #itemChain: Int32Array = new Int32Array(CAPACITY_MIN);
  #itemBuckets: Int32Array = new Int32Array(CAPACITY_MIN).fill(NONE);
  #itemFree = NONE;
  #itemsUsed = 0;
  // The keys' bytes, one behind the other, with holes where keys went.
  #bytes: Uint8Array = new Uint8Array(KEY_BYTES_MIN);
  #bytesEnd = 0;
  #bytesLive = 0;

  get memoryBytes(): number {
    return this.#hash.byteLength * 6 + this.#itemClient.byteLength + this.#itemKey.byteLength * 4 + this.#bytes.length;
  }

  /** The number of a key, or NONE. */
  find(hash: number, buf: Uint8Array, off: number, len: number): number {
    let key = this.#buckets[hash & (this.#buckets.length - 1)]!;
    while (key !== NONE && !(this.#hash[key] === hash && this.#length[key] === len && this.#equals(key, buf, off, len))) key = this.#next[key]!;
    return key;
  }

  #equals(key: number, buf: Uint8Array, off: number, len: number): boolean {
    const at = this.#offset[key]!;
    for (let i = 0; i < len; i++) if (this.#bytes[at + i] !== buf[off + i]) return false;
    return true;
  }

  addKey(hash: number, buf: Uint8Array, off: number, len: number): number {
    let key = this.#free;
    if (key !== NONE) this.#free = this.#next[key]!;
    else {
      if (this.#used === this.#hash.length) this.#growKeys();
      key = this.#used++;
    }
    this.#reserveBytes(len);
    this.#bytes.set(buf.subarray(off, off + len), this.#bytesEnd);
    this.#offset[key] = this.#bytesEnd;
    this.#bytesEnd += len;
    this.#bytesLive += len;
    this.#hash[key] = hash;
    this.#length[key] = len;
    this.#firstItem[key] = NONE;
    const bucket = hash & (this.#buckets.length - 1);
    this.#next[key] = this.#buckets[bucket]!;
    this.#buckets[bucket] = key;
    this.keys++;
    return key;
  }

  /** Notes that `client` may have the key; whether that is new. */
  addItem(key: number, client: number): boolean {
    let bucket = this.#itemBucket(key, client);
    for (let item = this.#itemBuckets[bucket]!; item !== NONE; item = this.#itemChain[item]!) {
      if (this.#itemKey[item] === key && this.#itemClient[item] === client) return false;
    }
    let item = this.#itemFree;
    if (item !== NONE) this.#itemFree = this.#itemNext[item]!;
    else {
      if (this.#itemsUsed === this.#itemClient.length) {
        this.#growItems();
        bucket = this.#itemBucket(key, client);
      }
      item = this.#itemsUsed++;
    }
    this.#itemClient[item] = client;
    this.#itemKey[item] = key;
    this.#itemNext[item] = this.#firstItem[key]!;
    this.#firstItem[key] = item;
    this.#itemChain[item] = this.#itemBuckets[bucket]!;
    this.#itemBuckets[bucket] = item;
    this.items++;
    return true;
  }

  /** Takes a key out; its clients are appended to `out`. */
  remove(key: number, out: number[]): void {
    for (let item = this.#firstItem[key]!; item !== NONE;) {
      const next = this.#itemNext[item]!;
      out.push(this.#itemClient[item]!);
      this.#unchain(item);
      this.#itemNext[item] = this.#itemFree;
      this.#itemFree = item;
      this.items--;
      item = next;
    }
    const bucket = this.#hash[key]! & (this.#buckets.length - 1);
    if (this.#buckets[bucket] === key) this.#buckets[bucket] = this.#next[key]!;
    else {
      let before = this.#buckets[bucket]!;
      while (this.#next[before] !== key) before = this.#next[before]!;
      this.#next[before] = this.#next[key]!;
    }
    this.#bytesLive -= this.#length[key]!;
    this.#length[key] = NONE;
    this.#next[key] = this.#free;
    this.#free = key;
    this.keys--;
  }

  /** The first key at or behind number `from`, or NONE. */
  keyFrom(from: number): number {
    for (let key = from; key < this.#used; key++) if (this.#length[key] !== NONE) return key;
    return NONE;
  }

  name(key: number): string {
    return latin1Slice(this.#bytes, this.#offset[key]!, this.#offset[key]! + this.#length[key]!);
  }

  #itemBucket(key: number, client: number): number {
    return ((Math.imul(key, 0x9e3779b1) ^ Math.imul(client | 0, 0x85ebca6b)) >>> 7) & (this.#itemBuckets.length - 1);
  }

  #unchain(item: number): void {
    const bucket = this.#itemBucket(this.#itemKey[item]!, this.#itemClient[item]!);
    if (this.#itemBuckets[bucket] === item) {
      this.#itemBuckets[bucket] = this.#itemChain[item]!;
      return;
    }
    let before = this.#itemBuckets[bucket]!;
    while (this.#itemChain[before] !== item) before = this.#itemChain[before]!;
    this.#itemChain[before] = this.#itemChain[item]!;
  }

  /** Only when all numbers are in use. */
  #growKeys(): void {
    const capacity = this.#hash.length * 2;
    this.#hash = grown(this.#hash, capacity);
    this.#offset = grown(this.#offset, capacity);
    this.#length = grown(this.#length, capacity).fill(NONE, this.#used);
    this.#firstItem = grown(this.#firstItem, capacity);
    this.#next = grown(this.#next, capacity);
    this.#buckets = new Int32Array(capacity).fill(NONE);
    for (let key = 0; key < this.#used; key++) {
      if (this.#length[key] === NONE) continue;
      const bucket = this.#hash[key]! & (capacity - 1);
      this.#next[key] = this.#buckets[bucket]!;
      this.#buckets[bucket] = key;
    }
  }

  /** Only when all numbers are in use. */
  #growItems(): void {
    const capacity = this.#itemClient.length * 2;
    const clients = new Float64Array(capacity);
    clients.set(this.#itemClient);
    this.#itemClient = clients;
    this.#itemKey = grown(this.#itemKey, capacity);
    this.#itemNext = grown(this.#itemNext, capacity);
    this.#itemChain = grown(this.#itemChain, capacity);
    this.#itemBuckets = new Int32Array(capacity).fill(NONE);
    for (let item = 0; item < this.#itemsUsed; item++) {
      const bucket = this.#itemBucket(this.#itemKey[item]!, this.#itemClient[item]!);
      this.#itemChain[item] = this.#itemBuckets[bucket]!;
      this.#itemBuckets[bucket] = item;
    }
  }

  #reserveBytes(len: number): void {
    if (this.#bytesEnd + len <= this.#bytes.length) return;
    let capacity = this.#bytes.length;
    while (capacity < 2 * (this.#bytesLive + len)) capacity *= 2;
    const bytes = new Uint8Array(capacity);
    let at = 0;
    for (let key = 0; key < this.#used; key++) {
      const length = this.#length[key]!;
      if (length <= 0) continue;
      // A key that is just being added has a length of its own only when its bytes are in.
      bytes.set(this.#bytes.subarray(this.#offset[key]!, this.#offset[key]! + length), at);
      this.#offset[key] = at;
      at += length;
    }
    this.#bytes = bytes;
    this.#bytesEnd = at;
  }
}

export class TrackingTable {
  /** Keys in the table, and clients over all of them. */
  keys = 0;
  items = 0;
  readonly #seed: number;
  #shards: (Shard | null)[] = new Array<Shard | null>(SHARDS).fill(null);
  /** Where `evict` goes on: a shard, and a key in it. */
  #handShard = 0;
  #handKey = 0;

  /** @param seed of the hash, so that nobody can choose keys that collide */
  constructor(seed: number) {
    this.#seed = seed;
  }

  /** `client` has read the key and may keep what it got. */
  add(buf: Uint8Array, off: number, len: number, client: number): void {
    const hash = hashBytes(buf, off, len, this.#seed);
    const shard = (this.#shards[hash >>> SHARD_SHIFT] ??= new Shard());
    let key = shard.find(hash, buf, off, len);
    if (key === NONE) {
      key = shard.addKey(hash, buf, off, len);
      this.keys++;
    }
    if (shard.addItem(key, client)) this.items++;
  }

  /** Takes the key out; its clients are appended to `out`. Whether it was there. */
  take(buf: Uint8Array, off: number, len: number, out: number[]): boolean {
    const hash = hashBytes(buf, off, len, this.#seed);
    const shard = this.#shards[hash >>> SHARD_SHIFT]!;
    const key = shard === null ? NONE : shard.find(hash, buf, off, len);
    if (key === NONE) return false;
    this.#remove(shard, key, out);
    return true;
  }

  /** Takes some key out of a table that is not empty; its clients are appended to `out`. Each key gets its turn. @returns its name */
  evict(out: number[]): string {
    invariant(this.keys > 0, 'tracking table: nothing to give up');
    for (;;) {
      const shard = this.#shards[this.#handShard]!;
      const key = shard === null ? NONE : shard.keyFrom(this.#handKey);
      if (key !== NONE) {
        const name = shard.name(key);
        this.#handKey = key + 1;
        this.#remove(shard, key, out);
        return name;
      }
      this.#handShard = (this.#handShard + 1) % SHARDS;
      this.#handKey = 0;
    }
  }

  clear(): void {
    if (this.keys === 0) return;
    this.#shards = new Array<Shard | null>(SHARDS).fill(null);
    this.keys = this.items = 0;
  }

  get memoryBytes(): number {
    return this.#shards.reduce((sum, shard) => sum + (shard?.memoryBytes ?? 0), 0);
  }

  #remove(shard: Shard, key: number, out: number[]): void {
    const before = out.length;
    shard.remove(key, out);
    this.items -= out.length - before;
    this.keys--;
  }
}
