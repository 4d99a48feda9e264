/** Brings a node up: makes it a member of its shard, listens, recovers the data, serves. */
import { randomBytes } from 'node:crypto';
import { join, resolve } from 'node:path';
import { fatalZone } from '../replication/member-label.ts';
import { IdentityFile } from '../replication/node-identity.ts';
import { ShardNode } from '../replication/shard-node.ts';
import { OperationalError } from '../shared/errors.ts';
import { DirectoryStore } from '../snapshot/directory-store.ts';
import { ShadowLauncher } from '../snapshot/shadow-launcher.ts';
import { snapshotByShadow } from '../snapshot/shadow-process.ts';
import { parseMinuteOfDay } from '../snapshot/snapshot-schedule.ts';
import { Snapshots } from '../snapshot/snapshots.ts';
import { JournaledLogStore } from '../txlog/journaled-log-store.ts';
import type { MemberRole } from '../txlog/raft/types.ts';
import type { LogRecord } from '../txlog/transaction-log.ts';
import type { Config } from './config/config.ts';
import type { Logger } from './logger.ts';
import { PUBSUB_GROUP } from './pubsub.ts';
import { limitClientsByOpenFiles } from './open-files.ts';
import { labelOf, peeringOf } from './peering.ts';
import { Server } from './server.ts';
import { sourceTlsContext } from './tls-settings.ts';
import { CLIENT_STREAM } from './upstream.ts';
import { UsersFile } from './users-file.ts';

const PROGRESS_MS = 2000;
/** This program again, as what starts shadow replicas: see bin/holdfast.js. */
const LAUNCHER_COMMAND = [process.execPath, ...process.execArgv, process.argv[1] ?? '', 'shadow-launcher'];
/** With more data than that, starting a process takes noticeably long: the one that does it later must be there before. */
const LITTLE_DATA_BYTES = 32 * 1024 * 1024;
/** Ticks of the core in an election timeout: see DEFAULT_LIMITS. */
const ELECTION_TICKS = 10;

/** @throws OperationalError when the log or a port cannot be had. */
export async function startServer(config: Config, log: Logger): Promise<Server> {
  limitClientsByOpenFiles(config, log);
  const snapshots = new DirectoryStore(join(resolve(config.string('dir')), 'snapshots'));
  const late: { server: Server | null } = { server: null };
  const node = await openNode(config, log, snapshots, late);
  const { txlog } = node;
  if (txlog.unfinished > 0) log.notice(`Dropped ${txlog.unfinished} log records of a write that never finished; none was acknowledged`);
  const { brokenFrames } = txlog.recovery;
  if (brokenFrames > 0) {
    log.warning(`${brokenFrames} of the last writes into the log's journal are there in part and passed over: they were under way when the process ended, `
      + 'and nothing of them was acknowledged, or what was written last was damaged since, which cannot be told apart');
  }
  const server: Server = new Server(config, log, txlog, randomBytes(20).toString('hex'), (through) => load(server, node, through, log));
  server.node = node;
  server.access.rememberIn(new UsersFile(join(resolve(config.string('dir')), 'users'), (error) => log.warning(`The users cannot be remembered: ${error.message}`)));
  late.server = server;
  const die = (what: string) => (error: Error): void => {
    log.warning(`FATAL: ${what}: ${error instanceof OperationalError ? `${error.code}: ${error.message}` : error.stack}`);
    process.exit(1);
  };
  txlog.onFatal = die('the transaction log failed, so nothing can be acknowledged any more');
  server.onFatal = die('the data cannot be loaded');
  server.onRole = (role) => log.notice(role === 'primary' ? `This member is primary, in term ${txlog.term}` : `This member is ${role}`);
  node.onSnapshotWanted = ({ index }) => {
    server.fetchingSnapshot = true;
    void node.replaceBySnapshot(server.member, index, () => load(server, node, 0, log), (info) => server.snapshots?.received(info))
      .finally(() => { server.fetchingSnapshot = false; });
  };
  const hasData = config.string('member-role') !== 'log-only';
  // Said now rather than when there is something to import.
  sourceTlsContext(config);
  // Commands are refused with LOADING until the data is there.
  await server.listeners.listen();
  log.notice('Server initialized');
  server.snapshots = await openSnapshots(server, node, snapshots, hasData, log);
  await server.start(hasData);
  await leadAlone(server, node);
  warnOfZones(node, log);
  if (server.listeners.tlsPort !== 0) log.notice(`Ready to accept connections tls, port ${server.listeners.tlsPort}`);
  log.notice(`Ready to accept connections tcp, port ${server.port}`);
  return server;
}

// ---- The node and its shard ----

/** @param late gets the server once there is one: the node is opened first. */
async function openNode(config: Config, log: Logger, snapshots: DirectoryStore, late: { readonly server: Server | null }): Promise<ShardNode> {
  const directory = resolve(config.string('dir'));
  return ShardNode.open({
    identity: await IdentityFile.open(directory),
    peering: peeringOf(config, log),
    label: labelOf(config),
    role: config.string('member-role') as MemberRole,
    tickMs: config.number('election-timeout-ms') / ELECTION_TICKS,
    maxBatchesInFlight: config.number('txlog-max-batches-in-flight'),
    store: new JournaledLogStore(join(directory, 'txlog')),
    snapshots,
    notice: (message) => log.notice(message),
    warn: (message) => log.warning(message),
    onStream: (kind, _from, header, stream) => {
      const { server } = late;
      if (kind === CLIENT_STREAM && server !== null) server.acceptProxied(header, stream);
      else stream.destroy(new OperationalError('PEER_UNKNOWN_KIND', `no stream of kind ${kind} is known here`));
    },
    onMessage: (group, frame) => {
      if (group === PUBSUB_GROUP) late.server?.pubsub.receive(frame);
    },
    onAsk: (_from, kind, body) => late.server?.operations.answer(kind, body) ?? Promise.reject(new OperationalError('NOT_READY', 'this node is starting')),
    onRemoved: () => {
      log.warning('This member was removed from its shard: it ends. Empty its data directory to let it join as a new member.');
      process.exit(1);
    },
  });
}

/** A shard's only voter need not wait for an election timeout, and has no client wait for it. */
async function leadAlone(server: Server, node: ShardNode): Promise<void> {
  const { voters } = node.txlog.config.config;
  if (voters.length !== 1 || voters[0] !== node.memberId) return;
  await node.txlog.lead();
  await server.hasRole('primary');
}

function warnOfZones(node: ShardNode, log: Logger): void {
  const zone = fatalZone(node.membership.members);
  if (zone !== '') log.warning(`The loss of availability zone ${zone} would stop this shard: spread its voters over three zones`);
}

// ---- Data ----

/** Fills the engine from snapshot and log, and tells of it. */
async function load(server: Server, node: ShardNode, through: number, log: Logger): Promise<number> {
  const { engine } = server;
  const startedMs = Date.now();
  engine.beginTurn(startedMs);
  let reportedMs = startedMs;
  const progress = async (message: () => string): Promise<void> => {
    // Clients get their answer, LOADING, between two pieces of work.
    await new Promise((done) => { setImmediate(done); });
    if (Date.now() - reportedMs < PROGRESS_MS) return;
    reportedMs = Date.now();
    log.notice(`Loading: ${message()}, ${engine.keyspace.size} keys`);
  };
  const { snapshot, snapshotKeys, records, index } = await node.load(engine, through, {
    damaged: (name, why) => log.warning(`Snapshot ${name} cannot be used, an older one is tried: ${why}`),
    snapshotProgress: (done, total) => {
      server.loadingProgress = { done, total };
      return progress(() => `snapshot, ${((100 * done) / total).toFixed(1)} %`);
    },
    logProgress: (at, last) => progress(() => `log record ${at} of ${last}`),
  });
  const seconds = ((Date.now() - startedMs) / 1000).toFixed(3);
  const source = snapshot === null ? '' : `snapshot ${snapshot} with ${snapshotKeys} keys and `;
  log.notice(`DB loaded from ${source}the transaction log with ${records} records: ${engine.keyspace.size} keys, ${seconds} seconds`);
  return index;
}

async function openSnapshots(server: Server, node: ShardNode, store: DirectoryStore, hasData: boolean, log: Logger): Promise<Snapshots> {
  const { config, engine } = server;
  const { txlog } = node;
  const found = await store.list();
  await store.removeDrafts();
  const warn = (message: string): void => log.warning(message);
  const records = (from: number, through: number, stop: AbortSignal): AsyncIterable<LogRecord> => txlog.read(from, through, stop);
  const launcher = new ShadowLauncher(LAUNCHER_COMMAND);
  const newest = found[0];
  if ((newest?.bytes ?? 0) + txlog.bytesSince(newest?.index ?? 0) > LITTLE_DATA_BYTES) launcher.prepare();
  const snapshots: Snapshots = new Snapshots({
    store, txlog, warn,
    notice: (message) => log.notice(message),
    nowMs: Date.now,
    datasetBytes: () => (hasData ? engine.keyspace.arena.liveBytes : (newest?.bytes ?? 0)),
    prepare: () => {
      if (engine.keyspace.arena.liveBytes > LITTLE_DATA_BYTES) launcher.prepare();
    },
    appliedIndex: () => {
      if (!hasData) return txlog.commitIndex;
      // What was done and is held back belongs to it.
      server.member.appendEffects();
      return server.member.appliedIndex;
    },
    policy: () => ({
      freshnessPercent: config.number('snapshot-freshness-percent'),
      freshnessMinBytes: config.number('snapshot-freshness-min-bytes'),
      dailyAtMinute: parseMinuteOfDay(config.string('snapshot-daily-at')) ?? null,
      retentionDays: config.number('snapshot-retention-days'),
      keep: config.number('snapshot-keep'),
    }),
    make: async (through, reason, stop) => {
      // Without the data none can be made here: the leader's lets the log be trimmed.
      if (!hasData) return (await node.fetchSnapshotFrom(txlog.leader, snapshots.newestIndex + 1)).info;
      const { config: members, configIndex } = txlog.snapshotMetaAt(through);
      return snapshotByShadow({
        through, reason,
        members: { index: configIndex, config: members },
        madeAtMs: Date.now(),
        shardId: txlog.shardId,
        logBase: txlog.firstIndex - 1,
        compress: config.bool('rdbcompression'),
        directory: store.directory,
        databases: engine.keyspace.databases.length,
        limits: server.limits,
      }, { launcher, records, warn }, stop);
    },
  }, found);
  let changes = engine.changesTotal;
  snapshots.onBegun = () => { changes = engine.changesTotal; };
  snapshots.onPublished = () => { server.changesAtSave = changes; };
  return snapshots;
}
