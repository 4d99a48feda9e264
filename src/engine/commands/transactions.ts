/** MULTI, EXEC, DISCARD, WATCH, UNWATCH. */
import type { Call } from '../call.ts';
import { type Command, command, keysThrough } from '../command.ts';
import { DISCARD_WITHOUT_MULTI, EXEC_WITHOUT_MULTI, MULTI_NESTED, WATCH_IN_MULTI } from '../error-texts.ts';

function multi({ session, reply }: Call): void {
  if (session.queue !== null) throw MULTI_NESTED;
  session.queue = [];
  session.queueFailed = false;
  reply.ok();
}

function exec(c: Call): void {
  if (c.session.queue === null) throw EXEC_WITHOUT_MULTI;
  c.engine.transactions.run(c);
}

function discard({ engine, session, reply }: Call): void {
  if (session.queue === null) throw DISCARD_WITHOUT_MULTI;
  engine.transactions.discard(session);
  reply.ok();
}

function watch(c: Call): void {
  const { session, engine, db, req } = c;
  if (session.queue !== null) throw WATCH_IN_MULTI;
  for (let i = 1; i < req.argc; i++) {
    const key = req.string(i);
    if (session.watched.some((w) => w.key === key && w.db === session.db)) continue;
    // A key that is watched while logically expired must not abort the transaction when it is taken out: look it up,
    // which takes it out now.
    const existed = db.peek(req.buf, req.off[i]!, req.len[i]!) !== 0;
    session.watched.push({ db: session.db, key, existed });
    engine.keyspace.interest.watch(session, session.db, key);
  }
  c.reply.ok();
}

function unwatch({ engine, session, reply }: Call): void {
  engine.transactions.unwatchAll(session);
  reply.ok();
}

export const transactionCommands: readonly Command[] = [
  command({ name: 'multi', arity: 1, flags: 'noscript loading stale fast allow_busy', group: 'transactions', since: '1.2.0', run: multi }),
  command({ name: 'exec', arity: 1, flags: 'noscript loading stale skip_slowlog', group: 'transactions', since: '1.2.0', run: exec }),
  command({ name: 'discard', arity: 1, flags: 'noscript loading stale fast allow_busy', group: 'transactions', since: '2.0.0', run: discard }),
  command({
    name: 'watch', arity: -2, flags: 'noscript loading stale fast allow_busy', group: 'transactions', since: '2.2.0',
    keys: [keysThrough(1, -1, 'RO')], run: watch,
  }),
  command({ name: 'unwatch', arity: 1, flags: 'noscript loading stale fast allow_busy', group: 'transactions', since: '2.2.0', run: unwatch }),
];
