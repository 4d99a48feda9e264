/**
 * PFADD, PFCOUNT and PFMERGE: HyperLogLogs, strings in Redis's own binary form.
 *
 * The sparse form changes its length, so it is changed in a draft outside of the keyspace and put back whole: a corrupted
 * one is left as it was. Dense registers are changed in place. How long a sparse one may become is this server's own
 * affair (hll-sparse-max-bytes), so the log says when one became dense for that reason, and whoever applies the log has no
 * such bound.
 */
import type { Call, Ref } from '../call.ts';
import { type Command, command, keysAt, keysThrough } from '../command.ts';
import { CORRUPTED_HYPERLOGLOG, NOT_HYPERLOGLOG } from '../error-texts.ts';
import { estimate, histogram } from '../hyperloglog/cardinality.ts';
import {
  REGISTERS, countDense, dropCardinality, hasCardinality, isDense, isHyperLogLog, locate, mergeDense, pattern, raiseRegister, readCardinality,
  writeCardinality,
} from '../hyperloglog/registers.ts';
import { Added, HyperLogLogDraft, countSparse, mergeSparse } from '../hyperloglog/sparse.ts';
import { KeyEvent } from '../keyspace/key-events.ts';
import { Bytes, EntryType } from '../memory/entries.ts';

const value = new Bytes();
const draft = new HyperLogLogDraft();
/** Registers of a union, a byte each. */
const union: Uint8Array = new Uint8Array(REGISTERS);

/** Points `value` at the HyperLogLog at `ref`. @throws WRONG_TYPE where it is none. */
function open(c: Call, ref: Ref): void {
  c.engine.keyspace.entries.value(ref, value);
  if (!isHyperLogLog(value.buf, value.off, value.len)) throw NOT_HYPERLOGLOG;
}

function sparseBytesMax(c: Call): number {
  return c.applying ? Infinity : c.engine.limits.hllSparseMaxBytes;
}

/** Begins the draft: a copy of the sparse one that `value` shows, or (0) one without elements. */
function openDraft(c: Call, ref: Ref): void {
  if (ref === 0) draft.begin(sparseBytesMax(c));
  else if (!draft.load(value.buf, value.off, value.len, sparseBytesMax(c))) throw CORRUPTED_HYPERLOGLOG;
}

/** Makes the draft the string at argument 1. */
function putDraft(c: Call): void {
  const { req } = c;
  const { entries } = c.engine.keyspace;
  const ref = c.db.resizeString(req.buf, req.off[1]!, req.len[1]!, draft.length, 0);
  entries.value(ref, value);
  value.buf.set(draft.buf.subarray(0, draft.length), value.off);
}

/** Logs the command, and that the string at argument 1 is dense now. */
function logAsDense(c: Call): void {
  const { req } = c;
  c.effect(c.command!.name.toUpperCase(), req.argc);
  for (let i = 1; i < req.argc; i++) c.effectArg(i);
  c.effect('PFDEBUG', 3);
  c.effectText('TODENSE');
  c.effectArg(1);
}

function pfadd(c: Call): void {
  const { req } = c;
  const ref = c.lookupWriteTyped(1, EntryType.string);
  if (ref !== 0) open(c, ref);
  const inPlace = ref !== 0 && isDense(value.buf, value.off);
  if (!inPlace) openDraft(c, ref);
  let updated = ref === 0 ? 1 : 0;
  for (let i = 2; i < req.argc; i++) {
    locate(req.buf, req.off[i]!, req.len[i]!);
    if (inPlace) {
      if (raiseRegister(value.buf, value.off, pattern.register, pattern.count)) updated++;
      continue;
    }
    const added = draft.raise(pattern.register, pattern.count);
    if (added === Added.corrupted) throw CORRUPTED_HYPERLOGLOG;
    if (added === Added.changed) updated++;
  }
  c.reply.integer(updated > 0 ? 1 : 0);
  if (updated === 0) return;
  if (inPlace) {
    dropCardinality(value.buf, value.off);
    c.modified(1);
  } else {
    dropCardinality(draft.buf, 0);
    putDraft(c);
  }
  c.notify(KeyEvent.string, 'pfadd', 1);
  if (!inPlace && draft.isDense) logAsDense(c);
  else c.changed(updated);
}

/** Raises the registers of `union` to those of the HyperLogLog that `value` shows. */
function merge(): void {
  if (isDense(value.buf, value.off)) mergeDense(value.buf, value.off, union);
  else if (!mergeSparse(value.buf, value.off, value.len, union)) throw CORRUPTED_HYPERLOGLOG;
}

/** The cardinality of the HyperLogLog that `value` shows. */
function cardinality(): number {
  histogram.fill(0);
  if (isDense(value.buf, value.off)) countDense(value.buf, value.off, histogram);
  else if (!countSparse(value.buf, value.off, value.len, histogram)) throw CORRUPTED_HYPERLOGLOG;
  return estimate();
}

function replyCardinality(c: Call, cardinal: number): void {
  if (Number.isSafeInteger(cardinal)) c.reply.integer(cardinal);
  else c.reply.integerText(BigInt(cardinal).toString());
}

function countUnion(c: Call): void {
  union.fill(0);
  for (let i = 1; i < c.req.argc; i++) {
    const ref = c.lookupTyped(i, EntryType.string);
    if (ref === 0) continue;
    open(c, ref);
    merge();
  }
  histogram.fill(0);
  for (let i = 0; i < REGISTERS; i++) histogram[union[i]!]!++;
  replyCardinality(c, estimate());
}

function pfcount(c: Call): void {
  if (c.req.argc > 2) {
    countUnion(c);
    return;
  }
  const ref = c.lookupTyped(1, EntryType.string);
  if (ref === 0) {
    c.reply.integer(0);
    return;
  }
  open(c, ref);
  if (hasCardinality(value.buf, value.off)) {
    replyCardinality(c, readCardinality(value.buf, value.off));
    return;
  }
  const counted = cardinality();
  c.reply.integer(counted);
  // A replica has nothing but what the log says, and an import nothing but what its source says.
  if (c.engine.keyspace.isReadOnly && !c.applying && !c.session.fromSource) return;
  writeCardinality(value.buf, value.off, counted);
  c.modified(1);
  c.changed();
}

/** Raises the registers of the string at argument 1 to those of `union`. */
function raiseAll(c: Call, ref: Ref, wantsDense: boolean): void {
  const inPlace = ref !== 0 && isDense(value.buf, value.off);
  if (!inPlace) {
    openDraft(c, ref);
    if (wantsDense && !draft.toDense()) throw CORRUPTED_HYPERLOGLOG;
  }
  for (let i = 0; i < REGISTERS; i++) {
    if (union[i] === 0) continue;
    if (inPlace) raiseRegister(value.buf, value.off, i, union[i]!);
    else if (draft.raise(i, union[i]!) === Added.corrupted) throw CORRUPTED_HYPERLOGLOG;
  }
  if (inPlace) {
    dropCardinality(value.buf, value.off);
    c.modified(1);
  } else {
    dropCardinality(draft.buf, 0);
    putDraft(c);
  }
  // As Redis calls it: many elements were added at once.
  c.notify(KeyEvent.string, 'pfadd', 1);
  if (!inPlace && draft.isDense && !wantsDense) logAsDense(c);
  else c.changed();
}

function pfmerge(c: Call): void {
  union.fill(0);
  let wantsDense = false;
  for (let i = 1; i < c.req.argc; i++) {
    const ref = c.lookupTyped(i, EntryType.string);
    if (ref === 0) continue;
    open(c, ref);
    if (isDense(value.buf, value.off)) wantsDense = true;
    merge();
  }
  const ref = c.lookupWrite(1);
  if (ref !== 0) c.engine.keyspace.entries.value(ref, value);
  raiseAll(c, ref, wantsDense);
  c.reply.ok();
}

export const hyperloglogCommands: readonly Command[] = [
  command({ name: 'pfadd', arity: -2, flags: 'write denyoom fast', group: 'hyperloglog', since: '2.8.9', keys: [keysAt(1, 'RW insert')], run: pfadd }),
  command({
    name: 'pfcount', arity: -2, flags: 'readonly may_replicate', group: 'hyperloglog', since: '2.8.9', keys: [keysThrough(1, -1, 'RW access')], run: pfcount,
  }),
  command({
    name: 'pfmerge', arity: -2, flags: 'write denyoom', group: 'hyperloglog', since: '2.8.9',
    keys: [keysAt(1, 'RW access insert'), keysThrough(2, -1, 'RO access')], run: pfmerge,
  }),
];
