/**
 * The shadow replica as a process: the primary's side has it started, sends it the log and hears how it went; the shadow's side
 * is `runShadowProcess`. Control goes over the IPC channels of both to the launcher, the log over the standard input that the
 * shadow has from it. One at a time.
 */
import type { ChildProcess } from 'node:child_process';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { EncodingLimits } from '../engine/encoding-limits.ts';
import { Engine } from '../engine/engine.ts';
import type { Reply } from '../shared/reply.ts';
import { OperationalError } from '../shared/errors.ts';
import type { LogRecord } from '../txlog/transaction-log.ts';
import { DirectoryStore } from './directory-store.ts';
import { decodeRecords, recordChunks } from './record-stream.ts';
import type { FromLauncher, ShadowLauncher } from './shadow-launcher.ts';
import { type ShadowWork, makeSnapshot } from './shadow-replica.ts';
import { SnapshotError, type SnapshotErrorCode, type SnapshotInfo } from './snapshot-store.ts';

/** What the shadow is told when it starts. */
export interface ShadowTask extends ShadowWork {
  readonly directory: string;
  readonly databases: number;
  readonly limits: Readonly<EncodingLimits>;
}

type FromShadow =
  /** It wants the log from this record on. */
  | { readonly type: 'records-from'; readonly index: number }
  | { readonly type: 'warning'; readonly message: string }
  | { readonly type: 'done'; readonly info: SnapshotInfo }
  | { readonly type: 'failed'; readonly code: string; readonly message: string };

export interface ShadowHost {
  readonly launcher: ShadowLauncher;
  /** Committed records from an index through an index. */
  readonly records: (from: number, through: number, stop: AbortSignal) => AsyncIterable<LogRecord>;
  readonly warn: (message: string) => void;
}

/**
 * Has a snapshot made by a process of its own. `stop` ends it.
 * @throws SnapshotError; OperationalError when the log could not be read.
 */
export async function snapshotByShadow(task: ShadowTask, host: ShadowHost, stop: AbortSignal): Promise<SnapshotInfo> {
  const launcher = host.launcher.prepare();
  const sending = new AbortController();
  const listening = new AbortController();
  const { signal } = listening;
  let info: SnapshotInfo | null = null;
  try {
    return await new Promise<SnapshotInfo>((resolve, reject) => {
      const ended = (how: string): void => {
        if (info === null) reject(new SnapshotError('SNAPSHOT_FAILED', `the shadow replica ended too early (${how})`));
        else resolve(info);
      };
      const notStarted = (message: string): void => reject(new SnapshotError('SNAPSHOT_FAILED', `the shadow replica could not be started: ${message}`));
      const on = (event: string, listener: (...args: never[]) => void): void => {
        launcher.on(event, listener as () => void);
        signal.addEventListener('abort', () => launcher.off(event, listener as () => void));
      };
      on('error', (error: Error) => notStarted(error.message));
      on('exit', (code: number | null, by: string | null) => ended(by ?? `exit code ${code}`));
      on('message', (message: FromShadow | FromLauncher) => {
        switch (message.type) {
          case 'records-from':
            send(launcher, host.records(message.index, task.through, sending.signal)).catch(reject);
            break;
          case 'warning':
            host.warn(message.message);
            break;
          case 'done':
            info = message.info;
            break;
          case 'failed':
            reject(new SnapshotError(message.code as SnapshotErrorCode, message.message));
            break;
          case 'not-started':
            notStarted(message.message);
            break;
          case 'ended':
            ended(message.how);
        }
      });
      stop.addEventListener('abort', () => ended('told to'), { signal });
      if (stop.aborted) ended('told to');
      else launcher.send(task);
    });
  } catch (error) {
    await host.launcher.discard();
    throw error;
  } finally {
    listening.abort();
    sending.abort();
  }
}

async function send({ stdin }: ChildProcess, records: AsyncIterable<LogRecord>): Promise<void> {
  async function* bytes(): AsyncGenerator<Uint8Array> {
    for await (const record of records) yield* recordChunks(record);
  }
  try {
    // The pipe stays open, for the next shadow.
    await pipeline(Readable.from(bytes(), { objectMode: false }), stdin!, { end: false });
  } catch (error) {
    // A closed pipe: the shadow ended, which says more by itself.
    if ((error as NodeJS.ErrnoException).code !== 'EPIPE' && error instanceof OperationalError) throw error;
  }
}

/** The shadow's side: one task, then the process ends. `scratchReply` takes the replies of effects. */
export function runShadowProcess(scratchReply: Reply): void {
  const report = (message: FromShadow): Promise<void> => new Promise((resolve) => { process.send!(message, () => resolve()); });
  // The primary is gone: nobody wants the snapshot any more.
  process.on('disconnect', () => process.exit(1));
  process.once('message', (task: ShadowTask) => {
    const limits = Object.assign(new EncodingLimits(), task.limits);
    const engine = new Engine({ databases: task.databases, hashSeed: 0x5eed, random: Math.random, clockUs: () => 0, scratchReply, limits });
    const records = (from: number): AsyncIterable<LogRecord> => {
      void report({ type: 'records-from', index: from });
      return through(decodeRecords(process.stdin), from, task.through);
    };
    makeSnapshot(task, new DirectoryStore(task.directory), engine, records, (message) => { void report({ type: 'warning', message }); })
      .then(
        (info) => report({ type: 'done', info }),
        (error: Error) => report({ type: 'failed', code: error instanceof OperationalError ? error.code : 'SNAPSHOT_FAILED', message: error.message }),
      )
      .then(() => process.exit(0), () => process.exit(1));
  });
}

/** The records from `from` through `last`: the pipe does not end behind them. */
async function* through(records: AsyncIterable<LogRecord>, from: number, last: number): AsyncGenerator<LogRecord> {
  if (from > last) return;
  for await (const record of records) {
    yield record;
    if (record.index >= last) return;
  }
}
