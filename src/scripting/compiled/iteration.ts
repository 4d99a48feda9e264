/**
 * `next` and the step of `ipairs`, as functions and as cursors: a `for` over them walks the table without calling anything, and sees
 * exactly what the calls would have given.
 */
import type { LuaValue } from '../lua-engine.ts';
import { Table } from './table.ts';

/** The two functions, which `installIteration` of base-library.ts makes. */
export const iterators: { next: unknown; ipairsStep: unknown } = { next: null, ipairsStep: null };

export class Cursor {
  key: LuaValue = undefined;
  value: LuaValue = undefined;
  readonly #table: Table;
  readonly #isArray: boolean;
  #index = 0;
  #shape: unknown;

  constructor(table: Table, isArray: boolean) {
    this.#table = table;
    this.#isArray = isArray;
    this.#shape = table.shape;
  }

  /** Goes to the next pair. False: there is none. */
  step(): boolean {
    const table = this.#table;
    if (this.#isArray) {
      const index = ++this.#index;
      this.value = table.getNumber(index);
      this.key = index;
      return this.value !== undefined;
    }
    // New keys have changed the places meanwhile.
    if (table.shape !== this.#shape) this.#index = table.indexOf(this.key);
    this.#index = table.nextIndex(this.#index);
    this.#shape = table.shape;
    if (this.#index === 0) return false;
    this.key = table.keyAt(this.#index);
    this.value = table.valueAt(this.#index);
    return true;
  }
}

/** A cursor for a loop's three values, or null if they have to be called. */
export function cursorFor(iterator: LuaValue, state: LuaValue, control: LuaValue): Cursor | null {
  if (!(state instanceof Table)) return null;
  if (iterator === iterators.next && control === undefined) return new Cursor(state, false);
  return iterator === iterators.ipairsStep && control === 0 ? new Cursor(state, true) : null;
}
