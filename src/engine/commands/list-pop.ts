/** LPOP, RPOP, LMPOP, and the pops that wait: BLPOP, BRPOP, BLMPOP. */
import type { Call, Ref } from '../call.ts';
import { type Command, command, keysAt, keysCounted, keysThrough } from '../command.ts';
import { NOT_POSITIVE, wrongArity } from '../error-texts.ts';
import { KeyEvent } from '../keyspace/key-events.ts';
import { Bytes, EntryType } from '../memory/entries.ts';
import { popRequest, readPopRequest } from './multi-pop-request.ts';

const bytes = new Bytes();

/** Replies the first or the last `n` elements, nearest to the end first. */
function replyEnd(c: Call, ref: Ref, atHead: boolean, n: number): void {
  const { reply } = c;
  const { lists } = c.engine.types;
  reply.array(n);
  const cursor = lists.walk(ref, atHead ? 0 : lists.length(ref));
  const { element } = cursor;
  for (let k = 0; k < n; k++) {
    if (atHead) cursor.next();
    else cursor.previous();
    reply.bulk(element.buf, element.off, element.len);
  }
}

/** Removes what was replied from the list of the key at argument i, and the key where that was all. */
export function removeEnd(c: Call, i: number, ref: Ref, atHead: boolean, n: number): void {
  const { lists } = c.engine.types;
  const isGone = n === lists.length(ref);
  if (isGone) c.removeKey(i);
  else {
    lists.removeEnd(ref, atHead, n);
    c.modified(i);
  }
  c.notify(KeyEvent.list, atHead ? 'lpop' : 'rpop', i);
  if (isGone) c.notify(KeyEvent.generic, 'del', i);
}

function pop(c: Call, atHead: boolean): void {
  const { req, reply } = c;
  const { lists } = c.engine.types;
  if (req.argc > 3) throw wrongArity(c.command!.name);
  const hasCount = req.argc === 3;
  const count = hasCount ? c.integer(2, NOT_POSITIVE) : 1;
  if (count < 0) throw NOT_POSITIVE;
  const ref = c.lookupWriteTyped(1, EntryType.list);
  if (ref === 0) {
    if (hasCount) reply.nullArray();
    else reply.null();
    return;
  }
  const n = Math.min(count, lists.length(ref));
  if (hasCount) replyEnd(c, ref, atHead, n);
  else {
    lists.peek(ref, atHead, bytes);
    reply.bulk(bytes.buf, bytes.off, bytes.len);
  }
  if (n === 0) return;
  removeEnd(c, 1, ref, atHead, n);
  c.changed(n);
}

function lpop(c: Call): void {
  pop(c, true);
}

function rpop(c: Call): void {
  pop(c, false);
}

/** BLPOP and BRPOP: an effect of the served one is the plain pop. */
function blockingPop(c: Call, atHead: boolean): void {
  const { req, reply } = c;
  const { lists } = c.engine.types;
  const last = req.argc - 2;
  const timeoutAtMs = c.timeoutAtMs(req.argc - 1);
  for (let i = 1; i <= last; i++) {
    const ref = c.lookupAwaited(i, EntryType.list);
    if (ref === 0) continue;
    lists.peek(ref, atHead, bytes);
    reply.array(2);
    reply.bulk(req.buf, req.off[i]!, req.len[i]!);
    reply.bulk(bytes.buf, bytes.off, bytes.len);
    removeEnd(c, i, ref, atHead, 1);
    c.effect(atHead ? 'LPOP' : 'RPOP', 2);
    c.effectArg(i);
    return;
  }
  if (c.canBlock) c.block(1, last, timeoutAtMs);
  else reply.nullArray();
}

function blpop(c: Call): void {
  blockingPop(c, true);
}

function brpop(c: Call): void {
  blockingPop(c, false);
}

const ENDS = ['LEFT', 'RIGHT'] as const;

/** Pops from the first list of the request that there is; whether there is one. */
function popFirst(c: Call, mayWait: boolean): boolean {
  const { req, reply } = c;
  const { first, last, isFirstEnd: atHead, count } = popRequest;
  for (let i = first; i <= last; i++) {
    const ref = mayWait ? c.lookupAwaited(i, EntryType.list) : c.lookupWriteTyped(i, EntryType.list);
    if (ref === 0) continue;
    const n = Math.min(count, c.engine.types.lists.length(ref));
    reply.array(2);
    reply.bulk(req.buf, req.off[i]!, req.len[i]!);
    replyEnd(c, ref, atHead, n);
    removeEnd(c, i, ref, atHead, n);
    c.effect(atHead ? 'LPOP' : 'RPOP', 3);
    c.effectArg(i);
    c.effectInteger(n);
    return true;
  }
  return false;
}

function lmpop(c: Call): void {
  readPopRequest(c, 1, ENDS);
  if (!popFirst(c, false)) c.reply.nullArray();
}

function blmpop(c: Call): void {
  readPopRequest(c, 2, ENDS);
  const timeoutAtMs = c.timeoutAtMs(1);
  if (popFirst(c, true)) return;
  if (c.canBlock) c.block(popRequest.first, popRequest.last, timeoutAtMs);
  else c.reply.nullArray();
}

const POP = [keysAt(1, 'RW access delete')];
const POP_ANY = [keysThrough(1, -2, 'RW access delete')];

export const listPopCommands: readonly Command[] = [
  command({ name: 'lpop', arity: -2, flags: 'write fast', group: 'list', since: '1.0.0', keys: POP, run: lpop }),
  command({ name: 'rpop', arity: -2, flags: 'write fast', group: 'list', since: '1.0.0', keys: POP, run: rpop }),
  command({
    name: 'lmpop', arity: -4, flags: 'write', group: 'list', since: '7.0.0', keys: [keysCounted(1, 'RW access delete')],
    run: lmpop,
  }),
  command({ name: 'blpop', arity: -3, flags: 'write blocking', group: 'list', since: '2.0.0', keys: POP_ANY, run: blpop }),
  command({ name: 'brpop', arity: -3, flags: 'write blocking', group: 'list', since: '2.0.0', keys: POP_ANY, run: brpop }),
  command({
    name: 'blmpop', arity: -5, flags: 'write blocking', group: 'list', since: '7.0.0',
    keys: [keysCounted(2, 'RW access delete')], run: blmpop,
  }),
];
