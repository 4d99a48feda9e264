/**
 * The sparse form of HyperLogLogs, which is Redis's: registers as runs.
 *
 *   00llllll            l + 1 registers of 0
 *   01llllll llllllll   l + 1 registers of 0
 *   1vvvvvll            l + 1 registers of v + 1
 *
 * Changes are made in the same steps as in Redis, so that the same elements make the same bytes. A run that the end of
 * the string cuts off, or runs that are not 16384 registers together, are corruption: never an access out of range.
 */
import {
  DENSE_BYTES, Encoding, HEADER_BYTES, REGISTERS, dropCardinality, raiseRegister, setEncoding, setRegister, writeHeader,
} from './registers.ts';

const ZERO_MAX = 64;
const VALUE_MAX = 32;
const VALUE_RUN_MAX = 4;
/** So many runs are looked at for such that can be joined. */
const JOIN_LOOKS = 5;
/** A longer string has more runs than there are registers: it is corrupted. */
const SPARSE_BYTES_MAX = HEADER_BYTES + 2 * REGISTERS;
/** The most bytes that one run becomes. */
const SPLIT_BYTES_MAX = 5;

/** What `readRun` found. */
const run = { registers: 0, value: 0, bytes: 0 };

/** Reads the run at `at`; whether it is whole. */
function readRun(buf: Uint8Array, at: number, end: number): boolean {
  const byte = buf[at]!;
  run.bytes = 1;
  run.value = 0;
  if ((byte & 0x80) !== 0) {
    run.value = ((byte >> 2) & 31) + 1;
    run.registers = (byte & 3) + 1;
  } else if ((byte & 0x40) === 0) run.registers = byte + 1;
  else {
    if (at + 1 >= end) return false;
    run.bytes = 2;
    run.registers = (((byte & 63) << 8) | buf[at + 1]!) + 1;
  }
  return true;
}

/** Adds to `histogram[v]` how many registers hold v; false if the string is corrupted. */
export function countSparse(buf: Uint8Array, off: number, len: number, histogram: Int32Array): boolean {
  const end = off + len;
  let registers = 0;
  for (let at = off + HEADER_BYTES; at < end; at += run.bytes) {
    if (!readRun(buf, at, end)) return false;
    histogram[run.value]! += run.registers;
    registers += run.registers;
  }
  return registers === REGISTERS;
}

/** Raises the byte-sized registers `max` to those of a sparse HyperLogLog; false if it is corrupted. */
export function mergeSparse(buf: Uint8Array, off: number, len: number, max: Uint8Array): boolean {
  const end = off + len;
  let register = 0;
  for (let at = off + HEADER_BYTES; at < end; at += run.bytes) {
    if (!readRun(buf, at, end) || register + run.registers > REGISTERS) return false;
    const behind = register + run.registers;
    if (run.value === 0) register = behind;
    for (; register < behind; register++) if (run.value > max[register]!) max[register] = run.value;
  }
  return register === REGISTERS;
}

/** The runs in PFDEBUG DECODE's words; null if one is cut off. */
export function describeRuns(buf: Uint8Array, off: number, len: number): string | null {
  const end = off + len;
  const words: string[] = [];
  for (let at = off + HEADER_BYTES; at < end; at += run.bytes) {
    if (!readRun(buf, at, end)) return null;
    if (run.value > 0) words.push(`v:${run.value},${run.registers}`);
    else words.push(`${run.bytes === 1 ? 'z' : 'Z'}:${run.registers}`);
  }
  return words.join(' ');
}

function writeZeros(out: Uint8Array, at: number, registers: number): number {
  const length = registers - 1;
  if (registers <= ZERO_MAX) {
    out[at] = length;
    return at + 1;
  }
  out[at] = (length >> 8) | 0x40;
  out[at + 1] = length & 0xff;
  return at + 2;
}

function writeValue(out: Uint8Array, at: number, value: number, registers: number): number {
  out[at] = 0x80 | ((value - 1) << 2) | (registers - 1);
  return at + 1;
}

export const Added = { corrupted: -1, unchanged: 0, changed: 1 } as const;

/**
 * A HyperLogLog copied out of the keyspace to be changed: sparse, or what became dense under way. One is reused.
 * It is dense as soon as a register's value or the string's length passes what the sparse form may have.
 */
export class HyperLogLogDraft {
  /** The string's bytes are the first `length` of these. */
  readonly buf: Uint8Array = new Uint8Array(SPARSE_BYTES_MAX + SPLIT_BYTES_MAX);
  length = 0;
  isDense = false;
  readonly #dense: Uint8Array = new Uint8Array(DENSE_BYTES);
  readonly #split: Uint8Array = new Uint8Array(SPLIT_BYTES_MAX);
  #sparseBytesMax = 0;

  /** Begins with a HyperLogLog without elements. @param sparseBytesMax hll-sparse-max-bytes. */
  begin(sparseBytesMax: number): void {
    writeHeader(this.buf, 0, Encoding.sparse);
    this.length = writeZeros(this.buf, HEADER_BYTES, REGISTERS);
    this.isDense = false;
    this.#sparseBytesMax = sparseBytesMax;
  }

  /** Begins with a copy of a sparse one; false if it is seen at once to be corrupted. */
  load(buf: Uint8Array, off: number, len: number, sparseBytesMax: number): boolean {
    if (len > SPARSE_BYTES_MAX) return false;
    this.buf.set(buf.subarray(off, off + len));
    this.length = len;
    this.isDense = false;
    this.#sparseBytesMax = sparseBytesMax;
    return true;
  }

  /** Raises a register to `count`. @returns one of Added; after `corrupted` the draft is worth nothing. */
  raise(register: number, count: number): number {
    if (this.isDense) return raiseRegister(this.buf, 0, register, count) ? Added.changed : Added.unchanged;
    if (count > VALUE_MAX) return this.#raiseDense(register, count);
    const { buf } = this;
    let before = HEADER_BYTES;
    let at = HEADER_BYTES;
    let first = 0;
    for (;;) {
      if (at >= this.length || !readRun(buf, at, this.length)) return Added.corrupted;
      if (register < first + run.registers) break;
      before = at;
      at += run.bytes;
      first += run.registers;
    }
    if (run.value >= count) return Added.unchanged;
    if (run.registers === 1) writeValue(buf, at, count, 1);
    else if (!this.#splitRun(at, first, register, count)) return this.#raiseDense(register, count);
    this.#join(before);
    dropCardinality(this.buf, 0);
    return Added.changed;
  }

  /** Puts `count` into the midst of the run at `at`, which begins with register `first`; false if the string would be too long. */
  #splitRun(at: number, first: number, register: number, count: number): boolean {
    const split = this.#split;
    const { value, bytes, registers } = run;
    const before = register - first;
    const behind = first + registers - 1 - register;
    let end = 0;
    if (before > 0) end = value === 0 ? writeZeros(split, end, before) : writeValue(split, end, value, before);
    end = writeValue(split, end, count, 1);
    if (behind > 0) end = value === 0 ? writeZeros(split, end, behind) : writeValue(split, end, value, behind);
    const grown = this.length + end - bytes;
    if (end > bytes && grown > this.#sparseBytesMax) return false;
    this.buf.copyWithin(at + end, at + bytes, this.length);
    for (let i = 0; i < end; i++) this.buf[at + i] = split[i]!;
    this.length = grown;
    return true;
  }

  /** Joins neighbouring runs of the same value among the next few from `from` on. */
  #join(from: number): void {
    const { buf } = this;
    let at = from;
    for (let looks = JOIN_LOOKS; looks > 0 && at < this.length; looks--) {
      const byte = buf[at]!;
      if ((byte & 0x80) === 0) {
        at += (byte & 0x40) === 0 ? 1 : 2;
        continue;
      }
      const next = at + 1 < this.length ? buf[at + 1]! : 0;
      const registers = (byte & 3) + (next & 3) + 2;
      if ((next & 0xfc) !== (byte & 0xfc) || registers > VALUE_RUN_MAX) {
        at++;
        continue;
      }
      // The joined run is looked at again: it may go together with the one behind it.
      buf.copyWithin(at, at + 1, this.length);
      buf[at] = (byte & 0xfc) | (registers - 1);
      this.length--;
    }
  }

  #raiseDense(register: number, count: number): number {
    if (!this.toDense()) return Added.corrupted;
    return raiseRegister(this.buf, 0, register, count) ? Added.changed : Added.unchanged;
  }

  /** Gives a sparse draft the dense form; its header's cardinality stays. False if it is corrupted. */
  toDense(): boolean {
    const dense = this.#dense;
    dense.fill(0);
    dense.set(this.buf.subarray(0, HEADER_BYTES));
    setEncoding(dense, 0, Encoding.dense);
    let register = 0;
    for (let at = HEADER_BYTES; at < this.length; at += run.bytes) {
      if (!readRun(this.buf, at, this.length) || register + run.registers > REGISTERS) return false;
      const behind = register + run.registers;
      if (run.value === 0) register = behind;
      for (; register < behind; register++) setRegister(dense, 0, register, run.value);
    }
    if (register !== REGISTERS) return false;
    this.buf.set(dense);
    this.length = DENSE_BYTES;
    this.isDense = true;
    return true;
  }
}
