/** A node's machine: what outlives its processes (disk, snapshots, identity), its clock, and what may befall it. */
import type { MemberLabel } from '../../src/replication/member-label.ts';
import type { IdentityStore, NodeIdentity } from '../../src/replication/node-identity.ts';
import type { PeerAddress } from '../../src/replication/peers/peer-network.ts';
import { MemoryLogDisk } from '../../src/txlog/memory-log-store.ts';
import type { LogClock } from '../../src/txlog/raft-transaction-log-options.ts';
import type { MemberConfig, MemberRole } from '../../src/txlog/raft/types.ts';
import { SnapshotDisk } from './memory-snapshot-store.ts';
import { SimProcess, type Surroundings } from './sim-process.ts';
import type { World } from './world.ts';

/** The fastest clock to the slowest is 1.1 to 1: within clockDriftMax of the core's limits. */
const RATE_MIN = 0.953;
const RATE_MAX = 1.048;
const PEER_PORT = 7000;

class MemoryIdentity implements IdentityStore {
  identity: NodeIdentity;

  constructor(memberId: string) {
    this.identity = { memberId, shardId: '', firstConfig: null, hasLog: false, reachedRole: null };
  }

  joined(shardId: string, firstConfig: MemberConfig): Promise<void> {
    this.identity = { ...this.identity, shardId, firstConfig };
    return Promise.resolve();
  }

  logOpened(created: boolean): Promise<void> {
    if (created && this.identity.hasLog) return Promise.reject(new Error(`the log of ${this.identity.memberId} is gone`));
    this.identity = { ...this.identity, hasLog: true };
    return Promise.resolve();
  }

  roleReached(role: MemberRole): Promise<void> {
    this.identity = { ...this.identity, reachedRole: role };
    return Promise.resolve();
  }
}

export class SimMachine {
  readonly name: string;
  readonly role: MemberRole;
  readonly label: MemberLabel;
  readonly seeds: readonly PeerAddress[];
  disk!: MemoryLogDisk;
  snapshots!: SnapshotDisk;
  identity!: MemoryIdentity;
  process: SimProcess | null = null;
  /** Longest that a write takes to reach the disk. */
  diskMaxMs = 3;
  /** Whether this node was removed from the shard: it stays down until it is given a new disk. */
  isRemoved = false;
  readonly #world: World;
  readonly #around: Surroundings;
  readonly #clockRate: number;
  readonly #clockOffsetMs: number;
  #stopped = false;
  /** What came while it was stopped. */
  #deferred: (() => void)[] = [];
  #deferredTimers: (() => void)[] = [];
  #syncsUnderWay = 0;

  constructor(name: string, role: MemberRole, seeds: readonly string[], around: Surroundings) {
    this.name = name;
    this.role = role;
    this.label = { peer: addressOf(name), client: { host: name, port: 6379 }, zone: `zone-${name}` };
    this.seeds = seeds.map(addressOf);
    this.#around = around;
    this.#world = around.world;
    const { random } = around.world;
    this.#clockRate = RATE_MIN + random.next() * (RATE_MAX - RATE_MIN);
    this.#clockOffsetMs = random.below(100_000);
    this.wipe();
  }

  /** A new, empty disk, and so a new member. The process must be down. */
  wipe(): void {
    const { random } = this.#world;
    this.disk = new MemoryLogDisk();
    this.disk.holdSyncs();
    this.#syncsUnderWay = 0;
    this.snapshots = new SnapshotDisk();
    this.identity = new MemoryIdentity(Array.from({ length: 40 }, () => random.below(16).toString(16)).join(''));
    this.isRemoved = false;
  }

  get isUp(): boolean {
    return this.process !== null;
  }

  get isStopped(): boolean {
    return this.#stopped;
  }

  start(): void {
    if (this.process !== null || this.isRemoved) return;
    this.#world.trace(`${this.name} starts`);
    this.process = new SimProcess(this, this.#around);
    this.process.start();
  }

  /**
   * The process ends at once.
   * @param power whether with the machine: then what was not synced is lost
   * @param luck how likely each write under way still gets to the disk; by default anything
   */
  crash(power: boolean, luck = this.#world.random.next()): void {
    if (this.process === null) return;
    const { random } = this.#world;
    this.#world.trace(`${this.name} ${power ? 'loses power' : 'is killed'}, ${this.disk.heldWrites} writes under way`);
    this.process.kill();
    this.process = null;
    this.#stopped = false;
    this.#deferred = [];
    this.#deferredTimers = [];
    this.disk.crash({ survives: () => random.chance(luck), keepUnsynced: !power });
    this.disk.holdSyncs();
    this.#syncsUnderWay = 0;
  }

  removed(): void {
    this.crash(false);
    this.isRemoved = true;
    this.#world.trace(`${this.name} was removed`);
  }

  /** SIGSTOP: nothing happens in the process, while its clock goes on. */
  stop(): void {
    if (this.process !== null) this.#stopped = true;
  }

  /** SIGCONT: all that came meanwhile is there at once, timers before or after messages. */
  resume(): void {
    if (!this.#stopped) return;
    this.#stopped = false;
    const process = this.process!;
    const [timers, others] = [this.#deferredTimers.splice(0), this.#deferred.splice(0)];
    const works = this.#world.random.chance(0.5) ? [...timers, ...others] : [...others, ...timers];
    for (const work of works) this.#world.after(0.01, () => this.deliver(process, work));
  }

  deliver(process: SimProcess, work: () => void, isTimer = false): void {
    if (!process.alive) return;
    if (!this.#stopped) work();
    else if (isTimer) this.#deferredTimers.push(work);
    else this.#deferred.push(work);
  }

  clockOf(process: SimProcess): LogClock {
    const world = this.#world;
    return {
      nowMs: () => this.#clockOffsetMs + world.nowMs * this.#clockRate,
      every: (periodMs, work) => {
        let ended = false;
        const arm = (): void => {
          world.after(periodMs / this.#clockRate, () => this.deliver(process, () => {
            if (ended) return;
            arm();
            work();
          }, true));
        };
        arm();
        return () => { ended = true; };
      },
    };
  }

  /** Lets writes that have begun reach the disk, each in its time and mostly in order. To be called after each event. */
  driveDisk(): void {
    const { random } = this.#world;
    while (this.#syncsUnderWay < this.disk.heldWrites) {
      this.#syncsUnderWay++;
      const { disk, process } = this;
      this.#world.after(this.#world.delay(0.1, this.diskMaxMs), () => {
        if (process === null || process !== this.process) return;
        this.deliver(process, () => {
          this.#syncsUnderWay--;
          disk.complete(random.chance(0.1) ? random.below(disk.heldWrites) : 0);
        });
      });
    }
  }
}

function addressOf(machine: string): PeerAddress {
  return { host: machine, port: PEER_PORT };
}
