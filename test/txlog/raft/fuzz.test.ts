/**
 * Random clusters: messages are lost, delayed, repeated and reordered; links are cut (also in one direction); members crash
 * with any part of their unsynced batches, restart, lag, are added, removed and change roles; clocks drift within the bound.
 *
 * Checked throughout: one leader per term (election safety), equal entries at equal index and term (log matching), a new
 * leader has all that was ever committed (leader completeness), what is committed never changes, leases exclude other
 * leaders, reads see everything committed before them. At the end all faults cease, and the cluster must get going again.
 *
 * RAFT_FUZZ_RUNS: how many runs (default 300). RAFT_FUZZ_SEED: the first seed (default 1; each run takes the next).
 */
import { describe, expect, it } from 'vitest';
import { InvariantViolation } from '../../../src/shared/errors.ts';
import { latin1Bytes } from '../../../src/shared/request.ts';
import { EMPTY_CONFIG, firstConfig, memberIds } from '../../../src/txlog/raft/configuration.ts';
import { RaftError } from '../../../src/txlog/raft/errors.ts';
import type { Entry, Limits, MemberChange, MemberConfig, MemberRole, PeerMessage } from '../../../src/txlog/raft/types.ts';
import { SimMember, type SimSnapshot, ensure, text } from './sim-member.ts';

const RUNS = Number(process.env.RAFT_FUZZ_RUNS ?? 300);
const FIRST_SEED = Number(process.env.RAFT_FUZZ_SEED ?? 1);
/** Time units of one tick of a clock that is exactly right. */
const TICK = 1000;
const FAULTY_TICKS = 260;
const CALM_TICKS = 160;
const IDS = ['n1', 'n2', 'n3', 'n4', 'n5', 'n6'];

/** Mulberry32. */
function generator(seed: number): () => number {
  let a = seed | 0;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

interface Event {
  readonly at: number;
  readonly run: () => void;
}

class Cluster {
  readonly #random: () => number;
  readonly #members = new Map<string, SimMember>();
  readonly #periods = new Map<string, number>();
  /** Counts lives: what was sent to an earlier one is lost. */
  readonly #lives = new Map<string, number>();
  readonly #syncing = new Map<string, number>();
  #events: Event[] = [];
  #now = 0;
  #calm = false;
  readonly #cut = new Set<string>();
  readonly #loss: number;
  readonly #logOnly: boolean;
  /** Some runs damage logs; in those the members stay, so that a majority of whole ones is left. */
  readonly #damaging: boolean;
  readonly #snapshots: SimSnapshot[] = [];
  #proposals = 0;
  #readContext = 0;
  readonly #reads = new Map<number, number>();
  readonly #deviating: Partial<Limits>;

  // What the checkers remember.
  readonly #leaders = new Map<number, string>();
  readonly #committed: string[] = [''];
  readonly #states: number[] = [0];
  readonly #checked = new Map<string, number>();
  stats = { leaders: 0, committed: 0, crashes: 0, configs: 0, snapshots: 0, reads: 0, heals: 0 };

  constructor(seed: number) {
    this.#random = generator(seed);
    this.#loss = this.#random() < 0.3 ? 0 : this.#random() * 0.15;
    const mode = this.#random();
    this.#logOnly = mode < 0.3;
    this.#damaging = mode > 0.75;
    const small = this.#random() < 0.7;
    this.#deviating = small
      ? { messageBytesMax: 120, inflightMessagesMax: 1 + this.#pick(4), windowBytesMax: 1 + this.#pick(400), applyingBytesMax: 200, unsyncedBytesMax: 600 }
      : {};
    const size = (this.#damaging ? [3, 3, 5] : [1, 2, 3, 3, 3, 4, 5, 5])[this.#pick(this.#damaging ? 3 : 8)]!;
    const ids = IDS.slice(0, size);
    const config = firstConfig(ids.map((id, i) => ({ id, role: i > 1 && this.#logOnly && this.#random() < 0.4 ? 'log-only' : 'voter' })));
    for (const id of IDS) this.#add(id, ids.includes(id) ? config : EMPTY_CONFIG);
  }

  #pick(n: number): number {
    return Math.floor(this.#random() * n);
  }

  #at(delay: number, run: () => void): void {
    const at = this.#now + Math.max(1, Math.floor(delay));
    let low = 0;
    let high = this.#events.length;
    // Latest first, so that the next event is taken from the end.
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#events[middle]!.at > at) low = middle + 1;
      else high = middle;
    }
    this.#events.splice(low, 0, { at, run });
  }

  #add(id: string, config: MemberConfig): void {
    const member = new SimMember({ id, config, limits: this.#deviating, random: this.#random, caretaker: true });
    member.onApply = (index, state, entry) => {
      this.#onCommitted(id, entry);
      if (this.#states[index] === undefined) this.#states[index] = state;
      ensure(this.#states[index] === state, `the state of ${id} after ${index} is another one`);
    };
    member.onReady = (ready) => {
      if (ready.softState?.role === 'leader') this.#onLeader(member, ready.softState.term);
      this.#checked.set(id, Math.max(this.#checked.get(id) ?? 0, member.applied));
      for (const read of ready.reads) this.#onRead(read.context, read.index);
      if (ready.healed) this.stats.heals++;
    };
    this.#members.set(id, member);
    this.#lives.set(id, 0);
    // Ratio of the slowest to the fastest: 1.1, within clockDriftMax = 0.1.
    this.#periods.set(id, TICK * (0.953 + this.#random() * 0.095));
    this.#at(this.#random() * TICK, () => this.#tick(id));
  }

  #tick(id: string): void {
    this.#at(this.#periods.get(id)!, () => this.#tick(id));
    const member = this.#members.get(id)!;
    if (!member.up) return;
    member.node.tick();
    this.#pump(member);
  }

  /** Does what the member's Readys say; the network and the disk take their time. */
  #pump(member: SimMember): void {
    if (!member.up) return;
    for (let turn = 0; member.takeReady() !== null; turn++) ensure(turn < 100, 'Readys without end');
    this.#checkCommit(member);
    this.#scheduleSync(member);
    for (const message of member.takeMessages()) this.#post(message);
    const life = this.#lives.get(member.id)!;
    for (let i = member.fetches.length; i > 0; i--) {
      this.#at(this.#random() * 500, () => this.#inLife(member, life, () => member.answerFetch()));
    }
    if (member.wanted !== null) {
      const wanted = member.wanted;
      member.wanted = null;
      this.#at(this.#random() * 4 * TICK, () => this.#inLife(member, life, () => this.#restore(member, wanted.index)));
    }
  }

  #inLife(member: SimMember, life: number, run: () => void): void {
    if (!member.up || this.#lives.get(member.id) !== life) return;
    run();
    this.#pump(member);
  }

  #restore(member: SimMember, index: number): void {
    const found = this.#snapshots.filter((item) => item.meta.index >= index);
    const snapshot = found[this.#pick(found.length)];
    if (snapshot === undefined || (!this.#calm && this.#random() < 0.2)) {
      member.node.step({ type: 'snapshot-lost', index });
      return;
    }
    member.restore(snapshot);
    this.stats.snapshots++;
  }

  #scheduleSync(member: SimMember): void {
    if (member.pending.length === 0 || this.#syncing.get(member.id) === this.#lives.get(member.id)) return;
    const life = this.#lives.get(member.id)!;
    this.#syncing.set(member.id, life);
    const delay = this.#random() < 0.05 && !this.#calm ? 5 * TICK * this.#random() : 300 * this.#random();
    this.#at(delay, () => {
      if (this.#syncing.get(member.id) === life) this.#syncing.delete(member.id);
      this.#inLife(member, life, () => {
        for (let n = 1 + this.#pick(member.pending.length); n > 0; n--) member.syncOne();
      });
    });
  }

  #post(message: PeerMessage): void {
    const target = this.#members.get(message.to)!;
    const life = this.#lives.get(message.to)!;
    if (!this.#calm && (this.#cut.has(`${message.from}>${message.to}`) || this.#random() < this.#loss)) return;
    const copies = !this.#calm && this.#random() < 0.05 ? 2 : 1;
    for (let i = 0; i < copies; i++) {
      const late = !this.#calm && this.#random() < 0.03;
      this.#at(late ? this.#random() * 25 * TICK : 10 + this.#random() * 400, () => {
        this.#inLife(target, life, () => target.node.step(message));
      });
    }
  }

  // Faults and work.

  #chaos(): void {
    if (this.#calm) return;
    this.#at(this.#random() * 800, () => this.#chaos());
    const member = this.#members.get(IDS[this.#pick(IDS.length)]!)!;
    const what = this.#random();
    try {
      if (what < 0.5) this.#work();
      else if (what < 0.58) this.#crash(member);
      else if (what < 0.66) this.#partition();
      else if (what < 0.72) this.#cut.clear();
      else if (what < 0.86 && this.#damaging) this.#work();
      else if (what < 0.82) this.#leader()?.node.proposeConfig({ kind: 'change', changes: this.#changes(), transition: (['auto', 'auto', 'joint', 'joint-explicit'] as const)[this.#pick(4)]! });
      else if (what < 0.86) this.#leader()?.node.proposeConfig({ kind: 'leave' });
      else if (what < 0.89) this.#leader()?.node.transferLeadership(member.id);
      else if (what < 0.95) this.#compact(member);
      else if (what < 0.97) member.up && member.node.campaign();
      else if (member.up) member.node.step({ type: 'unreachable', peer: IDS[this.#pick(IDS.length)]! });
    } catch (error) {
      if (!(error instanceof RaftError)) throw error;
    }
    for (const each of this.#members.values()) this.#pump(each);
  }

  /** One of those that believe to lead. */
  #leader(): SimMember | undefined {
    const leaders = [...this.#members.values()].filter((member) => member.up && member.node.status().role === 'leader');
    return leaders[this.#pick(leaders.length)];
  }

  #work(): void {
    for (const member of this.#members.values()) {
      if (!member.up || member.node.status().role !== 'leader') continue;
      for (let n = this.#pick(4); n > 0; n--) member.node.propose(latin1Bytes(`v${++this.#proposals}`.padEnd(this.#pick(60))));
    }
    const reader = this.#members.get(IDS[this.#pick(IDS.length)]!)!;
    if (!reader.up || this.#random() < 0.5) return;
    const context = ++this.#readContext;
    this.#reads.set(context, this.#committed.length - 1);
    reader.node.readIndex(context);
  }

  #changes(): MemberChange[] {
    const changes: MemberChange[] = [];
    for (const id of IDS) {
      if (this.#random() < 0.6) continue;
      const roles: MemberRole[] = this.#logOnly ? ['voter', 'voter', 'log-only', 'learner'] : ['voter', 'voter', 'learner'];
      if (this.#random() < 0.25) changes.push({ op: 'remove', id });
      else changes.push({ op: 'put', id, role: roles[this.#pick(roles.length)]! });
    }
    this.stats.configs++;
    return changes;
  }

  #crash(member: SimMember): void {
    if (!member.up) return;
    for (let n = this.#pick(member.pending.length + 1); n > 0; n--) member.writeLost();
    member.crash();
    this.stats.crashes++;
    this.#lives.set(member.id, this.#lives.get(member.id)! + 1);
    if (this.#damaging && this.#random() < 0.4) this.#damage(member);
    this.#at(this.#random() * 15 * TICK, () => this.#restart(member));
  }

  #restart(member: SimMember): void {
    if (member.up) return;
    member.restart();
    const { config } = member.node.status().config;
    if (config.voters.length === 1) member.node.campaign();
    this.#pump(member);
  }

  /** The end of a log is lost; of one member at a time, or what is committed could not survive. */
  #damage(member: SimMember): void {
    const others = [...this.#members.values()].filter((each) => each !== member);
    if (others.some((each) => each.disk.impaired)) return;
    const { disk } = member;
    const safe = Math.max(disk.compacted.index, disk.snapshot?.meta.index ?? 0);
    const keep = safe + this.#pick(disk.entries.length + 1);
    disk.entries = disk.entries.filter((entry) => entry.index <= keep);
    disk.impaired = true;
  }

  #partition(): void {
    for (const from of IDS) {
      for (const to of IDS) if (this.#random() < 0.25) this.#cut.add(`${from}>${to}`);
    }
  }

  #compact(member: SimMember): void {
    if (!member.up || member.applied === 0) return;
    const { syncedIndex } = member.node.status();
    // Host's rule: a snapshot is made of what is durable, and never while a reset is on its way to the disk.
    if (member.pending.length > 0 || member.applied > syncedIndex) return;
    this.#snapshots.push(member.compact(member.applied - this.#pick(4)));
  }

  // Checkers.

  /** The log as it will be once everything handed over is written. */
  #effective(member: SimMember): { first: number; entries: Entry[] } {
    let first = member.disk.compacted.index + 1;
    let entries = [...member.disk.entries];
    for (const ready of member.pending) {
      if (ready.resetTo !== null) {
        first = ready.resetTo.index + 1;
        entries = [];
      }
      if (ready.truncateFrom > 0) entries = entries.filter((entry) => entry.index < ready.truncateFrom);
      entries.push(...ready.entries);
    }
    return { first, entries };
  }

  #show(entry: Entry): string {
    return `${entry.index}/${entry.term}/${entry.kind}/${text(entry)}`;
  }

  #onCommitted(id: string, entry: Entry): void {
    const shown = this.#show(entry);
    const known = this.#committed[entry.index];
    if (known === undefined) {
      ensure(this.#committed.length === entry.index, `${id} commits ${entry.index} with a gap`);
      this.#committed.push(shown);
    } else {
      ensure(shown === known, `what is committed never changes: ${known}, but ${id} has ${shown}`);
    }
  }

  #checkCommit(member: SimMember): void {
    const from = (this.#checked.get(member.id) ?? 0) + 1;
    if (member.commitIndex < from) return;
    const { first, entries } = this.#effective(member);
    for (let index = Math.max(from, first); index <= member.commitIndex; index++) {
      const entry = entries[index - first];
      ensure(entry !== undefined, `${member.id} lacks its committed entry ${index}`);
      this.#onCommitted(member.id, entry);
    }
    this.#checked.set(member.id, member.commitIndex);
  }

  #onLeader(member: SimMember, term: number): void {
    this.stats.leaders++;
    const other = this.#leaders.get(term);
    ensure(other === undefined || other === member.id, `${other} and ${member.id} lead term ${term}`);
    this.#leaders.set(term, member.id);
    for (const each of this.#members.values()) {
      if (each === member || !each.up) continue;
      const status = each.node.status();
      ensure(status.leaseUntilTick <= status.tickCount, `${each.id} has a lease while ${member.id} comes to lead term ${term}`);
    }
    const { first, entries } = this.#effective(member);
    for (let index = first; index < this.#committed.length; index++) {
      const entry = entries[index - first];
      const shown = entry === undefined ? 'nothing' : this.#show(entry);
      ensure(shown === this.#committed[index], `leader ${member.id} of term ${term} has ${shown}, committed is ${this.#committed[index]}`);
    }
  }

  #onRead(context: number, index: number): void {
    if (index < 0) return;
    const before = this.#reads.get(context);
    if (before === undefined) return;
    this.stats.reads++;
    ensure(index >= before, `read ${context} at ${index} misses what was committed before it (${before})`);
  }

  #checkMatching(): void {
    const seen = new Map<string, string>();
    for (const member of this.#members.values()) {
      if (!member.up) continue;
      const { entries } = this.#effective(member);
      let previous = '';
      for (const entry of entries) {
        const key = `${entry.index}/${entry.term}`;
        const shown = this.#show(entry);
        for (const [name, value] of [[key, shown], [`before ${key}`, previous]] as const) {
          if (value === '') continue;
          const known = seen.get(name);
          ensure(known === undefined || known === value, `log matching, ${name}: ${known}, but ${member.id} has ${value}`);
          seen.set(name, value);
        }
        previous = shown;
      }
    }
  }

  #runUntil(end: number): void {
    let steps = 0;
    for (;;) {
      const event = this.#events[this.#events.length - 1];
      if (event === undefined || event.at > end) break;
      this.#events.pop();
      this.#now = event.at;
      event.run();
      if (++steps % 500 === 0) this.#checkMatching();
    }
    this.#now = end;
    this.#checkMatching();
  }

  run(): void {
    this.#chaos();
    this.#runUntil(FAULTY_TICKS * TICK);
    this.#calm = true;
    for (const member of this.#members.values()) this.#restart(member);
    this.#runUntil((FAULTY_TICKS + CALM_TICKS / 2) * TICK);
    const leader = this.#highest();
    if (leader.node.status().config.config.votersOutgoing.length > 0 && !leader.node.status().config.config.autoLeave) {
      leader.node.proposeConfig({ kind: 'leave' });
      this.#pump(leader);
    }
    this.#runUntil((FAULTY_TICKS + CALM_TICKS * 0.75) * TICK);
    const index = this.#highest().node.propose(latin1Bytes('the end'));
    this.#pump(this.#highest());
    this.#runUntil((FAULTY_TICKS + CALM_TICKS) * TICK);
    this.stats.committed = this.#committed.length - 1;
    for (const id of memberIds(this.#highest().node.status().config.config)) {
      ensure(this.#members.get(id)!.applied >= index, `${id} does not catch up:\n${this.#describe()}`);
    }
  }

  #describe(): string {
    const lines: string[] = [];
    for (const member of this.#members.values()) {
      const s = member.node.status();
      const config = JSON.stringify({ ...s.config.config, labels: undefined });
      lines.push(`${s.id} ${s.role} term=${s.term} log=${s.firstIndex}..${s.lastIndex}/${s.lastTerm} commit=${s.commitIndex} impaired=${s.impaired} config@${s.config.index}=${config}`);
    }
    return lines.join('\n');
  }

  #highest(): SimMember {
    let best: SimMember | undefined;
    for (const member of this.#members.values()) {
      const status = member.node.status();
      // A caretaker is on its way out.
      if (status.config.config.logOnly.includes(member.id)) continue;
      if (status.role === 'leader' && (best === undefined || status.term > best.node.status().term)) best = member;
    }
    ensure(best !== undefined, `nobody leads when all is calm:\n${this.#describe()}`);
    return best;
  }
}

describe('random clusters', () => {
  it(`${RUNS} runs`, { timeout: 3_600_000 }, () => {
    const total = { leaders: 0, committed: 0, crashes: 0, configs: 0, snapshots: 0, reads: 0, heals: 0 };
    for (let seed = FIRST_SEED; seed < FIRST_SEED + RUNS; seed++) {
      const cluster = new Cluster(seed);
      try {
        cluster.run();
      } catch (error) {
        if (error instanceof InvariantViolation || error instanceof Error) error.message = `RAFT_FUZZ_SEED=${seed}: ${error.message}`;
        throw error;
      }
      for (const key of Object.keys(total) as (keyof typeof total)[]) total[key] += cluster.stats[key];
    }
    console.log(JSON.stringify(total));
    // The runs must have met what they are there for.
    expect(total.committed / RUNS).toBeGreaterThan(20);
    if (RUNS >= 50) for (const [name, count] of Object.entries(total)) expect(count, name).toBeGreaterThan(0);
  });
});
