/** SAVE, BGSAVE, LASTSAVE, BGREWRITEAOF: snapshots on demand. All of them are made by the shadow replica. */
import type { Call } from '../../engine/call.ts';
import { type Command, command } from '../../engine/command.ts';
import { SYNTAX } from '../../engine/error-texts.ts';
import { CommandError, invariant } from '../../shared/errors.ts';
import type { Snapshots } from '../../snapshot/snapshots.ts';
import type { Server } from '../server.ts';

const IN_PROGRESS = 'ERR Background save already in progress';
const REWRITE_ACTIVE = "ERR Another child process is active (AOF?): can't BGSAVE right now. Use BGSAVE SCHEDULE in order to schedule a BGSAVE whenever possible.";

function snapshotsOf(server: Server): Snapshots {
  invariant(server.snapshots !== null, 'a snapshot was asked for before recovery was over');
  return server.snapshots;
}

/** Whether a snapshot is being made as one: to Redis what shortens the log is none. */
function isSaving(snapshots: Snapshots): boolean {
  return snapshots.inProgress && snapshots.logRewrite !== 'running';
}

/** Replies when the snapshot is verified and durable. Other clients are served meanwhile. */
function save(server: Server, c: Call): void {
  const snapshots = snapshotsOf(server);
  if (isSaving(snapshots)) throw new CommandError(IN_PROGRESS);
  const { session } = c;
  const { blocking } = c.engine;
  c.suspend();
  snapshots.takeNext('demand').then(
    () => blocking.answer(session, (reply) => reply.ok()),
    (error: Error) => blocking.answer(session, (reply) => reply.error(`ERR ${error.message}`)),
  );
}

function bgsave(server: Server, c: Call): void {
  const { req, reply } = c;
  const isScheduled = req.argc === 2 && req.is(1, 'SCHEDULE');
  if (req.argc > 2 || (req.argc === 2 && !isScheduled)) throw SYNTAX;
  const snapshots = snapshotsOf(server);
  if (isSaving(snapshots)) throw new CommandError(IN_PROGRESS);
  const waits = snapshots.inProgress;
  if (waits && !isScheduled) throw new CommandError(REWRITE_ACTIVE);
  // What goes wrong is logged, and shown by INFO as rdb_last_bgsave_status.
  snapshots.takeNext('demand').catch(() => undefined);
  reply.status(waits ? 'Background saving scheduled' : 'Background saving started');
}

/** There is no append-only file: what makes the log shorter is a snapshot. */
function bgrewriteaof(server: Server, c: Call): void {
  const snapshots = snapshotsOf(server);
  if (snapshots.logRewrite === 'running') throw new CommandError('ERR Background append only file rewriting already in progress');
  if (snapshots.logRewrite === 'none') snapshots.rewriteLog();
  c.reply.status(`Background append only file rewriting ${snapshots.logRewrite === 'scheduled' ? 'scheduled' : 'started'}`);
}

function lastsave(server: Server, c: Call): void {
  c.reply.integer(Math.floor(snapshotsOf(server).lastSaveMs / 1000));
}

export function persistenceCommands(server: Server): readonly Command[] {
  const group = 'server';
  return [
    command({ name: 'save', arity: 1, flags: 'admin noscript no_async_loading no_multi', group, since: '1.0.0', run: (c) => save(server, c) }),
    command({ name: 'bgsave', arity: -1, flags: 'admin noscript no_async_loading', group, since: '1.0.0', run: (c) => bgsave(server, c) }),
    command({ name: 'bgrewriteaof', arity: 1, flags: 'admin noscript no_async_loading', group, since: '1.0.0', run: (c) => bgrewriteaof(server, c) }),
    command({ name: 'lastsave', arity: 1, flags: 'loading stale fast', categories: 'admin dangerous', group, since: '1.0.0', tips: ['nondeterministic_output'], run: (c) => lastsave(server, c) }),
  ];
}
