/**
 * One life of a node: engine, commit gate, member, log, snapshots and membership put together as start-server.ts does, and
 * the turns of the event loop as server.ts has them. What differs is where time, chance, network and disk come from.
 */
import type { Engine } from '../../src/engine/engine.ts';
import { Session } from '../../src/engine/session.ts';
import { CommitGate, type Waiter } from '../../src/replication/commit-gate.ts';
import { Member, type MemberRole } from '../../src/replication/member.ts';
import { ShardNode } from '../../src/replication/shard-node.ts';
import { OperationalError } from '../../src/shared/errors.ts';
import { Request } from '../../src/shared/request.ts';
import { makeSnapshot } from '../../src/snapshot/shadow-replica.ts';
import { Snapshots } from '../../src/snapshot/snapshots.ts';
import { MemoryLogStore } from '../../src/txlog/memory-log-store.ts';
import type { RaftTransactionLog } from '../../src/txlog/raft-transaction-log.ts';
import type { LogClock } from '../../src/txlog/raft-transaction-log-options.ts';
import { RecordingReply, type Value, parseReply } from '../engine/recording-reply.ts';
import type { EnginePool } from './engine-pool.ts';
import { type LogMonitor, type LogView, type Watched, WatchedStore } from './log-monitor.ts';
import { MemorySnapshotStore } from './memory-snapshot-store.ts';
import type { SimMachine } from './sim-machine.ts';
import type { Endpoint, Host, SimNetwork } from './sim-network.ts';
import type { World } from './world.ts';

export const TICK_MS = 100;
const EPOCH_MS = 1_700_000_000_000;
/** A command that may not run now is tried again so often. */
const POSTPONED_MS = 10;
/** How long after the end of a process its engine is not used. */
const ENGINE_REST_MS = 1000;
const HANDOVER_CHECK_MS = 2;
const HANDOVER_MS_MAX = 2000;
/** How long after its first command a turn ends. */
const TURN_MS = 0.05;

export interface Surroundings {
  readonly world: World;
  readonly network: SimNetwork;
  readonly monitor: LogMonitor;
  readonly engines: EnginePool;
  readonly processes: () => readonly SimProcess[];
}

/** What became of a request. `refused`: it was not executed. `closed`: nobody knows. */
export type RequestEnd = { readonly kind: 'replies'; readonly replies: Value[] } | { readonly kind: 'refused' } | { readonly kind: 'closed' };

/** A client's request on its connection. */
class Held implements Waiter {
  readonly turn: number;
  readonly #end: (end: RequestEnd) => void;
  readonly #replies: Value[];
  readonly #leaves: (turn: number) => void;
  #done = false;

  constructor(turn: number, replies: Value[], end: (end: RequestEnd) => void, leaves: (turn: number) => void) {
    this.turn = turn;
    this.#replies = replies;
    this.#end = end;
    this.#leaves = leaves;
  }

  release(turn: number): void {
    if (this.#done || turn < this.turn) return;
    this.#done = true;
    this.#leaves(this.turn);
    this.#end({ kind: 'replies', replies: this.#replies });
  }

  /** As a connection: nobody can say what became of the write (promise P5). */
  inDoubt(): void {
    if (this.#done) return;
    this.#done = true;
    this.#end({ kind: 'closed' });
  }
}

/** The gate, with a memory of the last record of each turn that ended. */
class WatchedGate extends CommitGate {
  readonly #indexes = new Map<number, number>();

  override turnEnded(turn: number, index: number): void {
    this.#indexes.set(turn, index);
    super.turnEnded(turn, index);
  }

  /** 0 for a turn before this process's first, and for one that has not ended. */
  indexOf(turn: number): number {
    return this.#indexes.get(turn) ?? 0;
  }
}

export class SimProcess implements Host, Watched {
  alive = true;
  seenCommitIndex = 0;
  led = { term: 0, commitIndex: 0 };
  readonly name: string;
  readonly machine: string;
  readonly engine: Engine;
  readonly gate: WatchedGate;
  readonly clock: LogClock;
  node!: ShardNode;
  member!: Member;
  snapshots!: Snapshots;
  #endpoint: Endpoint | null = null;
  /** Whether everything above is there. */
  #ready = false;
  readonly #where: SimMachine;
  readonly #around: Surroundings;
  readonly #store: WatchedStore;
  readonly #reply = new RecordingReply();
  #turnOpen = false;
  #serving = false;

  constructor(where: SimMachine, around: Surroundings) {
    this.#where = where;
    this.#around = around;
    this.name = where.name;
    this.machine = where.name;
    this.engine = around.engines.take();
    this.gate = new WatchedGate((turn) => this.engine.commit(turn));
    // The engine may have run before, in another life.
    this.gate.abandon(this.engine.turn);
    this.clock = where.clockOf(this);
    this.#store = new WatchedStore(new MemoryLogStore(where.disk), around.monitor, where.name);
  }

  get isReady(): boolean {
    return this.alive && this.#ready;
  }

  get memberId(): string {
    return this.node.memberId;
  }

  get txlog(): RaftTransactionLog {
    return this.node.txlog;
  }

  /** Its records through here are on its disk. */
  get durableIndex(): number {
    return this.#store.durableIndex;
  }

  get view(): LogView {
    return this.#store.view;
  }

  deliver(work: () => void): void {
    this.#where.deliver(this, work);
  }

  /** Begins; what goes wrong fails the run. */
  start(): void {
    this.#boot().catch((error: unknown) => { if (this.alive) this.#around.world.fail(error); });
  }

  kill(): void {
    this.alive = false;
    if (this.#endpoint !== null) this.#around.network.ended(this.#endpoint);
    // What was under way in it has run into the ground by then.
    this.#around.world.after(ENGINE_REST_MS, () => this.#around.engines.giveBack(this.engine));
  }

  async #boot(): Promise<void> {
    const { world, network } = this.#around;
    const where = this.#where;
    const store = new MemorySnapshotStore(where.snapshots, () => this.alive);
    const connect = (handlers: Parameters<SimNetwork['attach']>[1]): Promise<Endpoint> => {
      this.#endpoint = network.attach(this, handlers);
      return Promise.resolve(this.#endpoint);
    };
    const node = await ShardNode.open({
      identity: where.identity, store: this.#store, snapshots: store, label: where.label, role: where.role,
      peering: { connect, seeds: where.seeds, mayFound: false },
      tickMs: TICK_MS, maxBatchesInFlight: 4, clock: this.clock, random: world.random.next,
      notice: (message) => this.trace(message),
      warn: (message) => this.trace(message),
      onMessage: () => undefined,
      onStream: (kind, _from, _header, stream) => { stream.destroy(new OperationalError('PEER_UNKNOWN_KIND', kind)); },
      onAsk: (_from, kind) => Promise.reject(new OperationalError('PEER_UNKNOWN_KIND', kind)),
      onRemoved: () => where.removed(),
    });
    if (!this.alive) return;
    this.node = node;
    this.#store.process = this;
    const { txlog } = node;
    const fatal = (error: Error): void => { if (this.alive) world.fail(error); };
    this.member = new Member({
      engine: this.engine, gate: this.gate, txlog,
      load: (through) => this.#load(through),
      onRole: (role) => this.#roleChanged(role),
      onCommitted: () => undefined,
      onLeadership: () => undefined,
      onFatal: fatal,
    });
    txlog.onFatal = fatal;
    node.onSnapshotWanted = ({ index }) => { void node.replaceBySnapshot(this.member, index, () => this.#load(0), (info) => this.snapshots.received(info)); };
    this.snapshots = await this.#openSnapshots(store);
    this.#ready = true;
    await this.member.start();
  }

  async #openSnapshots(store: MemorySnapshotStore): Promise<Snapshots> {
    const { world, engines } = this.#around;
    const { txlog } = this.node;
    return new Snapshots({
      store, txlog,
      notice: (message) => this.trace(message),
      warn: (message) => this.trace(message),
      nowMs: () => this.nowMs,
      delay: (ms) => this.#sleep(ms),
      datasetBytes: () => this.engine.keyspace.arena.liveBytes,
      appliedIndex: () => this.member.appliedIndex,
      policy: () => ({ freshnessPercent: 0, freshnessMinBytes: 0, dailyAtMinute: null, retentionDays: 1, keep: 1 }),
      make: async (through, reason, stop) => {
        const { config, configIndex } = txlog.snapshotMetaAt(through);
        const work = { through, reason, members: { index: configIndex, config }, madeAtMs: this.nowMs, shardId: txlog.shardId, logBase: txlog.firstIndex - 1, compress: true };
        await this.#sleep(world.delay(1, 200));
        const shadow = engines.take();
        const info = await makeSnapshot(work, store, shadow, (from) => txlog.read(from, through, stop), (message) => this.trace(message));
        engines.giveBack(shadow);
        return info;
      },
    }, await store.list());
  }

  /** As load of start-server.ts; each piece of it takes time. */
  async #load(through: number): Promise<number> {
    const { world } = this.#around;
    this.engine.beginTurn(this.nowMs);
    await this.#sleep(world.delay(1, 300));
    const { index } = await this.node.load(this.engine, through, {
      damaged: (name, why) => this.trace(`snapshot ${name} cannot be used: ${why}`),
      snapshotProgress: () => this.#sleep(world.delay(0.1, 20)),
      logProgress: () => this.#sleep(world.delay(0.1, 20)),
    });
    return index;
  }

  get nowMs(): number {
    return EPOCH_MS + Math.floor(this.clock.nowMs());
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => { this.#around.world.after(ms, () => this.deliver(resolve)); });
  }

  trace(what: string): void {
    if (this.alive) this.#around.world.trace(`${this.name} ${what}`);
  }

  #roleChanged(role: MemberRole): void {
    this.#serving = false;
    this.trace(`is ${role}, term ${this.txlog.term}`);
    if (role === 'primary') this.#around.monitor.becamePrimary(this, this.member.appliedIndex, this.engine);
  }

  // ---- Turns, as server.ts has them ----

  #enterTurn(work: () => void): void {
    const { world } = this.#around;
    if (!this.#turnOpen) {
      this.#turnOpen = true;
      this.engine.beginTurn(this.nowMs);
      world.after(TURN_MS, () => this.deliver(() => this.#endTurn()));
    }
    this.#serving = this.member.mayServe;
    work();
  }

  #endTurn(): void {
    this.#turnOpen = false;
    this.member.endTurn(0);
  }

  /** A request of a client: one command, or MULTI, commands and EXEC. `end` is called once, or never if this process ends before. */
  request(commands: readonly (readonly string[])[], end: (end: RequestEnd) => void): void {
    if (!this.#ready || this.member.role === 'loading' || this.member.role === 'demoting') return end({ kind: 'refused' });
    this.#enterTurn(() => this.#run(commands, end));
  }

  #run(commands: readonly (readonly string[])[], end: (end: RequestEnd) => void): void {
    if (!this.#serving) {
      if (this.member.role !== 'primary') return end({ kind: 'refused' });
      // Soon this member knows whether it is still the primary.
      this.#around.world.after(POSTPONED_MS, () => this.deliver(() => this.request(commands, end)));
      return;
    }
    this.#around.monitor.serves(this, this.#around.processes().filter((process) => process.isReady));
    const session = new Session(1, null);
    const reply = this.#reply;
    let wait = 0;
    const replies = commands.map((words) => {
      const request = Request.of(...words);
      const command = this.engine.table.resolve(request, reply)!;
      this.engine.execute(command, session, request, reply);
      wait = Math.max(wait, this.engine.lastWaitFor);
      return parseReply(reply.take());
    });
    const held = new Held(wait, replies, end, (turn) => {
      if (this.alive) this.#around.monitor.acknowledged(this, this.gate.indexOf(turn));
    });
    if (wait <= this.gate.committedTurn) held.release(this.gate.committedTurn);
    else this.gate.wait(held, wait);
  }

  // ---- Operators ----

  /** A switchover as handover.ts makes it: commands are held, everything is committed, another is told to lead. */
  async handOver(to: string): Promise<void> {
    const { txlog, member, gate, engine } = this;
    const { term } = txlog;
    const untilMs = this.clock.nowMs() + HANDOVER_MS_MAX;
    const waitUntil = async (condition: () => boolean): Promise<void> => {
      while (!condition() && txlog.term === term && this.clock.nowMs() < untilMs) await this.#sleep(HANDOVER_CHECK_MS);
    };
    member.handingOver = true;
    try {
      await waitUntil(() => gate.inFlight === 0 && engine.effectBytes === 0);
      if (txlog.isLeader) txlog.transferLeadership(to);
      await waitUntil(() => txlog.term !== term);
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
    } finally {
      member.handingOver = false;
    }
  }
}
