/** What befalls the simulated shard: the seed decides what, whom, when and for how long. */
import { OperationalError } from '../../src/shared/errors.ts';
import { JOIN_KINDS, askToJoin } from '../../src/replication/joining.ts';
import { formatLabel } from '../../src/replication/member-label.ts';
import type { SimMachine } from './sim-machine.ts';
import type { Host, SimNetwork } from './sim-network.ts';
import type { SimProcess } from './sim-process.ts';
import type { World } from './world.ts';

/** Members are removed only while more vote than these. */
const VOTERS_MIN = 3;
const JOIN_RETRY_MS = 300;
/** So long an election is waited for. */
const VOTE_MS_MAX = 4000;

type Fault = (faults: Faults) => void;

/** How often which fault comes, one against the other. */
const FAULTS: readonly (readonly [number, Fault])[] = [
  [6, (faults) => faults.crash()],
  [1, (faults) => faults.crashAll()],
  [4, (faults) => faults.stop()],
  [4, (faults) => faults.isolateLeader()],
  [3, (faults) => faults.partition()],
  [3, (faults) => faults.slowDisk()],
  [2, (faults) => faults.lossyNetwork()],
  [4, (faults) => faults.handOver()],
  [5, (faults) => faults.snapshot()],
  [3, (faults) => faults.damage()],
  [2, (faults) => faults.lastCopy()],
  [2, (faults) => faults.forgottenVotes()],
  [2, (faults) => faults.join()],
  [2, (faults) => faults.remove()],
];

export class Faults {
  readonly counts: Record<string, number> = {};
  readonly #world: World;
  readonly #network: SimNetwork;
  readonly #machines: readonly SimMachine[];
  /** Whose data are not whole: one at a time, or what is committed could not survive. */
  #damaged: SimMachine | null = null;
  readonly #weights: readonly number[];

  constructor(world: World, network: SimNetwork, machines: readonly SimMachine[]) {
    this.#world = world;
    this.#network = network;
    this.#machines = machines;
    // Each run has its favourites, so that some faults meet often.
    this.#weights = FAULTS.map(([weight]) => weight * world.random.next() ** 2);
  }

  /** A fault every so often, until all is calm. */
  start(periodMs: number): void {
    this.#world.after(this.#world.random.next() * 2 * periodMs, () => {
      if (this.#world.calm) return;
      this.#pick()(this);
      this.start(periodMs);
    });
  }

  /** Ends all faults for good. */
  end(): void {
    this.#world.calm = true;
    this.#network.heal();
    this.#network.loss = 0;
    for (const machine of this.#machines) {
      machine.diskMaxMs = 3;
      machine.resume();
      if (machine.identity.identity.shardId !== '') machine.start();
    }
  }

  #pick(): Fault {
    let at = this.#world.random.next() * this.#weights.reduce((sum, weight) => sum + weight, 0);
    const place = this.#weights.findIndex((weight) => (at -= weight) < 0);
    return FAULTS[Math.max(0, place)]![1];
  }

  #count(what: string): void {
    this.counts[what] = (this.counts[what] ?? 0) + 1;
  }

  /** One of the machines that are up, more often the leader's. */
  #anybody(): SimMachine | undefined {
    const { random } = this.#world;
    const leader = this.#leader();
    if (leader !== undefined && random.chance(0.3)) return leader;
    const up = this.#machines.filter((machine) => machine.isUp && !machine.isStopped);
    return up.length === 0 ? undefined : random.pick(up);
  }

  #leader(): SimMachine | undefined {
    let found: SimProcess | undefined;
    for (const { process } of this.#machines) {
      if (process?.isReady === true && process.txlog.isLeader && (found === undefined || process.txlog.term > found.txlog.term)) found = process;
    }
    return this.#machines.find(({ process }) => process !== null && process === found);
  }

  #later(minMs: number, maxMs: number, run: () => void): void {
    this.#world.after(this.#world.delay(minMs, maxMs), () => { if (!this.#world.calm) run(); });
  }

  // ---- Processes ----

  crash(): void {
    const machine = this.#anybody();
    if (machine === undefined) return;
    this.#count('crash');
    machine.crash(this.#world.random.chance(0.5));
    this.#later(20, 4000, () => machine.start());
  }

  crashAll(): void {
    this.#count('crashAll');
    for (const machine of this.#machines) {
      if (!machine.isUp) continue;
      machine.crash(true);
      this.#later(20, 1500, () => machine.start());
    }
  }

  stop(): void {
    const machine = this.#anybody();
    if (machine === undefined) return;
    this.#count('stop');
    machine.stop();
    this.#world.trace(`${machine.name} is stopped`);
    this.#later(50, 4000, () => {
      this.#world.trace(`${machine.name} goes on`);
      machine.resume();
    });
  }

  // ---- Network ----

  isolateLeader(): void {
    const leader = this.#leader();
    if (leader === undefined) return;
    this.#count('isolate');
    const how = this.#world.random.below(3);
    for (const other of this.#machines) {
      if (other === leader) continue;
      if (how !== 0) this.#network.cut(leader.name, other.name);
      if (how !== 1) this.#network.cut(other.name, leader.name);
    }
    this.#world.trace(`${leader.name} is cut off (${['in', 'out', 'both'][how]})`);
    this.#healLater();
  }

  partition(): void {
    this.#count('partition');
    const { random } = this.#world;
    if (random.chance(0.4)) {
      for (const a of this.#machines) for (const b of this.#machines) if (a !== b && random.chance(0.25)) this.#network.cut(a.name, b.name);
    } else {
      const side = new Set(this.#machines.filter(() => random.chance(0.5)));
      for (const a of this.#machines) for (const b of this.#machines) if (side.has(a) !== side.has(b)) this.#network.cut(a.name, b.name);
    }
    this.#world.trace('the network is divided');
    this.#healLater();
  }

  #healLater(): void {
    this.#later(300, 6000, () => {
      this.#world.trace('the network heals');
      this.#network.heal();
    });
  }

  lossyNetwork(): void {
    this.#count('loss');
    this.#network.loss = this.#world.random.next() * 0.25;
    this.#network.delayMaxMs = this.#world.random.chance(0.5) ? 5 : 80;
    this.#later(500, 4000, () => {
      this.#network.loss = 0;
      this.#network.delayMaxMs = 5;
    });
  }

  // ---- Disks ----

  slowDisk(): void {
    const machine = this.#anybody();
    if (machine === undefined) return;
    this.#count('slowDisk');
    machine.diskMaxMs = this.#world.random.chance(0.5) ? 60 : 1500;
    this.#later(500, 4000, () => { machine.diskMaxMs = 3; });
  }

  /** A machine dies and comes back with a rotten log or an empty disk. */
  damage(): void {
    const { random } = this.#world;
    if (!this.#isWhole()) return;
    const machine = this.#anybody();
    if (machine === undefined || machine.process?.isReady !== true) return;
    const { memberId, txlog } = machine.process;
    const { firstIndex, lastIndex, config } = txlog;
    // Of a shard that is just changing, nobody can say who may be missed.
    if (config.config.votersOutgoing.length > 0 || !config.config.voters.includes(memberId)) return;
    this.#damaged = machine;
    machine.crash(random.chance(0.5));
    if (random.chance(0.3)) {
      this.#count('wipe');
      this.#world.trace(`${machine.name} loses its disk`);
      machine.wipe();
      this.#later(50, 3000, () => this.#joinUntilDone(machine));
      return;
    }
    this.#rot(machine, firstIndex + random.below(Math.max(1, lastIndex - firstIndex + 1)));
    this.#later(20, 2000, () => machine.start());
  }

  #rot(machine: SimMachine, index: number): void {
    this.#count('rot');
    if (machine.disk.stored(index) === null) return;
    this.#world.trace(`record ${index} of ${machine.name} rots`);
    machine.disk.flipBit(index, this.#world.random.below(10_000));
  }

  /** What was committed while one member was cut off rots at a second, and the leader, which alone still has it, is down for a while. */
  lastCopy(): void {
    const { random } = this.#world;
    const leader = this.#leader();
    if (leader?.process === undefined || leader.process === null || !this.#isWhole() || leader.process.txlog.config.config.votersOutgoing.length > 0) return;
    const { voters } = leader.process.txlog.config.config;
    const others = this.#machines.filter(({ process }) => process?.isReady === true && process !== leader.process && voters.includes(process.memberId));
    if (others.length < 2) return;
    const rotting = random.pick(others);
    this.#count('lastCopy');
    this.#damaged = rotting;
    for (const lagging of others) {
      if (lagging === rotting) continue;
      for (const other of [leader, rotting]) this.#cutBoth(lagging, other);
    }
    this.#later(100, 600, () => {
      const lastIndex = rotting.process?.isReady === true ? rotting.process.txlog.lastIndex : 0;
      leader.crash(true);
      rotting.crash(true);
      this.#rot(rotting, lastIndex - random.below(4));
      this.#network.heal();
      rotting.start();
      this.#later(1500, 4000, () => leader.start());
    });
  }

  /**
   * Everybody starts anew, and when the first vote is on its way to a slow disk, all machines but the candidate's lose power
   * before it gets there. Then they do not hear the candidate.
   */
  forgottenVotes(): void {
    const { config } = this.#leader()?.process?.txlog.config ?? {};
    if (config === undefined || config.votersOutgoing.length > 0 || !this.#isWhole()) return;
    const voters = this.#machines.filter(({ process }) => process?.isReady === true && config.voters.includes(process.memberId));
    if (voters.length < config.voters.length) return;
    this.#count('forgottenVotes');
    for (const machine of voters) {
      machine.crash(true);
      machine.diskMaxMs = 500;
      machine.start();
    }
    this.#forgetVotes(voters, this.#world.nowMs + VOTE_MS_MAX);
  }

  #forgetVotes(voters: readonly SimMachine[], untilMs: number): void {
    this.#later(0.5, 1, () => {
      const votes = voters.map(({ process, disk }) => (process?.isReady === true && disk.heldWrites > 0 ? process.txlog.status().vote : ''));
      const candidate = voters.find(({ identity }) => votes.some((vote, i) => vote === identity.identity.memberId && voters[i]!.identity !== identity));
      if (candidate === undefined && this.#world.nowMs < untilMs) return this.#forgetVotes(voters, untilMs);
      for (const machine of voters) machine.diskMaxMs = 3;
      if (candidate === undefined) return;
      const others = voters.filter((machine) => machine !== candidate);
      for (const machine of others) machine.crash(true, 0);
      // What they said already arrives.
      this.#later(2 * this.#network.delayMaxMs, 2 * this.#network.delayMaxMs + 1, () => {
        for (const machine of others) {
          this.#cutBoth(machine, candidate);
          machine.start();
        }
        this.#healLater();
      });
    });
  }

  #cutBoth(one: SimMachine, other: SimMachine): void {
    this.#network.cut(one.name, other.name);
    this.#network.cut(other.name, one.name);
  }

  /** Whether the member that was damaged is a whole voter again. */
  #isWhole(): boolean {
    const damaged = this.#damaged;
    if (damaged === null) return true;
    const { process } = damaged;
    const leader = this.#leader()?.process;
    if (process?.isReady !== true || process.member.role === 'loading' || process.txlog.status().impaired || leader === null || leader === undefined) return false;
    const { config } = leader.txlog.config;
    if (!leader.txlog.committedInTerm || config.votersOutgoing.length > 0 || !config.voters.includes(process.memberId)) return false;
    // What it is said to have again, it has on its disk.
    if (process !== leader && process.txlog.commitIndex < leader.txlog.commitIndex - 5) return false;
    this.#damaged = null;
    return true;
  }

  // ---- Operators ----

  handOver(): void {
    const leader = this.#leader()?.process;
    if (leader === null || leader === undefined) return;
    const others = leader.node.membership.members.filter(({ id, role }) => id !== leader.memberId && role === 'voter');
    if (others.length === 0) return;
    this.#count('handOver');
    const { id } = this.#world.random.pick(others);
    leader.trace(`hands over to ${this.#network.withId(id)?.host.machine}`);
    void leader.handOver(id);
  }

  snapshot(): void {
    const machine = this.#anybody();
    if (machine?.process?.isReady !== true || machine.process.member.role === 'loading') return;
    this.#count('snapshot');
    machine.process.snapshots.take('demand').catch((error: unknown) => {
      if (!(error instanceof OperationalError)) this.#world.fail(error);
    });
  }

  /** A new node. */
  join(): void {
    const machine = this.#machines.find(({ isUp, isRemoved, identity }) => !isUp && (isRemoved || identity.identity.shardId === ''));
    if (machine === undefined || machine === this.#damaged) return;
    this.#count('join');
    if (machine.isRemoved) machine.wipe();
    this.#joinUntilDone(machine);
  }

  remove(): void {
    const leader = this.#leader()?.process;
    if (leader === null || leader === undefined || !this.#isWhole()) return;
    const { config } = leader.txlog.config;
    if (config.voters.length <= VOTERS_MIN || config.votersOutgoing.length > 0) return;
    this.#count('remove');
    const id = this.#world.random.pick(config.voters);
    leader.trace(`removes ${this.#network.withId(id)?.host.machine}`);
    leader.node.membership.change([{ op: 'remove', id }]).catch((error: unknown) => {
      if (!(error instanceof OperationalError)) this.#world.fail(error);
    });
  }

  /** A node without a shard asks members to let it in, as joining.ts does, until one did. */
  #joinUntilDone(machine: SimMachine): void {
    const { identity } = machine;
    const host = new JoiningHost(machine.name);
    const { memberId } = identity.identity;
    const endpoint = this.#network.attach(host, {
      memberId, clusterId: '', formatVersion: 1, joinKinds: JOIN_KINDS, onFrame: () => undefined, onUp: () => undefined, onDown: () => undefined,
      onAsk: () => Promise.reject(new OperationalError('NOT_A_MEMBER', 'this node belongs to no shard')),
      onStream: (_kind, _from, _header, stream) => { stream.destroy(new OperationalError('NOT_A_MEMBER', 'this node belongs to no shard')); },
    });
    const request = { memberId, label: formatLabel(machine.label), role: machine.role, hasLog: false };
    const ask = (): void => {
      const address = this.#world.random.pick(this.#machines.filter((other) => other !== machine)).label.peer;
      askToJoin(endpoint, address, request).then(async ({ shardId, firstConfig }) => {
        this.#world.trace(`${machine.name} joins`);
        host.alive = false;
        await identity.joined(shardId, firstConfig);
        machine.start();
      }, (error: unknown) => {
        if (error instanceof OperationalError) this.#world.after(JOIN_RETRY_MS, ask);
        else this.#world.fail(error);
      });
    };
    ask();
  }
}

class JoiningHost implements Host {
  readonly machine: string;
  alive = true;

  constructor(machine: string) {
    this.machine = machine;
  }

  deliver(work: () => void): void {
    if (this.alive) work();
  }
}
