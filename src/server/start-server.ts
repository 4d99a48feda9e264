/** Brings a node up: opens the log, listens, recovers the data, serves. */
import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { DirectoryStore } from '../snapshot/directory-store.ts';
import { recover } from '../snapshot/recovery.ts';
import { snapshotByShadow } from '../snapshot/shadow-process.ts';
import { parseMinuteOfDay } from '../snapshot/snapshot-schedule.ts';
import type { SnapshotInfo, SnapshotStore } from '../snapshot/snapshot-store.ts';
import { Snapshots } from '../snapshot/snapshots.ts';
import { JournaledLogStore } from '../txlog/journaled-log-store.ts';
import { RaftTransactionLog } from '../txlog/raft-transaction-log.ts';
import type { LogRecord } from '../txlog/transaction-log.ts';
import type { Config } from './config/config.ts';
import type { Logger } from './logger.ts';
import { Server } from './server.ts';

const PROGRESS_MS = 2000;
/** This program again, as the shadow replica: see bin/holdfast.js. */
const SHADOW_COMMAND = [process.execPath, ...process.execArgv, process.argv[1] ?? '', 'shadow-replica'];

/** @throws OperationalError when the log or a port cannot be had. */
export async function startServer(config: Config, log: Logger): Promise<Server> {
  const dir = resolve(config.string('dir'));
  mkdirSync(dir, { recursive: true });
  const txlog = await RaftTransactionLog.open({
    id: 'node-1',
    store: new JournaledLogStore(join(dir, 'txlog')),
    maxBatchesInFlight: config.number('txlog-max-batches-in-flight'),
    appliedIndex: 0,
  });
  if (txlog.unfinished > 0) log.notice(`Dropped ${txlog.unfinished} log records of a write that never finished; none was acknowledged`);
  const server = new Server(config, log, txlog, randomBytes(20).toString('hex'));
  txlog.onFatal = (error) => {
    log.warning(`FATAL: the transaction log failed, so nothing can be acknowledged any more: ${error.message}`);
    process.exit(1);
  };
  await server.listen();
  log.notice('Server initialized');
  const store = new DirectoryStore(join(dir, 'snapshots'));
  const found = await store.list();
  await store.removeDrafts();
  await restore(server, store, log);
  server.snapshots = openSnapshots(server, store, found, log);
  server.serve();
  log.notice(`Ready to accept connections tcp, port ${server.port}`);
  return server;
}

/** Fills the engine from snapshot and log, and tells of it. */
async function restore(server: Server, store: SnapshotStore, log: Logger): Promise<void> {
  const { engine, txlog } = server;
  const startedMs = Date.now();
  const commit = txlog.onCommit;
  txlog.onCommit = () => undefined;
  const through = await txlog.lead();
  txlog.onCommit = commit;
  engine.beginTurn(startedMs);
  let reportedMs = startedMs;
  const progress = async (message: () => string): Promise<void> => {
    // Clients get their answer, LOADING, between two pieces of work.
    await new Promise((done) => { setImmediate(done); });
    if (Date.now() - reportedMs < PROGRESS_MS) return;
    reportedMs = Date.now();
    log.notice(`Loading: ${message()}, ${engine.keyspace.size} keys`);
  };
  const { snapshot, snapshotKeys, records } = await recover(engine, store, txlog, through, {
    damaged: (name, why) => log.warning(`Snapshot ${name} cannot be used, an older one is tried: ${why}`),
    snapshotProgress: (done, total) => {
      server.loadingProgress = { done, total };
      return progress(() => `snapshot, ${((100 * done) / total).toFixed(1)} %`);
    },
    logProgress: (index, last) => progress(() => `log record ${index} of ${last}`),
  });
  const seconds = ((Date.now() - startedMs) / 1000).toFixed(3);
  const source = snapshot === null ? '' : `snapshot ${snapshot} with ${snapshotKeys} keys and `;
  log.notice(`DB loaded from ${source}the transaction log with ${records} records: ${engine.keyspace.size} keys, ${seconds} seconds`);
}

function openSnapshots(server: Server, store: DirectoryStore, found: readonly SnapshotInfo[], log: Logger): Snapshots {
  const { config, txlog, engine } = server;
  const warn = (message: string): void => log.warning(message);
  const records = (from: number, through: number, stop: AbortSignal): AsyncIterable<LogRecord> => txlog.read(from, through, stop);
  const snapshots = new Snapshots({
    store, txlog, warn,
    notice: (message) => log.notice(message),
    nowMs: Date.now,
    datasetBytes: () => engine.keyspace.arena.liveBytes,
    policy: () => ({
      freshnessPercent: config.number('snapshot-freshness-percent'),
      freshnessMinBytes: config.number('snapshot-freshness-min-bytes'),
      dailyAtMinute: parseMinuteOfDay(config.string('snapshot-daily-at')) ?? null,
      retentionDays: config.number('snapshot-retention-days'),
      keep: config.number('snapshot-keep'),
    }),
    make: (through, reason, stop) => snapshotByShadow({
      through, reason,
      madeAtMs: Date.now(),
      shardId: txlog.shardId,
      logBase: txlog.firstIndex - 1,
      compress: config.bool('rdbcompression'),
      directory: store.directory,
      databases: engine.keyspace.databases.length,
      limits: server.limits,
    }, { command: SHADOW_COMMAND, records, warn }, stop),
  }, found);
  let changes = engine.changesTotal;
  snapshots.onBegun = () => { changes = engine.changesTotal; };
  snapshots.onPublished = () => { server.changesAtSave = changes; };
  return snapshots;
}
