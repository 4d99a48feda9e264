/**
 * The server: connections, the turns of the event loop, and the timers around the engine.
 *
 * A turn is what happens between two polls of the sockets: each connection's commands run as they arrive (some milliseconds
 * of them; the rest waits for the next turn), and when the poll is over `#endTurn` makes one log record of all that they changed. The gate lets the replies out when the log has
 * committed it. All background work (expiry, compaction, lazy freeing) is done here in bounded steps.
 */
import { readFileSync } from 'node:fs';
import type net from 'node:net';
import { performance } from 'node:perf_hooks';
import type { Duplex } from 'node:stream';
import { EncodingLimits } from '../engine/encoding-limits.ts';
import { Flag } from '../engine/command.ts';
import { Engine } from '../engine/engine.ts';
import { ENDED_FEW } from '../engine/keyspace/keyspace.ts';
import { KeySizes } from '../engine/key-sizes.ts';
import type { ParserLimits } from '../protocol/request-parser.ts';
import { RespWriter } from '../protocol/resp-writer.ts';
import { CommitGate } from '../replication/commit-gate.ts';
import { Member, type MemberRole, UNBLOCKED_BY_DEMOTION } from '../replication/member.ts';
import type { StreamHeader } from '../replication/peers/peer-network.ts';
import type { ShardNode } from '../replication/shard-node.ts';
import { OperationalError } from '../shared/errors.ts';
import type { Snapshots } from '../snapshot/snapshots.ts';
import type { TransactionLog } from '../txlog/transaction-log.ts';
import { AccessControl } from './access-control.ts';
import { ClientListeners } from './client-listeners.ts';
import { type ClientSocket, ProxiedSocket } from './client-socket.ts';
import { ClientPause } from './client-pause.ts';
import { CommandLog } from './command-log.ts';
import { serverCommands } from './commands/server-commands.ts';
import type { Config } from './config/config.ts';
import { Connection } from './connection.ts';
import type { ConnectionOutput } from './connection-output.ts';
import { Dispatcher } from './dispatcher.ts';
import { Handover } from './handover.ts';
import { Importer } from './import/importer.ts';
import { KeyEventChannels } from './key-event-channels.ts';
import { LatencyMonitor } from './latency-monitor.ts';
import type { AcceptedSocket } from './listener.ts';
import type { Logger } from './logger.ts';
import { MemoryLimit } from './memory-limit.ts';
import { Monitors } from './monitors.ts';
import { Operations } from './operations.ts';
import { OutputPool } from './output-pool.ts';
import { PubSub } from './pubsub.ts';
import { ReplicaAcks } from './replica-acks.ts';
import { Scripts } from './scripts.ts';
import { Statistics } from './statistics.ts';
import { Tracking } from './tracking/tracking.ts';
import { GREETING } from './upstream.ts';
import { WriteQuorum } from './write-quorum.ts';

/** Members that pass a client on, at most: two that each take the other for the primary do not do so for ever. */
const HOPS_MAX = 3;
/** So long clients are waited for when the server stops: a blocked one may wait for ever. */
const DISMISS_MS_MAX = 1000;
/** A new primary that is not there after so many election timeouts may be long in coming. */
const SOUGHT_ELECTION_TIMEOUTS = 4;
const CRON_MS = 10;
const SLOW_CRON_MS = 1000;
/** Scripts make errors of their own: so many codes are counted, and then none, as in Redis. */
const ERROR_CODES_MAX = 128;
const ERRORSTATS_DISABLED = 'ERRORSTATS_DISABLED';
/** How long background work may take in one tick of the cron. */
const BACKGROUND_US_MAX = 1000;
/** … and where compaction is behind. */
const BACKGROUND_BEHIND_US_MAX = 4000;

const nowUs = (): number => performance.now() * 1000;

export class Server {
  readonly config: Config;
  readonly log: Logger;
  readonly engine: Engine;
  readonly gate: CommitGate;
  readonly txlog: TransactionLog;
  readonly member: Member;
  readonly access: AccessControl;
  readonly dispatcher: Dispatcher;
  readonly handover = new Handover(this);
  readonly operations = new Operations(this);
  readonly acks = new ReplicaAcks(this);
  readonly pubsub = new PubSub(this);
  readonly tracking = new Tracking(this);
  /** Follows another server's data. */
  readonly importer = new Importer(this);
  readonly output = new OutputPool();
  readonly parserLimits: ParserLimits;
  readonly connections = new Map<number, Connection>();
  readonly limits = new EncodingLimits();
  readonly startedAtMs = Date.now();
  readonly runId: string;
  nowMs = Date.now();
  /** Whether this member is primary and holds its lease: as of the last bytes that were read. */
  serving = false;
  /** This node's part in its shard; null in tests that have a log alone. */
  node: ShardNode | null = null;
  /** Null until recovery is over. */
  snapshots: Snapshots | null = null;
  /** A snapshot of another member is on its way into the store: none is made meanwhile. */
  fetchingSnapshot = false;
  /** The engine's count of changes that the newest snapshot holds. */
  changesAtSave = 0;
  /** Bytes of the snapshot loaded so far, and of the whole, while `loading`. */
  loadingProgress = { done: 0, total: 0 };
  /** The log is behind: no further commands are taken until it has caught up. */
  pausedForWrites = false;
  connectionsTotal = 0;
  rejectedConnections = 0;
  outputLimitDisconnections = 0;
  inputLimitDisconnections = 0;
  bytesOut = 0;
  /** By code; with ERRORSTATS_DISABLED among them none is counted any more. */
  readonly errorCounts = new Map<string, number>();
  errorRepliesTotal = 0;
  readonly statistics = new Statistics(this);
  readonly commandLog = new CommandLog();
  readonly latency = new LatencyMonitor();
  readonly monitors = new Monitors(this);
  readonly keySizes: KeySizes;
  readonly pause: ClientPause;
  /** Whether nothing is done in the background (DEBUG PAUSE-CRON). */
  cronPaused = false;
  readonly memoryLimit = new MemoryLimit(this);
  readonly writeQuorum = new WriteQuorum(this);
  /** Called when the member's role has changed. */
  onRole: (role: MemberRole) => void = () => undefined;
  /** Called when the log or the data cannot go on: the process must end. */
  onFatal: (error: Error) => void = (error) => { throw error; };
  readonly scripts: Scripts;
  readonly keyEvents: KeyEventChannels;
  /** Called when SHUTDOWN or a signal ends the server. */
  onShutdown: () => void = () => undefined;
  readonly listeners: ClientListeners;
  readonly #withOutput: ConnectionOutput[] = [];
  /** Connections whose next command may not run now. */
  readonly #postponed = new Set<Connection>();
  #awaited: { readonly role: MemberRole; readonly resolve: () => void }[] = [];
  #nextId = 1;
  #lastPrimary: { readonly host: string; readonly port: number } | null = null;
  /** Since when the primary is sought, as far as anybody has asked; 0 while it is known. */
  #soughtFromMs = 0;
  #turnOpen = false;
  #stopping = false;
  #networkDue = false;
  #cron: NodeJS.Timeout | null = null;
  #slowCron: NodeJS.Timeout | null = null;

  /** @param load see MemberOptions.load */
  constructor(config: Config, log: Logger, txlog: TransactionLog, runId: string, load: (through: number) => Promise<number>) {
    this.config = config;
    this.log = log;
    this.txlog = txlog;
    this.runId = runId;
    this.parserLimits = { bulkBytesMax: config.number('proto-max-bulk-len') };
    this.engine = new Engine({
      databases: config.number('databases'),
      hashSeed: Math.floor(Math.random() * 2 ** 32),
      random: Math.random,
      clockUs: nowUs,
      scratchReply: new RespWriter(),
      limits: this.limits,
    });
    this.keySizes = new KeySizes(this.engine);
    this.gate = new CommitGate((turn) => this.engine.commit(turn));
    this.engine.table.add(serverCommands(this));
    this.scripts = new Scripts(this);
    this.pause = new ClientPause(this.engine.keyspace, (command, request) => this.scripts.mayWrite(command, request));
    this.engine.table.add(this.scripts.commands());
    if (config.renamedCommands.size > 0) this.engine.table.rename(config.renamedCommands);
    this.engine.onNoteworthy = (command, request, session, { microseconds, requestBytes, replyBytes }) => {
      this.latency.add((command.flags & Flag.fast) === 0 ? 'command' : 'fast-command', microseconds, this.nowMs);
      const connection = this.connections.get(session.id);
      if (connection === undefined) return;
      this.commandLog.add('slow', microseconds, command, request, connection, this.nowMs);
      this.commandLog.add('large-request', requestBytes, command, request, connection, this.nowMs);
      this.commandLog.add('large-reply', replyBytes, command, request, connection, this.nowMs);
    };
    this.keyEvents = new KeyEventChannels(this);
    this.engine.lacksReplicas = () => this.writeQuorum.isShort;
    this.engine.onError = (text) => this.countError(text);
    this.engine.onPiece = () => {
      this.#pauseIfBehind();
      if (this.txlog.canAppend()) this.member.appendEffects();
    };
    this.engine.onRead = (command, request, session) => this.tracking.keysRead(command, request, session);
    this.access = new AccessControl(this);
    this.dispatcher = new Dispatcher(this);
    this.listeners = new ClientListeners(config, log, (socket) => this.#accept(socket));
    config.onChange = (name) => this.applyConfig(name);
    for (const [name] of config.get(['*'])) this.applyConfig(name);
    this.member = new Member({
      engine: this.engine, gate: this.gate, txlog, load,
      onRole: (role) => this.#roleChanged(role),
      onLeadership: () => {
        this.#announceLeader();
        this.#resumePostponed();
      },
      onCommitted: () => {
        if (this.#postponed.size > 0 || this.pausedForWrites) this.#resumePostponed();
        this.acks.check();
      },
      onFatal: (error) => this.onFatal(error),
    });
  }

  /** Whether the data is not there: commands are refused with LOADING. */
  get loading(): boolean {
    const { role } = this.member;
    return role !== 'replica' && role !== 'primary';
  }

  /** Whether another member is primary, as far as this one knows. */
  get keyspaceIsReplica(): boolean {
    return this.engine.keyspace.isReplica;
  }

  /** Where clients connect: the port without encryption, if there is one. */
  get port(): number {
    return this.listeners.port || this.listeners.tlsPort;
  }

  /** Makes a changed directive take effect. */
  applyConfig(name: string): void {
    const { config, limits } = this;
    const number = (directive: string): number => config.number(directive);
    limits.hashMaxListpackEntries = number('hash-max-listpack-entries');
    limits.hashMaxListpackValue = number('hash-max-listpack-value');
    limits.setMaxIntsetEntries = number('set-max-intset-entries');
    limits.setMaxListpackEntries = number('set-max-listpack-entries');
    limits.setMaxListpackValue = number('set-max-listpack-value');
    limits.zsetMaxListpackEntries = number('zset-max-listpack-entries');
    limits.zsetMaxListpackValue = number('zset-max-listpack-value');
    limits.listMaxListpackSize = number('list-max-listpack-size');
    limits.listCompressDepth = number('list-compress-depth');
    limits.streamNodeMaxBytes = number('stream-node-max-bytes');
    limits.streamNodeMaxEntries = number('stream-node-max-entries');
    limits.hllSparseMaxBytes = number('hll-sparse-max-bytes');
    limits.protoMaxBulkLen = number('proto-max-bulk-len');
    this.parserLimits.bulkBytesMax = number('proto-max-bulk-len');
    this.commandLog.configure(config);
    this.latency.thresholdMs = number('latency-monitor-threshold') || Infinity;
    this.engine.noteworthy = {
      slowUs: Math.min(this.commandLog.threshold('slow'), this.latency.thresholdMs * 1000),
      requestBytes: this.commandLog.threshold('large-request'),
      replyBytes: this.commandLog.threshold('large-reply'),
    };
    this.access.log.configure(number('acllog-max-len'));
    this.engine.clock.trackLatency = config.bool('latency-tracking');
    this.keyEvents.configure(config.string('notify-keyspace-events'));
    this.tracking.keysMax = number('tracking-table-max-keys');
    this.memoryLimit.configure(config);
    this.writeQuorum.configure(config);
    if (name === 'loglevel') this.log.level = config.string('loglevel') as typeof this.log.level;
    if (name === 'tcp-keepalive') for (const connection of this.connections.values()) this.#keepAlive(connection.socket);
  }

  /**
   * Loads the data; resolves when that is done. Commands run from then on, as far as the member's role allows.
   * @param hasData false: this member keeps the log alone
   */
  async start(hasData = true): Promise<void> {
    if (hasData) await this.member.start();
    else this.member.startLogOnly();
    this.#cron = setInterval(() => this.#tick(), CRON_MS);
    this.#slowCron = setInterval(() => {
      const { role } = this.member;
      if ((!this.loading || role === 'log-only') && !this.fetchingSnapshot) this.snapshots?.tick();
    }, SLOW_CRON_MS);
  }

  // ---- Turns ----

  /** Runs `work`, which may execute commands, as part of the current turn. */
  enterTurn(work: () => void): void {
    if (!this.#turnOpen) {
      this.#turnOpen = true;
      this.nowMs = Date.now();
      this.engine.beginTurn(this.nowMs);
      setImmediate(() => this.#endTurn());
    }
    this.serving = this.member.mayServe;
    work();
    this.#pauseIfBehind();
    this.member.turnGoesOn();
  }

  /** Asked not only at the end of the turn: one poll may read megabytes from one socket. */
  #pauseIfBehind(): void {
    if (this.engine.effectBytes + this.txlog.inFlightBytes > this.config.txlogMaxInFlightBytes) this.pausedForWrites = true;
  }

  #endTurn(): void {
    if (this.tracking.clients > 0) this.tracking.endTurn();
    this.#turnOpen = false;
    this.member.endTurn(this.#withOutput.length);
    this.pubsub.turnEnded();
    this.monitors.turnEnded();
    const ready = this.#withOutput;
    if (ready.length !== 0) {
      for (let i = 0; i < ready.length; i++) ready[i]!.flush();
      ready.length = 0;
    }
    // Commands begin where those before them ended, and the first where the turn began.
    const { clock, commandsTotal } = this.engine;
    const commandsUs = clock.turnUs;
    this.statistics.turns.ended(nowUs() - clock.lastUs + commandsUs, commandsUs, commandsTotal);
  }

  /** A connection has output to be flushed at the end of the turn. */
  outputReady(output: ConnectionOutput): void {
    this.#withOutput.push(output);
    if (!this.#turnOpen) this.enterTurn(() => undefined);
  }

  /** A connection's next command was postponed: it runs when the log has caught up, and this member may serve or does not lead. */
  postpone(connection: Connection): void {
    this.#postponed.add(connection);
  }

  #resumePostponed(): void {
    if (this.pausedForWrites && this.txlog.inFlightBytes <= this.config.txlogMaxInFlightBytes / 2) this.pausedForWrites = false;
    if (this.#postponed.size === 0 || this.pausedForWrites || (this.member.role === 'primary' && !this.member.mayServe)) return;
    const waiting = [...this.#postponed];
    this.#postponed.clear();
    for (const connection of waiting) connection.resume();
  }

  /** Resolves when the member's role is `role`. */
  hasRole(role: MemberRole): Promise<void> {
    if (this.member.role === role) return Promise.resolve();
    return new Promise((resolve) => { this.#awaited.push({ role, resolve }); });
  }

  /**
   * Whether the primary is gone, or unknown, and another one may be found in a moment. Who asks for the primary's address then
   * is answered when it is there: clients that are told of a dead one ask again a second later (node-redis).
   */
  get primaryIsSought(): boolean {
    const { node } = this;
    if (node === null || node.network === null || node.txlog.isLeader) return false;
    const { leader } = node.txlog;
    if (leader !== '' && node.network.peers().some((peer) => peer.id === leader && peer.connected)) {
      this.#soughtFromMs = 0;
      return false;
    }
    const nowMs = performance.now();
    if (this.#soughtFromMs === 0) this.#soughtFromMs = nowMs;
    return nowMs - this.#soughtFromMs < SOUGHT_ELECTION_TIMEOUTS * this.config.number('election-timeout-ms');
  }

  /** Tells Sentinel-aware clients of this node who is primary now. */
  #announceLeader(): void {
    const leader = this.node?.membership.leader;
    if (leader === undefined) return;
    const last = this.#lastPrimary;
    const { host, port } = leader.client;
    this.#lastPrimary = { host, port };
    if (last === null || (last.host === host && last.port === port)) return;
    this.pubsub.tellHere('+switch-master', `${this.config.string('sentinel-master-name')} ${last.host} ${last.port} ${host} ${port}`);
  }

  #roleChanged(role: MemberRole): void {
    this.serving = false;
    if (role === 'replica' || role === 'primary') this.access.loaded();
    if (role === 'primary') this.importer.resume();
    else this.importer.halt();
    for (const { resolve } of this.#awaited.filter((awaited) => awaited.role === role)) resolve();
    this.#awaited = this.#awaited.filter((awaited) => awaited.role !== role);
    if (role !== 'primary') {
      this.pausedForWrites = false;
      this.acks.end(UNBLOCKED_BY_DEMOTION);
      // What a primary had not committed is not known any more, and what a load skips was never seen.
      this.tracking.emptyAll();
    }
    this.onRole(role);
    this.#resumePostponed();
  }

  // ---- Connections ----

  /** Says why and closes, whether or not the client does: its descriptor is not to stay. */
  #turnAway(socket: net.Socket, why: string): void {
    this.rejectedConnections++;
    socket.on('error', () => undefined);
    socket.end(why);
    socket.destroySoon();
  }

  #accept(socket: net.Socket): AcceptedSocket | null {
    if (this.connections.size >= this.config.maxClients) {
      this.#turnAway(socket, '-ERR max number of clients reached\r\n');
      return null;
    }
    if (this.#refusedByProtectedMode(socket)) {
      this.#turnAway(socket, PROTECTED_MODE);
      return null;
    }
    this.connectionsTotal++;
    this.nowMs = Date.now();
    const connection = new Connection(this, socket, this.#nextId++, this.nowMs);
    this.connections.set(connection.id, connection);
    socket.setNoDelay(true);
    this.#keepAlive(socket);
    socket.on('error', () => connection.close());
    socket.on('end', () => connection.close());
    socket.on('close', () => connection.close());
    return {
      read: (buffer, length) => {
        this.enterTurn(() => connection.receive(buffer, length));
        return connection.wantsInput;
      },
    };
  }

  #keepAlive(socket: ClientSocket): void {
    const seconds = this.config.number('tcp-keepalive');
    socket.setKeepAlive(seconds > 0, seconds * 1000);
  }

  #refusedByProtectedMode(socket: net.Socket): boolean {
    if (!this.config.bool('protected-mode') || this.access.authRequired) return false;
    const { remoteAddress } = socket;
    return remoteAddress !== undefined && !/^(127\.|::1$|::ffff:127\.)/.test(remoteAddress);
  }

  connectionClosed(connection: Connection): void {
    this.connections.delete(connection.id);
    this.#postponed.delete(connection);
    this.pause.forget(connection);
    this.connectionLeft(connection);
  }

  /** Nothing more is sent to a client: it listens to nothing any longer. */
  connectionLeft(connection: Connection): void {
    this.pubsub.forget(connection);
    this.tracking.disable(connection);
    this.monitors.remove(connection);
    this.engine.endSession(connection.session);
  }

  countError(text: string): void {
    const space = text.indexOf(' ');
    const code = space < 0 ? text : text.slice(0, space);
    this.errorRepliesTotal++;
    if (this.errorCounts.has(ERRORSTATS_DISABLED)) return;
    if (this.errorCounts.size >= ERROR_CODES_MAX && !this.errorCounts.has(code)) {
      this.log.warning('Errorstats stopped adding new errors because the number of errors reached the limit, may be misuse of lua error_reply, please check INFO ERRORSTATS, this can be re-enabled via CONFIG RESETSTAT.');
      this.errorCounts.clear();
      this.errorCounts.set(ERRORSTATS_DISABLED, 1);
    } else this.errorCounts.set(code, (this.errorCounts.get(code) ?? 0) + 1);
  }

  /** CONFIG RESETSTAT. */
  resetStatistics(): void {
    const { keyspace, table, types } = this.engine;
    types.lazyFree.freed = 0;
    this.errorCounts.clear();
    this.errorRepliesTotal = 0;
    this.connectionsTotal = this.rejectedConnections = this.outputLimitDisconnections = this.inputLimitDisconnections = this.bytesOut = 0;
    this.engine.commandsTotal = keyspace.keyspaceHits = keyspace.keyspaceMisses = keyspace.expiredKeys = keyspace.expiredFields = 0;
    for (const row of table.all) {
      row.calls = row.microseconds = row.rejectedCalls = row.failedCalls = 0;
      row.latency = null;
    }
    this.statistics.reset();
    this.memoryLimit.resetStatistics();
    this.scripts.evalScripts.evicted = 0;
  }

  /** A client of another member, which forwards what it sends: it was authenticated there. */
  acceptProxied(header: StreamHeader, stream: Duplex): void {
    const hops = Number(header['hops']);
    // Who is let in there by that member's directives may be nobody to the shard; soon the member will know.
    const isUnknown = this.engine.users.areShared && header['users'] !== 'shared';
    if (isUnknown || this.#stopping || hops > HOPS_MAX || this.connections.size >= this.config.maxClients) {
      stream.destroy(new OperationalError('NOT_PRIMARY', 'this member does not take the client'));
      return;
    }
    this.nowMs = Date.now();
    const connection = new Connection(this, new ProxiedSocket(stream, String(header['address'])), this.#nextId++, this.nowMs);
    connection.hops = hops;
    // Older members do not say.
    connection.session.scriptsOfEval = Number(header['scriptsOfEval'] ?? 0);
    connection.name = String(header['name']);
    this.access.assignProxied(connection, String(header['user']));
    this.connections.set(connection.id, connection);
    for (const event of ['error', 'end', 'close']) stream.on(event, () => connection.close());
    stream.write(GREETING);
    stream.on('data', (chunk: Buffer) => {
      this.enterTurn(() => connection.receive(chunk, chunk.length));
      if (!connection.wantsInput) stream.pause();
    });
  }

  /** What was given to the network goes out at the end of the turn. */
  flushNetwork(): void {
    if (this.#networkDue) return;
    this.#networkDue = true;
    setImmediate(() => {
      this.#networkDue = false;
      this.node?.network?.flush();
    });
  }

  // ---- Background ----

  /** Whether what has expired is taken out in the background: by who decides on it, unless that is not to be. */
  get takesOutExpired(): boolean {
    const { keyspace } = this.engine;
    return keyspace.activeExpire && this.serving && !keyspace.isReadOnly && !this.pause.holdsExpiry;
  }

  #tick(): void {
    if (this.cronPaused) return;
    this.enterTurn(() => {
      const { engine } = this;
      engine.actor = 0;
      if (engine.blocking.count > 0) engine.blocking.expire(this.nowMs);
      this.#resumePostponed();
      this.acks.check();
      const { keyspace } = engine;
      const begunUs = nowUs();
      const end = begunUs + (keyspace.compactor.isBehind ? BACKGROUND_BEHIND_US_MAX : BACKGROUND_US_MAX);
      if (this.takesOutExpired) {
        while (keyspace.expireStep(16) === 16 && nowUs() < end);
        while (keyspace.expireFieldsStep(ENDED_FEW) === ENDED_FEW && nowUs() < end);
        // Who waits in XREADGROUP is told that its stream is gone.
        if (keyspace.interest.hasReady) engine.blocking.serveReady();
        const endedUs = nowUs();
        this.statistics.expiryUs += endedUs - begunUs;
        if (endedUs >= end) this.statistics.expiryCutOff++;
        this.latency.add('expire-cycle', endedUs - begunUs, this.nowMs);
      }
      while (this.keySizes.isWalking && this.keySizes.step(256) && nowUs() < end);
      while (keyspace.lazyFreeStep(64) && nowUs() < end);
      this.memoryLimit.tick();
      while (keyspace.compactor.step(128) && nowUs() < end);
      this.statistics.timerUs += nowUs() - begunUs;
    });
    this.statistics.tick();
  }

  /** Resident set in bytes without what is mapped from files: LevelDB maps those of the log, and their pages are the page cache's. */
  rssBytes(): number {
    try {
      const [, resident, shared] = readFileSync('/proc/self/statm', 'utf8').split(' ');
      return (Number(resident) - Number(shared)) * 4096;
    } catch {
      return process.memoryUsage.rss();
    }
  }

  /** Lets go of all clients once what they wait for is committed, and closes the log. */
  async stop(): Promise<void> {
    this.#stopping = true;
    if (this.#cron !== null) clearInterval(this.#cron);
    if (this.#slowCron !== null) clearInterval(this.#slowCron);
    this.listeners.close();
    this.pause.end();
    this.importer.halt();
    await this.snapshots?.close();
    await this.#dismissClients();
    while (this.gate.inFlight > 0) await new Promise((resolve) => { setImmediate(resolve); });
    for (const connection of [...this.connections.values()]) connection.close();
    await this.txlog.close();
    await this.node?.close();
  }

  /** Ends each connection at a moment at which it waits for nothing; those that never come to it are left to be closed. */
  async #dismissClients(): Promise<void> {
    const deadlineMs = performance.now() + DISMISS_MS_MAX;
    for (let isDone = false; !isDone && performance.now() < deadlineMs;) {
      isDone = true;
      for (const connection of [...this.connections.values()]) isDone = connection.endAtRest() && isDone;
      if (!isDone) await new Promise((resolve) => { setTimeout(resolve, 1); });
    }
  }
}

const PROTECTED_MODE = '-DENIED Redis is running in protected mode because protected mode is enabled and no password is set '
  + 'for the default user. In this mode connections are only accepted from the loopback interface. If you want to connect '
  + 'from external computers, set requirepass, or turn protected mode off with CONFIG SET protected-mode no from the same host.\r\n';
