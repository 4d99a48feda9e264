/**
 * The shadow replica as a process: the primary's side starts it, sends it the log and hears how it went; the shadow's side
 * is `runShadowProcess`. Control goes over the IPC channel, the log over standard input.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { setPriority } from 'node:os';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { EncodingLimits } from '../engine/encoding-limits.ts';
import { Engine } from '../engine/engine.ts';
import type { Reply } from '../shared/reply.ts';
import { OperationalError } from '../shared/errors.ts';
import type { LogRecord } from '../txlog/transaction-log.ts';
import { DirectoryStore } from './directory-store.ts';
import { decodeRecords, encodeRecord } from './record-stream.ts';
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

/** The shadow gives way to the primary where both want the processor. */
const NICENESS = 10;

export interface ShadowHost {
  /** Program and arguments that end up in `runShadowProcess`. */
  readonly command: readonly string[];
  /** Committed records from an index through an index. */
  readonly records: (from: number, through: number, stop: AbortSignal) => AsyncIterable<LogRecord>;
  readonly warn: (message: string) => void;
}

/**
 * Has a snapshot made by a process of its own. `stop` ends it.
 * @throws SnapshotError; OperationalError when the log could not be read.
 */
export async function snapshotByShadow(task: ShadowTask, host: ShadowHost, stop: AbortSignal): Promise<SnapshotInfo> {
  const [program, ...args] = host.command;
  const child = spawn(program!, args, { stdio: ['pipe', 'ignore', 'inherit', 'ipc'] });
  const sending = new AbortController();
  const kill = (): void => { child.kill('SIGKILL'); };
  stop.addEventListener('abort', kill);
  try {
    return await new Promise<SnapshotInfo>((resolve, reject) => {
      child.on('error', (error) => reject(new SnapshotError('SNAPSHOT_FAILED', `the shadow replica could not be started: ${error.message}`, error)));
      child.on('exit', (code, signal) => reject(new SnapshotError('SNAPSHOT_FAILED', `the shadow replica ended too early (${signal ?? `exit code ${code}`})`)));
      // Its end is noticed above.
      child.stdin!.on('error', () => undefined);
      child.on('message', (message: FromShadow) => {
        if (message.type === 'done') resolve(message.info);
        else if (message.type === 'warning') host.warn(message.message);
        else if (message.type === 'failed') reject(new SnapshotError(message.code as SnapshotErrorCode, message.message));
        else send(child, host.records(message.index, task.through, sending.signal)).catch(reject);
      });
      child.on('spawn', () => {
        lowerPriority(child);
        child.send(task);
      });
      if (stop.aborted) kill();
    });
  } finally {
    stop.removeEventListener('abort', kill);
    sending.abort();
    // Whatever it still does, nobody waits for it.
    if (child.exitCode === null) kill();
  }
}

async function send(child: ChildProcess, records: AsyncIterable<LogRecord>): Promise<void> {
  async function* bytes(): AsyncGenerator<Uint8Array> {
    for await (const record of records) yield encodeRecord(record);
  }
  try {
    await pipeline(Readable.from(bytes(), { objectMode: false }), child.stdin!);
  } catch (error) {
    // A closed pipe: the shadow ended, which says more by itself.
    if ((error as NodeJS.ErrnoException).code !== 'EPIPE' && error instanceof OperationalError) throw error;
  }
}

function lowerPriority(child: ChildProcess): void {
  try {
    setPriority(child.pid!, NICENESS);
  } catch {
    // It may be over already, or the platform has no priorities: nothing depends on it.
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
      return decodeRecords(process.stdin);
    };
    makeSnapshot(task, new DirectoryStore(task.directory), engine, records, (message) => { void report({ type: 'warning', message }); })
      .then(
        (info) => report({ type: 'done', info }),
        (error: Error) => report({ type: 'failed', code: error instanceof OperationalError ? error.code : 'SNAPSHOT_FAILED', message: error.message }),
      )
      .then(() => process.exit(0), () => process.exit(1));
  });
}
