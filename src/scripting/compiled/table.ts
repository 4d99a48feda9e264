/**
 * Lua tables: an array part and a hash part, of the sizes that Lua 5.1 gives them, so that `#` and `next` answer as a real server's.
 *
 * Keys of the hash part are found by a Map; their order (table-layout.ts) is worked out only when something needs it: most tables
 * are filled, read and dropped. All access here is raw: metamethods are the runtime's.
 */
import type { LuaTable, LuaValue } from '../lua-engine.ts';
import { runtimeError } from './positions.ts';
import { Layout, Node, powerOfTwoFrom } from './table-layout.ts';

/** Some element below the last one of the array part may be nil. */
const HOLES = 1;
/** Some node of the hash part may be nil. */
const DEAD = 2;
/** Some key of the hash part may be a number. */
const NUMBERS = 4;

const ARRAY_BITS_MAX = 26;
const UNBOUND_MAX = 2 ** 31 - 3;
/** What a table without an array part has in its place: never written, since nothing is in it. */
const NO_ARRAY: LuaValue[] = [undefined];

/** How many indexes there are of each power of two: of the rehash under way. */
const indexCounts = new Int32Array(ARRAY_BITS_MAX + 1);

function isIndex(value: LuaValue): value is number {
  return typeof value === 'number' && value > 0 && value <= 2 ** ARRAY_BITS_MAX && Math.trunc(value) === value;
}

function ceilLog2(value: number): number {
  return 32 - Math.clz32(value - 1);
}

export class Table implements LuaTable {
  /** The array part, from 1 on; ends with its last element that is not nil. */
  array: LuaValue[] = NO_ARRAY;
  /** How far the array part may reach: C's sizearray. */
  size = 0;
  map: Map<LuaValue, Node> | null = null;
  metatable: Table | null = null;
  readOnly = false;
  #state = 0;
  /** How many keys the hash part has room for: 0 or a power of two. */
  #hashSize = 0;
  /** As it was when the first key came. */
  #firstHashSize = 0;
  /** Null: the order of the map, replayed from `#firstHashSize` on, says it. */
  #layout: Layout | null = null;

  /** @param arraySize, hashSize how many elements are expected in each part */
  constructor(arraySize = 0, hashSize = 0) {
    if (arraySize > 0) {
      this.array = [undefined];
      this.size = arraySize;
    }
    if (hashSize > 0) this.#firstHashSize = this.#hashSize = powerOfTwoFrom(hashSize);
  }

  get luaType(): 'table' {
    return 'table';
  }

  get(key: LuaValue): LuaValue {
    if (typeof key === 'number') return this.getNumber(key);
    if (this.map === null) return undefined;
    const node = this.map.get(key);
    return node === undefined ? undefined : node.value;
  }

  getString(key: string): LuaValue {
    if (this.map === null) return undefined;
    const node = this.map.get(key);
    return node === undefined ? undefined : node.value;
  }

  getNumber(key: number): LuaValue {
    if (key > 0 && key < this.array.length && key >>> 0 === key) return this.array[key];
    if (this.map === null) return undefined;
    const node = this.map.get(key);
    return node === undefined ? undefined : node.value;
  }

  /** The key's node, if it has one. */
  node(key: string): Node | undefined {
    return this.map === null ? undefined : this.map.get(key);
  }

  set(key: LuaValue, value: LuaValue): void {
    if (this.readOnly) throw runtimeError('Attempt to modify a readonly table');
    this.put(key, value);
  }

  /** `set` of a table that is known not to be read-only. */
  put(key: LuaValue, value: LuaValue): void {
    if (typeof key === 'string') this.putString(key, value);
    else if (typeof key === 'number') this.putNumber(key, value);
    else if (key === undefined) throw runtimeError('table index is nil');
    else this.#putHash(key, value);
  }

  putString(key: string, value: LuaValue): void {
    const node = this.map === null ? undefined : this.map.get(key);
    if (node === undefined) this.#insert(key, value);
    else {
      node.value = value;
      if (value === undefined) this.#state |= DEAD;
    }
  }

  putNumber(key: number, value: LuaValue): void {
    const { array } = this;
    if (key > 0 && key <= this.size && key >>> 0 === key) {
      if (key < array.length) {
        array[key] = value;
        if (value === undefined) this.#cleared(key);
      } else if (value !== undefined) {
        if (key === array.length && array !== NO_ARRAY) array.push(value);
        else this.#extend(key, value);
      }
    } else if (key === this.size + 1 && key === array.length && this.map === null && this.#hashSize === 0) {
      // Full, without holes and without a hash part: growing finds nothing to move. As in C, a nil value makes room too.
      if ((this.#state & HOLES) !== 0) this.#putHash(key, value);
      else {
        this.size = powerOfTwoFrom(key);
        if (value !== undefined) this.#extend(key, value);
      }
    } else if (key !== key) throw runtimeError('table index is NaN');
    else this.#putHash(key, value);
  }

  /** Puts an element of the array part behind its last one. */
  #extend(key: number, value: LuaValue): void {
    if (this.array === NO_ARRAY) this.array = [undefined];
    const { array } = this;
    if (key > array.length) {
      this.#state |= HOLES;
      while (array.length < key) array.push(undefined);
    }
    array.push(value);
  }

  /** Keeps the array part's end after an element became nil. */
  #cleared(key: number): void {
    const { array } = this;
    if (key < array.length - 1) {
      this.#state |= HOLES;
      return;
    }
    do array.pop();
    while ((this.#state & HOLES) !== 0 && array.length > 1 && array[array.length - 1] === undefined);
    if (array.length === 1) this.#state &= ~HOLES;
  }

  #putHash(key: Node['key'], value: LuaValue): void {
    const node = this.map === null ? undefined : this.map.get(key);
    if (node === undefined) this.#insert(key, value);
    else {
      node.value = value;
      if (value === undefined) this.#state |= DEAD;
    }
  }

  /** A key that the hash part does not have. As in C, a nil value makes a key too. */
  #insert(key: Node['key'], value: LuaValue): void {
    if (this.#layout === null) {
      // A value that is nil makes no difference to where its own key stands, but to where those behind it do.
      if ((this.#state & DEAD) === 0 && this.#insertUnordered(key, value)) return;
      this.#order();
    }
    const node = new Node(key, value);
    const placed = this.#layout!.insert(node);
    if (placed === false) {
      this.#rehash(key);
      this.put(key, value);
      return;
    }
    this.map ??= new Map();
    if (placed !== true) this.map.delete(placed.key);
    this.map.set(key, node);
    if (typeof key === 'number') this.#state |= NUMBERS;
    if (value === undefined) this.#state |= DEAD;
  }

  /** `#insert` as long as no order is needed. False: one is. */
  #insertUnordered(key: Node['key'], value: LuaValue): boolean {
    const count = this.map === null ? 0 : this.map.size;
    if (count >= this.#hashSize) {
      if (typeof key === 'number' || (this.#state & (NUMBERS | HOLES)) !== 0) return false;
      // A rehash without numbers in the hash part leaves all keys there, and fits the array part to its length.
      this.size = powerOfTwoFrom(this.array.length - 1);
      this.#hashSize = powerOfTwoFrom(count + 1);
    }
    this.map ??= new Map();
    this.map.set(key, new Node(key, value));
    if (typeof key === 'number') this.#state |= NUMBERS;
    if (value === undefined) this.#state |= DEAD;
    return true;
  }

  /** Works out where the keys stand that came while nobody asked. */
  #order(): Layout {
    if (this.#layout !== null) return this.#layout;
    let layout = new Layout(this.#firstHashSize);
    if (this.map !== null) {
      // Values that became nil since the last key came were none when it came.
      const dead: Node[] = [];
      for (const node of this.map.values()) {
        if (node.value !== undefined) continue;
        node.value = false;
        dead.push(node);
      }
      let count = 0;
      for (const node of this.map.values()) {
        if (count === layout.nodes.length) {
          const old = layout.nodes;
          layout = new Layout(powerOfTwoFrom(count + 1));
          for (let at = old.length - 1; at >= 0; at--) layout.insert(old[at]!);
        }
        layout.insert(node);
        count++;
      }
      for (const node of dead) node.value = undefined;
    }
    // Room that is not used yet: the last key filled the vector's old size, or none came.
    this.#layout = layout;
    return layout;
  }

  /** Fits both parts to what is in them and to a new key. */
  #rehash(extra: Node['key']): void {
    const counts = indexCounts.fill(0);
    let used = 0;
    let indexes = 0;
    const { array } = this;
    for (let at = 1; at < array.length; at++) {
      if (array[at] === undefined) continue;
      counts[ceilLog2(at)]!++;
      used++;
      indexes++;
    }
    for (const { key, value } of this.map === null ? [] : this.map.values()) {
      if (value === undefined) continue;
      used++;
      if (!isIndex(key)) continue;
      counts[ceilLog2(key)]!++;
      indexes++;
    }
    used++;
    if (isIndex(extra)) {
      counts[ceilLog2(extra)]!++;
      indexes++;
    }
    let arraySize = 0;
    let inArray = 0;
    let below = 0;
    for (let bits = 0, power = 1; power / 2 < indexes && bits <= ARRAY_BITS_MAX; bits++, power *= 2) {
      below += counts[bits]!;
      if (counts[bits]! > 0 && below > power / 2) {
        arraySize = power;
        inArray = below;
      }
      if (below === indexes) break;
    }
    this.#resize(arraySize, used - inArray);
  }

  /** Takes an array as the array part of a new table. */
  adopt(size: number, array: LuaValue[]): void {
    this.size = size;
    this.array = array;
    for (let at = 1; at < array.length; at++) {
      if (array[at] === undefined) {
        this.#state |= HOLES;
        break;
      }
    }
    while (array.length > 1 && array[array.length - 1] === undefined) array.pop();
  }

  /** Makes room in the array part for a constructor's list: luaH_resizearray. */
  resizeArray(arraySize: number): void {
    if (this.map === null && this.#layout === null) {
      this.size = arraySize;
      return;
    }
    this.#order();
    this.#resize(arraySize, this.#layout!.nodes.length);
  }

  #resize(arraySize: number, hashSize: number): void {
    const old = this.#order().nodes;
    const { array } = this;
    const layout = new Layout(powerOfTwoFrom(hashSize));
    const vanishing = array.length - 1 > arraySize ? array.splice(arraySize + 1) : [];
    this.#layout = layout;
    this.#hashSize = layout.nodes.length;
    this.map = null;
    this.size = arraySize;
    this.#state &= ~(DEAD | NUMBERS);
    if (vanishing.length > 0 && (this.#state & HOLES) !== 0) {
      while (array.length > 1 && array[array.length - 1] === undefined) array.pop();
    }
    for (let at = 0; at < vanishing.length; at++) {
      if (vanishing[at] !== undefined) this.#place(new Node(arraySize + 1 + at, vanishing[at]));
    }
    for (let at = old.length - 1; at >= 0; at--) {
      const node = old[at]!;
      if (node !== null && node.value !== undefined) this.#place(node);
    }
  }

  /** Gives a node its place after a resize, which left enough room. */
  #place(node: Node): void {
    const { key, value } = node;
    if (isIndex(key) && key <= this.size) {
      this.putNumber(key, value);
      return;
    }
    if (typeof key === 'number') this.#state |= NUMBERS;
    this.map ??= new Map();
    this.map.set(key, node);
    this.#layout!.insert(node);
  }

  // ---- # and next ----

  length(): number {
    const last = this.array.length - 1;
    if (last === this.size) return this.map === null ? last : this.#searchUnbound(last);
    return (this.#state & HOLES) === 0 ? last : this.#searchArray(last);
  }

  #searchArray(last: number): number {
    const { array } = this;
    let present = 0;
    let absent = this.size;
    while (absent - present > 1) {
      const middle = (absent + present) >>> 1;
      if (middle > last || array[middle] === undefined) absent = middle;
      else present = middle;
    }
    return present;
  }

  #searchUnbound(from: number): number {
    let present = from;
    let absent = from + 1;
    while (this.getNumber(absent) !== undefined) {
      present = absent;
      absent *= 2;
      if (absent > UNBOUND_MAX) {
        let at = 1;
        while (this.getNumber(at) !== undefined) at++;
        return at - 1;
      }
    }
    while (absent - present > 1) {
      const middle = Math.floor((absent + present) / 2);
      if (this.getNumber(middle) === undefined) absent = middle;
      else present = middle;
    }
    return present;
  }

  /** The place of a key among all that `next` visits, counted from 1; 0 for nil. */
  indexOf(key: LuaValue): number {
    if (key === undefined) return 0;
    if (typeof key === 'number' && key > 0 && key <= this.size && key >>> 0 === key) return key;
    const node = this.map === null ? undefined : this.map.get(key);
    if (node === undefined) throw runtimeError("invalid key to 'next'");
    this.#order();
    return this.size + 1 + node.position;
  }

  /** The first place behind `index` with a value, or 0. */
  nextIndex(index: number): number {
    const { array, size } = this;
    for (let at = index + 1; at < array.length; at++) {
      if (array[at] !== undefined) return at;
    }
    if (this.map === null) return 0;
    const { nodes } = this.#order();
    for (let at = Math.max(index - size, 0); at < nodes.length; at++) {
      const node = nodes[at]!;
      if (node !== null && node.value !== undefined) return size + 1 + at;
    }
    return 0;
  }

  keyAt(index: number): LuaValue {
    return index <= this.size ? index : this.#layout!.nodes[index - this.size - 1]!.key;
  }

  valueAt(index: number): LuaValue {
    return index <= this.size ? this.array[index] : this.#layout!.nodes[index - this.size - 1]!.value;
  }

  /** Changes whenever places do. */
  get shape(): unknown {
    return this.#layout ?? this.size;
  }

  next(key: LuaValue): readonly [key: LuaValue, value: LuaValue] | null {
    const index = this.nextIndex(this.indexOf(key));
    return index === 0 ? null : [this.keyAt(index), this.valueAt(index)];
  }
}

/**
 * A constructor's table without keys.
 * @param list from index 1 on; becomes the array part
 * @param isOpen its last expression had any number of values, so that the array part grows to fit
 */
export function listTable(arraySize: number, list: LuaValue[], isOpen: boolean): Table {
  const table = new Table();
  table.adopt(isOpen && list.length - 1 > arraySize ? list.length - 1 : arraySize, list);
  return table;
}

/** The list of a constructor that has keys, too. */
export function fillTable(table: Table, list: readonly LuaValue[], isOpen: boolean): Table {
  if (isOpen && list.length - 1 > table.size) table.resizeArray(list.length - 1);
  for (let at = 1; at < list.length; at++) table.putNumber(at, list[at]);
  return table;
}
