/** Moving an element from one list's end to another's: LMOVE, RPOPLPUSH, and those that wait: BLMOVE, BRPOPLPUSH. */
import type { Call } from '../call.ts';
import { type Command, command, keysAt } from '../command.ts';
import { SYNTAX, WRONG_TYPE } from '../error-texts.ts';
import { KeyEvent } from '../keyspace/key-events.ts';
import { Bytes, EntryType } from '../memory/entries.ts';
import { removeEnd } from './list-pop.ts';

const bytes = new Bytes();

/** Whether argument i says LEFT (else RIGHT). */
function isLeft(c: Call, i: number): boolean {
  if (c.req.is(i, 'LEFT')) return true;
  if (c.req.is(i, 'RIGHT')) return false;
  throw SYNTAX;
}

/**
 * Moves an element from the list at argument 1 to the one at argument 2 and replies it; whether there was one. What was
 * changed is the caller's to say.
 */
function move(c: Call, fromHead: boolean, toHead: boolean, mayWait: boolean): boolean {
  const { reply } = c;
  const { lists } = c.engine.types;
  const source = mayWait ? c.lookupAwaited(1, EntryType.list) : c.lookupWriteTyped(1, EntryType.list);
  if (source === 0) return false;
  let target = c.lookupWrite(2);
  if (target !== 0 && c.engine.keyspace.entries.type(target) !== EntryType.list) throw WRONG_TYPE;
  if (source === target) {
    lists.rotate(source, fromHead, toHead, bytes);
    reply.bulk(bytes.buf, bytes.off, bytes.len);
    c.modified(1);
    c.notify(KeyEvent.list, toHead ? 'lpush' : 'rpush', 2);
    c.notify(KeyEvent.list, fromHead ? 'lpop' : 'rpop', 1);
    return true;
  }
  // The element is read in place: nothing touches the source before it is pushed.
  lists.peek(source, fromHead, bytes);
  const { buf, off, len } = bytes;
  reply.bulk(buf, off, len);
  if (target === 0) {
    target = c.addCollection(2, EntryType.list);
    lists.begin(target, 1, len);
  } else {
    lists.expect(target, 1, len);
    c.modified(2);
  }
  lists.push(target, toHead, buf, off, len);
  c.notify(KeyEvent.list, toHead ? 'lpush' : 'rpush', 2);
  removeEnd(c, 1, source, fromHead, 1);
  return true;
}

function lmove(c: Call): void {
  if (move(c, isLeft(c, 3), isLeft(c, 4), false)) c.changed();
  else c.reply.null();
}

function rpoplpush(c: Call): void {
  if (move(c, false, true, false)) c.changed();
  else c.reply.null();
}

function blockingMove(c: Call, fromHead: boolean, toHead: boolean, timeoutAtMs: number): void {
  if (move(c, fromHead, toHead, true)) {
    c.effect('LMOVE', 5);
    c.effectArg(1);
    c.effectArg(2);
    c.effectText(fromHead ? 'LEFT' : 'RIGHT');
    c.effectText(toHead ? 'LEFT' : 'RIGHT');
  } else if (c.canBlock) c.block(1, 1, timeoutAtMs);
  else c.reply.null();
}

function blmove(c: Call): void {
  const fromHead = isLeft(c, 3);
  const toHead = isLeft(c, 4);
  blockingMove(c, fromHead, toHead, c.timeoutAtMs(5));
}

function brpoplpush(c: Call): void {
  blockingMove(c, false, true, c.timeoutAtMs(3));
}

const MOVE = [keysAt(1, 'RW access delete'), keysAt(2, 'RW insert')];

export const listMoveCommands: readonly Command[] = [
  command({ name: 'lmove', arity: 5, flags: 'write denyoom', group: 'list', since: '6.2.0', keys: MOVE, run: lmove }),
  command({ name: 'rpoplpush', arity: 3, flags: 'write denyoom', group: 'list', since: '1.2.0', keys: MOVE, run: rpoplpush }),
  command({ name: 'blmove', arity: 6, flags: 'write denyoom blocking', group: 'list', since: '6.2.0', keys: MOVE, run: blmove }),
  command({
    name: 'brpoplpush', arity: 4, flags: 'write denyoom blocking', group: 'list', since: '2.2.0', keys: MOVE, run: brpoplpush,
  }),
];
