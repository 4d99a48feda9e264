/** PFDEBUG, which shows what a HyperLogLog is made of, and PFSELFTEST. */
import { CommandError } from '../../shared/errors.ts';
import type { Call } from '../call.ts';
import { type Command, command, keysAt } from '../command.ts';
import { CORRUPTED_HYPERLOGLOG, NOT_HYPERLOGLOG, PFDEBUG_NOT_SPARSE, PFDEBUG_NO_KEY, unknownPfdebug } from '../error-texts.ts';
import { estimate, histogram } from '../hyperloglog/cardinality.ts';
import {
  DENSE_BYTES, Encoding, REGISTERS, REGISTER_MAX, countDense, getRegister, isDense, isHyperLogLog, locate, pattern, raiseRegister, setRegister,
  writeHeader,
} from '../hyperloglog/registers.ts';
import { HyperLogLogDraft, countSparse, describeRuns } from '../hyperloglog/sparse.ts';
import { Bytes, EntryType } from '../memory/entries.ts';

const value = new Bytes();
const draft = new HyperLogLogDraft();
const KEY_AT = 2;

/** Gives the string at argument 2, which `value` shows, the dense form, and logs it; whether it had another. */
function toDense(c: Call): boolean {
  const { req } = c;
  const { entries } = c.engine.keyspace;
  if (isDense(value.buf, value.off)) return false;
  if (!draft.load(value.buf, value.off, value.len, 0) || !draft.toDense()) throw CORRUPTED_HYPERLOGLOG;
  const ref = c.db.resizeString(req.buf, req.off[KEY_AT]!, req.len[KEY_AT]!, draft.length, 0);
  entries.value(ref, value);
  value.buf.set(draft.buf.subarray(0, draft.length), value.off);
  c.effect('PFDEBUG', 3);
  c.effectText('TODENSE');
  c.effectArg(KEY_AT);
  return true;
}

function decode(c: Call): void {
  if (isDense(value.buf, value.off)) throw PFDEBUG_NOT_SPARSE;
  const runs = describeRuns(value.buf, value.off, value.len);
  if (runs === null) throw CORRUPTED_HYPERLOGLOG;
  c.reply.bulkString(runs);
}

function pfdebug(c: Call): void {
  const { req, reply } = c;
  const ref = c.lookupWriteTyped(KEY_AT, EntryType.string);
  if (ref === 0) throw PFDEBUG_NO_KEY;
  c.engine.keyspace.entries.value(ref, value);
  if (!isHyperLogLog(value.buf, value.off, value.len)) throw NOT_HYPERLOGLOG;
  if (req.is(1, 'GETREG')) {
    toDense(c);
    reply.array(REGISTERS);
    for (let i = 0; i < REGISTERS; i++) reply.integer(getRegister(value.buf, value.off, i));
  } else if (req.is(1, 'DECODE')) decode(c);
  else if (req.is(1, 'ENCODING')) reply.status(isDense(value.buf, value.off) ? 'dense' : 'sparse');
  else if (req.is(1, 'TODENSE')) reply.integer(toDense(c) ? 1 : 0);
  else throw unknownPfdebug(c.string(1));
}

// ---- PFSELFTEST ----

const REGISTER_ROUNDS = 20;
/** Redis adds ten million; a server that is held up for seconds would lose its lease. */
const ELEMENTS = 100_000;
const STANDARD_ERROR = 1.04 / Math.sqrt(REGISTERS);
const STANDARD_ERRORS_MAX = 6;

function failed(what: string): CommandError {
  return new CommandError(`TESTFAILED ${what}`);
}

/** Registers keep what is put into them, and leave their neighbours alone. */
function testRegisters(random: () => number, dense: Uint8Array): void {
  const expected = new Uint8Array(REGISTERS);
  for (let round = 0; round < REGISTER_ROUNDS; round++) {
    for (let i = 0; i < REGISTERS; i++) {
      expected[i] = Math.floor(random() * (REGISTER_MAX + 1));
      setRegister(dense, 0, i, expected[i]!);
    }
    for (let i = 0; i < REGISTERS; i++) {
      const found = getRegister(dense, 0, i);
      if (found !== expected[i]) throw failed(`Register ${i} should be ${expected[i]!} but is ${found}`);
    }
  }
}

function countOf(buf: Uint8Array, len: number): number {
  histogram.fill(0);
  if (isDense(buf, 0)) countDense(buf, 0, histogram);
  else if (!countSparse(buf, 0, len, histogram)) throw failed('the sparse form is corrupted');
  return estimate();
}

/** Dense and sparse form count the same, and nearly right. */
function testCounts(random: () => number, dense: Uint8Array, sparse: HyperLogLogDraft, sparseBytesMax: number): void {
  const element = new Uint8Array(8);
  const words = new Uint32Array(element.buffer);
  words[1] = random() * 2 ** 32;
  const seed = random() * 2 ** 32;
  let checkpoint = 1;
  for (let n = 1; n <= ELEMENTS; n++) {
    words[0] = n ^ seed;
    locate(element, 0, 8);
    raiseRegister(dense, 0, pattern.register, pattern.count);
    sparse.raise(pattern.register, pattern.count);
    if (n !== checkpoint) continue;
    if (n < sparseBytesMax / 2 && sparse.isDense) throw failed('sparse encoding not used');
    const counted = countOf(dense, DENSE_BYTES);
    if (counted !== countOf(sparse.buf, sparse.length)) throw failed('dense/sparse disagree');
    // Of ten elements two now and then share a register.
    const errorMax = n === 10 ? 1 : Math.ceil(STANDARD_ERROR * STANDARD_ERRORS_MAX * n);
    if (Math.abs(n - counted) > errorMax) throw failed(`Too big error. card:${n} abserr:${Math.abs(n - counted)}`);
    checkpoint *= 10;
  }
}

function pfselftest(c: Call): void {
  const { random, limits } = c.engine;
  const dense = new Uint8Array(DENSE_BYTES);
  writeHeader(dense, 0, Encoding.dense);
  testRegisters(random, dense);
  dense.fill(0);
  writeHeader(dense, 0, Encoding.dense);
  draft.begin(limits.hllSparseMaxBytes);
  testCounts(random, dense, draft, limits.hllSparseMaxBytes);
  c.reply.ok();
}

export const hyperloglogDebugCommands: readonly Command[] = [
  command({ name: 'pfdebug', arity: 3, flags: 'write denyoom admin', group: 'hyperloglog', since: '2.8.9', keys: [keysAt(2, 'RW access')], run: pfdebug }),
  command({ name: 'pfselftest', arity: 1, flags: 'admin', group: 'hyperloglog', since: '2.8.9', run: pfselftest }),
];
