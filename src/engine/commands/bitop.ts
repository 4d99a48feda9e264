/** BITOP: strings combined bit by bit, a block of words at a time. */
import type { Call, Ref } from '../call.ts';
import { type Command, command, keysAt, keysThrough } from '../command.ts';
import { BITOP_NOT_SOURCES, SYNTAX, WRONG_TYPE } from '../error-texts.ts';
import { KeyEvent } from '../keyspace/key-events.ts';
import { Bytes, EntryType, NO_EXPIRY } from '../memory/entries.ts';

const SOURCES_AT = 3;
const BLOCK_BYTES = 16384;
/** A result up to here is made in memory that stays. */
const KEPT_BYTES_MAX = 65536;

const source = new Bytes();
/** One block of a source, where words begin at words' places. */
const block: Uint8Array = new Uint8Array(BLOCK_BYTES);
const blockWords = new Int32Array(block.buffer);
const kept: Uint8Array = new Uint8Array(KEPT_BYTES_MAX);

/** Combines a source's words into the result's, which are as many. */
type Combine = (result: Int32Array, from: Int32Array) => void;

function and(result: Int32Array, from: Int32Array): void {
  for (let i = 0; i < result.length; i++) result[i]! &= from[i]!;
}

function or(result: Int32Array, from: Int32Array): void {
  for (let i = 0; i < result.length; i++) result[i]! |= from[i]!;
}

function xor(result: Int32Array, from: Int32Array): void {
  for (let i = 0; i < result.length; i++) result[i]! ^= from[i]!;
}

/** Of its one source, which is the result so far. */
function not(result: Int32Array): void {
  for (let i = 0; i < result.length; i++) result[i] = ~result[i]!;
}

function operation(c: Call): Combine {
  const { req } = c;
  if (req.is(1, 'AND')) return and;
  if (req.is(1, 'OR')) return or;
  if (req.is(1, 'XOR')) return xor;
  if (!req.is(1, 'NOT')) throw SYNTAX;
  if (req.argc !== SOURCES_AT + 1) throw BITOP_NOT_SOURCES;
  return not;
}

/** Copies up to `len` bytes of the string at `ref` from `at` on to `out`, zeros behind its end. */
function copyPiece(c: Call, ref: Ref, at: number, out: Uint8Array, outOff: number, len: number): void {
  let copied = 0;
  if (ref !== 0) {
    c.engine.keyspace.entries.value(ref, source);
    copied = Math.max(0, Math.min(len, source.len - at));
    out.set(source.buf.subarray(source.off + at, source.off + at + copied), outOff);
  }
  out.fill(0, outOff + copied, outOff + len);
}

/** Combines all sources into `result`, which has room for whole words. */
function combineAll(c: Call, refs: readonly Ref[], combine: Combine, result: Uint8Array): void {
  for (let at = 0; at < result.length; at += BLOCK_BYTES) {
    const len = Math.min(BLOCK_BYTES, result.length - at);
    const words = new Int32Array(result.buffer, at, len >>> 2);
    copyPiece(c, refs[0]!, at, result, at, len);
    if (combine === not) not(words);
    for (let i = 1; i < refs.length; i++) {
      copyPiece(c, refs[i]!, at, block, 0, len);
      combine(words, blockWords);
    }
  }
}

function bitop(c: Call): void {
  const { req } = c;
  const { entries } = c.engine.keyspace;
  const combine = operation(c);
  const refs: Ref[] = [];
  let length = 0;
  for (let i = SOURCES_AT; i < req.argc; i++) {
    // A key that is found to be expired is taken out, which moves nothing else: the refs stay good.
    const ref = c.lookup(i);
    if (ref !== 0 && entries.type(ref) !== EntryType.string) throw WRONG_TYPE;
    if (ref !== 0) length = Math.max(length, entries.valueLength(ref));
    refs.push(ref);
  }
  if (length === 0) {
    c.lookupWrite(2);
    if (c.removeKey(2)) {
      c.notify(KeyEvent.generic, 'del', 2);
      c.changed();
    }
  } else {
    const wholeWords = (length + 3) & ~3;
    // The destination may be one of the sources: the result takes its place when it is complete.
    const result = wholeWords <= KEPT_BYTES_MAX ? kept.subarray(0, wholeWords) : new Uint8Array(wholeWords);
    combineAll(c, refs, combine, result);
    entries.setRaw(c.db.setString(req.buf, req.off[2]!, req.len[2]!, result, 0, length, NO_EXPIRY));
    c.notify(KeyEvent.string, 'set', 2);
    c.changed();
  }
  c.reply.integer(length);
}

export const bitopCommands: readonly Command[] = [
  command({
    name: 'bitop', arity: -4, flags: 'write denyoom', group: 'bitmap', since: '2.6.0', keys: [keysAt(2, 'OW update'), keysThrough(3, -1, 'RO access')],
    run: bitop,
  }),
];
