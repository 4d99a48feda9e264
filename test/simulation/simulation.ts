/**
 * One run: a shard of whole nodes, clients and faults, all from one seed. First everything goes wrong, then all is calm, and
 * the shard must get going again: what clients saw is linearizable, and all members hold what the log makes.
 */
import { contentChecksum } from '../../src/engine/content-checksum.ts';
import { firstConfig } from '../../src/txlog/raft/configuration.ts';
import { formatLabel } from '../../src/replication/member-label.ts';
import { EnginePool } from './engine-pool.ts';
import { Faults } from './faults.ts';
import { LogMonitor } from './log-monitor.ts';
import { SimClients } from './sim-clients.ts';
import { SimMachine } from './sim-machine.ts';
import { SimNetwork } from './sim-network.ts';
import type { SimProcess } from './sim-process.ts';
import { World } from './world.ts';

const FAULTY_MS = 9_000;
/** So soon after the last fault a write must commit again, and all members must be level. */
const RECOVERY_MS = 20_000;
const PROBE_MS = 200;
const SHARD = 'ab'.repeat(20);

export interface RunStatistics {
  readonly traceHash: number;
  readonly events: number;
  readonly replies: number;
  readonly unknown: number;
  readonly leaders: number;
  readonly committed: number;
  readonly givenUp: number;
  readonly faults: Readonly<Record<string, number>>;
}

/** @param engines engines of earlier runs, to be used again: making them takes longest of all */
export async function simulate(seed: number, engines: EnginePool = new EnginePool()): Promise<RunStatistics> {
  const world = new World(seed);
  const escaped = (error: unknown): void => world.fail(error);
  process.on('uncaughtException', escaped);
  process.on('unhandledRejection', escaped);
  try {
    return await new Simulation(world, engines).run();
  } catch (error) {
    throw new Error(`SIM_SEED=${seed}: ${(error as Error).message}\nlast events:\n${world.recent}`, { cause: error });
  } finally {
    process.off('uncaughtException', escaped);
    process.off('unhandledRejection', escaped);
  }
}

class Simulation {
  readonly #world: World;
  readonly #network: SimNetwork;
  readonly #monitor: LogMonitor;
  readonly #machines: SimMachine[] = [];
  readonly #faults: Faults;
  readonly #clients: SimClients;

  constructor(world: World, engines: EnginePool) {
    this.#world = world;
    const { random } = world;
    engines.begin(random);
    this.#network = new SimNetwork(world);
    this.#network.reorders = random.chance(0.3);
    this.#monitor = new LogMonitor(world, engines.take());
    const around = { world, network: this.#network, monitor: this.#monitor, engines, processes: () => this.#processes };
    const founders = random.chance(0.7) ? 3 : 5;
    const names = ['a', 'b', 'c', 'd', 'e'];
    for (const name of names) {
      const isLearner = founders === 3 && name === 'e' && random.chance(0.3);
      this.#machines.push(new SimMachine(name, isLearner ? 'learner' : 'voter', names, around));
    }
    this.#found(this.#machines.slice(0, founders));
    this.#faults = new Faults(world, this.#network, this.#machines);
    this.#clients = new SimClients(world, () => this.#machines);
    world.afterEvent = () => this.#afterEvent();
  }

  get #processes(): SimProcess[] {
    return this.#machines.flatMap(({ process }) => (process === null ? [] : [process]));
  }

  #found(machines: readonly SimMachine[]): void {
    const config = firstConfig(machines.map(({ identity, label }) => ({ id: identity.identity.memberId, role: 'voter', label: formatLabel(label) })));
    for (const machine of machines) void machine.identity.joined(SHARD, config);
  }

  #afterEvent(): void {
    for (const machine of this.#machines) {
      machine.driveDisk();
      if (machine.process?.isReady === true) this.#monitor.observe(machine.process);
    }
  }

  async run(): Promise<RunStatistics> {
    const world = this.#world;
    for (const machine of this.#machines) if (machine.identity.identity.shardId !== '') machine.start();
    this.#clients.start(2 + world.random.below(4), 10 + world.random.below(200), () => world.calm);
    this.#faults.start(150 + world.random.below(900));
    this.#probe();
    await world.runUntil(FAULTY_MS);
    world.trace('all is calm');
    this.#faults.end();
    let isRead = false;
    this.#clients.readAll(() => { isRead = true; });
    await world.runUntil(FAULTY_MS + RECOVERY_MS, () => isRead && this.#isLevel());
    world.check(isRead, () => `nothing is served ${RECOVERY_MS} ms after the last fault:\n${this.#describe()}`);
    world.check(this.#isLevel(), () => `members are not level ${RECOVERY_MS} ms after the last fault:\n${this.#describe()}`);
    for (const process of this.#processes) if (process.isReady) this.#monitor.checkContents(process, process.member.appliedIndex, process.engine);
    await this.#checkChecksums();
    this.#clients.check();
    // What was found since the last event.
    await world.runUntil(Infinity, () => true);
    return {
      traceHash: world.traceHash, events: world.events, replies: this.#clients.replies, unknown: this.#clients.unknown, leaders: this.#monitor.leaderTerms,
      committed: this.#monitor.committedIndex, givenUp: this.#clients.givenUp, faults: this.#faults.counts,
    };
  }

  /** Replicas are looked at now and then: each shows a prefix of the committed log. */
  #probe(): void {
    this.#world.after(PROBE_MS, () => {
      for (const process of this.#processes) {
        if (process.isReady && process.member.role === 'replica') this.#monitor.checkContents(process, process.member.appliedIndex, process.engine);
      }
      this.#world.trace(`${this.#monitor.committedIndex} committed, ${this.#clients.replies} replies`);
      this.#probe();
    });
  }

  /** Whether all members are voters or learners as they shall be, whole, and have applied what is committed. */
  #isLevel(): boolean {
    const leader = this.#processes.find((process) => process.isReady && process.member.role === 'primary');
    if (leader === undefined) return false;
    const { commitIndex } = leader.txlog;
    return leader.node.membership.members.every(({ id }) => {
      const member = this.#processes.find((process) => process.isReady && process.memberId === id);
      return member !== undefined && (member.member.role === 'replica' || member === leader)
        && member.member.appliedIndex === commitIndex && leader.txlog.lastIndex === commitIndex && !member.txlog.status().impaired;
    });
  }

  async #checkChecksums(): Promise<void> {
    const members = this.#processes.filter((process) => process.isReady && process.member.role !== 'loading');
    const index = Math.min(...members.map(({ txlog, durableIndex }) => Math.min(txlog.commitIndex, durableIndex)));
    const found = await Promise.all(members.filter(({ txlog }) => txlog.firstIndex - 1 <= index).map(({ txlog }) => txlog.checksumAt(index)));
    this.#world.check(new Set(found).size <= 1, () => `running checksums at record ${index} differ: ${found.join(', ')}`);
    const contents = members.filter(({ member }) => member.appliedIndex === index).map(({ engine }) => contentChecksum(engine));
    this.#world.check(new Set(contents).size <= 1, () => `members hold different data at record ${index}`);
  }

  #describe(): string {
    return this.#machines.map(({ name, process, isRemoved }) => {
      if (process === null) return `${name} down${isRemoved ? ', removed' : ''}`;
      if (!process.isReady) return `${name} starting`;
      const { role, term, leader, firstIndex, lastIndex, lastTerm, commitIndex, impaired, config } = { ...process.txlog.status(), leader: process.txlog.leader };
      const names = (ids: readonly string[]): string => ids.map((id) => this.#network.withId(id)?.host.machine ?? id.slice(0, 6)).join('');
      return `${name} ${process.memberId.slice(0, 6)} ${process.member.role}/${role} term=${term} leader=${names([leader])} log=${firstIndex}..${lastIndex}/${lastTerm} commit=${commitIndex} `
        + `applied=${process.member.appliedIndex} impaired=${impaired} voters=${names(config.config.voters)}|${names(config.config.votersOutgoing)} learners=${names(config.config.learners)}`;
    }).join('\n');
  }
}
