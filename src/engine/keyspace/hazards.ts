/**
 * Which keys have changes that the transaction log has not committed yet (DESIGN section 2).
 *
 * Every change carries the number of the event-loop turn whose record will hold it. `check` says, through `waitFor`,
 * which turn must commit before a reply that saw the key may leave. A key is known by a 32-bit hash of itself and its
 * database: two keys in flight that share it can only make a read wait longer than it must, never shorter.
 */

const SETS = 4096;
const WAYS = 8;

export class Hazards {
  /** The turn that changes made now belong to. */
  turn = 1;
  /** All turns up to this one are committed. */
  committed = 0;
  /** The highest uncommitted turn that the command under way has seen, or 0. */
  waitFor = 0;

  /** The last turn that changed what users may do. Every reply behind it waits for it: it decides what any command may show. */
  #usersTurn = 0;
  /** The last turn that changed anything. */
  #lastMarked = 0;
  /** Per set: the last turn that marked a key of it. Seldom is it in flight, and then nothing else of the set is looked at. */
  readonly #setMarked: Float64Array = new Float64Array(SETS);
  readonly #hash: Int32Array = new Int32Array(SETS * WAYS);
  readonly #turn: Float64Array = new Float64Array(SETS * WAYS);
  /** Per set: the last turn that found no free way. Every key of the set waits for it. */
  readonly #overflow: Float64Array = new Float64Array(SETS);
  /** Per database: the last turn that changed any of its keys, and the last that changed it as a whole. */
  readonly #dbChanged: Float64Array;
  readonly #dbReplaced: Float64Array;

  /** Bytes that all this takes, whatever the data. */
  readonly tableBytes: number;

  constructor(databases: number) {
    this.#dbChanged = new Float64Array(databases);
    this.#dbReplaced = new Float64Array(databases);
    this.tableBytes = this.#hash.byteLength + this.#turn.byteLength + this.#overflow.byteLength + this.#setMarked.byteLength + 16 * databases;
  }

  /** A command begins: it waits at least for the users whose permissions let it run. */
  begin(): void {
    this.waitFor = this.floor;
  }

  /** What any reply waits for at least: a turn, or 0. */
  get floor(): number {
    return this.#usersTurn > this.committed ? this.#usersTurn : 0;
  }

  /** Records that the current turn changes users. */
  markUsers(): void {
    this.#lastMarked = this.#usersTurn = this.waitFor = this.turn;
  }

  /** Records that the current turn changes a key. `hash` must be the same that `check` is asked with. */
  mark(hash: number, db: number): void {
    const { turn, committed } = this;
    this.#lastMarked = turn;
    this.#dbChanged[db] = turn;
    if (this.waitFor < turn) this.waitFor = turn;
    const id = mix(hash, db);
    const set = (id >>> 20) & (SETS - 1);
    const isFree = this.#setMarked[set]! <= committed;
    this.#setMarked[set] = turn;
    const way = isFree ? set * WAYS : this.#wayFor(id, set, committed);
    if (way < 0) {
      this.#overflow[set] = turn;
      return;
    }
    this.#hash[way] = id;
    this.#turn[way] = turn;
  }

  /** The way that a key in flight has already, else a free one, else -1. */
  #wayFor(id: number, set: number, committed: number): number {
    const first = set * WAYS;
    let free = -1;
    for (let way = first; way < first + WAYS; way++) {
      if (this.#turn[way]! <= committed) free = way;
      else if (this.#hash[way] === id) return way;
    }
    return free;
  }

  /** Records that the current turn replaces or empties a whole database. */
  markDb(db: number): void {
    this.#lastMarked = this.turn;
    this.#dbChanged[db] = this.turn;
    this.#dbReplaced[db] = this.turn;
    if (this.waitFor < this.turn) this.waitFor = this.turn;
  }

  /** The command under way looks at a key, be it there or not. */
  check(hash: number, db: number): void {
    if (this.#lastMarked <= this.committed) return;
    let wait = this.#dbReplaced[db]!;
    const id = mix(hash, db);
    const set = (id >>> 20) & (SETS - 1);
    if (this.#setMarked[set]! > this.committed) {
      if (this.#overflow[set]! > wait) wait = this.#overflow[set]!;
      const first = set * WAYS;
      for (let way = first; way < first + WAYS; way++) {
        if (this.#hash[way] === id && this.#turn[way]! > wait) wait = this.#turn[way]!;
      }
    }
    if (wait > this.committed && wait > this.waitFor) this.waitFor = wait;
  }

  /** The command under way looks at a database as a whole (SCAN, DBSIZE …). */
  checkDb(db: number): void {
    const wait = this.#dbChanged[db]!;
    if (wait > this.committed && wait > this.waitFor) this.waitFor = wait;
  }

  /** Forgets everything in flight: the engine's state is a committed one again (restart, demotion). */
  reset(): void {
    this.#setMarked.fill(0);
    this.#turn.fill(0);
    this.#overflow.fill(0);
    this.#dbChanged.fill(0);
    this.#dbReplaced.fill(0);
    this.#lastMarked = this.#usersTurn = 0;
    this.waitFor = 0;
    this.committed = this.turn - 1;
  }
}

function mix(hash: number, db: number): number {
  return Math.imul(hash ^ Math.imul(db + 1, 0x9e3779b1), 0x85ebca6b);
}
