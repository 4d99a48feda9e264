/**
 * Where the keys of a table's hash part stand: Lua 5.1's node vector (ltable.c), so that `next` visits keys in the order in which a
 * real server visits them. The nodes themselves are found by a Map; this file is about order alone, and about when a part is full.
 */
import type { LuaValue } from '../lua-engine.ts';
import { addressOf } from './addresses.ts';

/** As in shared/request.ts, which says why. */
const { charCodeAt } = String.prototype;

/** A key of the hash part with its value. Stays the same object as long as the key is in the table. */
export class Node {
  readonly key: Exclude<LuaValue, undefined>;
  value: LuaValue;
  /** In the layout, once there is one. */
  position = 0;
  /** The key's hash, before it is reduced to the vector's size; -1: not known yet. */
  hash = -1;

  constructor(key: Exclude<LuaValue, undefined>, value: LuaValue) {
    this.key = key;
    this.value = value;
  }
}

const scratch = new Float64Array(1);
const scratchWords = new Uint32Array(scratch.buffer);

/** luaS_newlstr's hash, as Redis has it: of all characters, however long the string is. */
function stringHash(text: string): number {
  let hash = text.length;
  for (let at = text.length - 1; at >= 0; at--) hash ^= (hash << 5) + (hash >>> 2) + charCodeAt.call(text, at);
  return hash >>> 0;
}

function numberHash(value: number): number {
  if (value === 0) return 0;
  scratch[0] = value;
  return (scratchWords[0]! + scratchWords[1]!) >>> 0;
}

function keyHash(key: Node['key']): number {
  if (typeof key === 'string') return stringHash(key);
  if (typeof key === 'number') return numberHash(key);
  return typeof key === 'boolean' ? Number(key) : addressOf(key);
}

/** The smallest power of two that is at least `count`. */
export function powerOfTwoFrom(count: number): number {
  return count <= 1 ? count : (1 << (32 - Math.clz32(count - 1))) >>> 0;
}

/** The node vector. */
export class Layout {
  readonly nodes: (Node | null)[];
  /** The position behind in the chain of keys with the same main position, or -1. */
  readonly #next: number[];
  /** Above it, no position is free. */
  #lastFree: number;

  constructor(size: number) {
    this.nodes = new Array<Node | null>(size).fill(null);
    this.#next = new Array<number>(size).fill(-1);
    this.#lastFree = size;
  }

  #mainPosition(node: Node): number {
    if (node.hash < 0) node.hash = keyHash(node.key);
    const { key, hash } = node;
    const last = this.nodes.length - 1;
    if (typeof key === 'string' || typeof key === 'boolean') return hash & last;
    return key === 0 ? 0 : hash % (last | 1);
  }

  #freePosition(): number {
    while (this.#lastFree > 0) {
      this.#lastFree--;
      if (this.nodes[this.#lastFree] === null) return this.#lastFree;
    }
    return -1;
  }

  /**
   * Finds a place for a new node. False: the vector is full, and the node has none.
   * @returns the dead node whose place it took, if it took one's
   */
  insert(node: Node): boolean | Node {
    const { nodes } = this;
    if (nodes.length === 0) return false;
    let position = this.#mainPosition(node);
    const there = nodes[position]!;
    if (there !== null && there.value !== undefined) {
      const free = this.#freePosition();
      if (free < 0) return false;
      const next = this.#next;
      let other = this.#mainPosition(there);
      if (other !== position) {
        // What stands here belongs elsewhere: it moves to the free place.
        while (next[other] !== position) other = next[other]!;
        next[other] = free;
        nodes[free] = there;
        there.position = free;
        next[free] = next[position]!;
        next[position] = -1;
      } else {
        next[free] = next[position]!;
        next[position] = free;
        position = free;
      }
      nodes[position] = node;
      node.position = position;
      return true;
    }
    nodes[position] = node;
    node.position = position;
    return there ?? true;
  }
}
