/** Brings a node up: opens the log, listens, recovers the data, serves. */
import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { LevelLogStore } from '../txlog/level-log-store.ts';
import { RaftTransactionLog } from '../txlog/raft-transaction-log.ts';
import type { Config } from './config/config.ts';
import type { Logger } from './logger.ts';
import { Server } from './server.ts';

const PROGRESS_MS = 2000;
/** The loop gets its turn after so many records, so that clients hear LOADING meanwhile. */
const RECORDS_IN_A_ROW = 256;

/** @throws OperationalError when the log or a port cannot be had. */
export async function startServer(config: Config, log: Logger): Promise<Server> {
  const dir = resolve(config.string('dir'));
  mkdirSync(dir, { recursive: true });
  const txlog = await RaftTransactionLog.open({
    id: 'node-1',
    store: new LevelLogStore(join(dir, 'txlog')),
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
  await recover(server, log);
  server.serve();
  log.notice(`Ready to accept connections tcp, port ${server.port}`);
  return server;
}

async function recover(server: Server, log: Logger): Promise<void> {
  const { engine, txlog } = server;
  const startedMs = Date.now();
  const commit = txlog.onCommit;
  txlog.onCommit = () => undefined;
  const through = await txlog.lead();
  txlog.onCommit = commit;
  engine.beginTurn(Date.now());
  let reportedMs = startedMs;
  let records = 0;
  for await (const { index, block } of txlog.read(txlog.firstIndex, through)) {
    engine.applyEffects(block);
    if (++records % RECORDS_IN_A_ROW !== 0) continue;
    await new Promise((done) => { setImmediate(done); });
    if (Date.now() - reportedMs < PROGRESS_MS) continue;
    reportedMs = Date.now();
    log.notice(`Loading: log record ${index} of ${through}, ${engine.keyspace.size} keys`);
  }
  const seconds = ((Date.now() - startedMs) / 1000).toFixed(3);
  log.notice(`DB loaded from the transaction log: ${records} records, ${engine.keyspace.size} keys, ${seconds} seconds`);
}
