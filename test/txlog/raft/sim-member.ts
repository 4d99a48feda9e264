/**
 * A member for tests: a RawNode with a model disk and a model state machine, obeying the contract of `Ready` to the letter.
 * What a test decides itself: when batches become durable, when messages arrive, when the process crashes.
 */
import { hashBytes } from '../../../src/shared/hash.ts';
import { latin1Bytes, latin1Slice } from '../../../src/shared/request.ts';
import { decodeConfig } from '../../../src/txlog/raft/configuration.ts';
import { DEFAULT_LIMITS } from '../../../src/txlog/raft/limits.ts';
import { RawNode } from '../../../src/txlog/raft/raw-node.ts';
import type {
  ConfigAt,
  Entry,
  Fetch,
  HardState,
  Limits,
  MemberConfig,
  PeerMessage,
  ReadAnswer,
  Ready,
  SnapshotMeta,
  TermRun,
} from '../../../src/txlog/raft/types.ts';

/** Fails the test. vitest's `expect` costs too much for checks made millions of times. */
export function ensure(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(message);
}

export interface SimSnapshot {
  readonly meta: SnapshotMeta;
  /** What the state machine was there. */
  readonly state: number;
}

export interface Disk {
  hardState: HardState;
  compacted: { index: number; term: number };
  /** Entries after compacted.index. */
  entries: Entry[];
  configs: ConfigAt[];
  snapshot: SimSnapshot | null;
  impaired: boolean;
}

export interface SimOptions {
  readonly id: string;
  readonly config: MemberConfig;
  readonly limits?: Partial<Limits>;
  readonly random?: () => number;
  readonly caretaker?: boolean;
}

export function text(entry: Entry): string {
  return latin1Slice(entry.data, 0, entry.data.length);
}

/** The state machine: a hash over everything applied, in order. */
export function nextState(state: number, entry: Entry): number {
  return hashBytes(latin1Bytes(`${entry.index}/${entry.term}/${entry.kind}/${text(entry)}`), 0, entry.data.length, state);
}

export class SimMember {
  readonly id: string;
  readonly limits: Limits;
  readonly random: () => number;
  readonly caretaker: boolean;
  readonly disk: Disk;
  node: RawNode;
  up = true;
  /** Handed out, not durable; oldest first. */
  pending: Ready[] = [];
  /** Sent and not taken by the test's network. */
  outbox: PeerMessage[] = [];
  reads: ReadAnswer[] = [];
  fetches: Fetch[] = [];
  wanted: SnapshotMeta | null = null;
  applied = 0;
  state = 0;
  /** Highest index reported committed; never falls within one life of the process. */
  commitIndex = 0;
  onApply: (index: number, state: number, entry: Entry) => void = () => {};
  onReady: (ready: Ready) => void = () => {};

  constructor(options: SimOptions) {
    this.id = options.id;
    this.limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.random = options.random ?? ((): number => 0);
    this.caretaker = options.caretaker ?? false;
    this.disk = {
      hardState: { term: 0, vote: '', commit: 0 },
      compacted: { index: 0, term: 0 },
      entries: [],
      configs: [{ index: 0, config: options.config }],
      snapshot: null,
      impaired: false,
    };
    this.node = this.#boot();
  }

  #boot(): RawNode {
    const { disk } = this;
    const { snapshot } = disk;
    if (snapshot !== null && snapshot.meta.index > disk.compacted.index) {
      const { index, term } = snapshot.meta;
      const at = disk.entries.find((entry) => entry.index === index);
      if (at === undefined || at.term !== term) {
        disk.entries = [];
        disk.configs = [{ index: snapshot.meta.configIndex, config: snapshot.meta.config }];
        disk.compacted = { index, term };
      }
    }
    this.applied = snapshot === null ? 0 : snapshot.meta.index;
    this.state = snapshot === null ? 0 : snapshot.state;
    const termRuns: TermRun[] = [];
    for (const entry of disk.entries) {
      if (termRuns.length === 0 || termRuns[termRuns.length - 1]!.term !== entry.term) termRuns.push({ firstIndex: entry.index, term: entry.term });
    }
    return new RawNode({
      id: this.id,
      limits: this.limits,
      random: this.random,
      caretaker: this.caretaker,
      restart: {
        hardState: disk.hardState,
        compacted: disk.compacted,
        termRuns,
        lastIndex: disk.compacted.index + disk.entries.length,
        configs: disk.configs,
        applied: this.applied,
        impaired: disk.impaired,
      },
    });
  }

  /** Takes one Ready, if there is one. What need not wait for the disk happens at once. */
  takeReady(): Ready | null {
    if (!this.up || !this.node.hasReady()) return null;
    const ready = this.node.ready();
    this.onReady(ready);
    ensure(ready.commitIndex >= this.commitIndex, 'the commit index never falls');
    this.commitIndex = ready.commitIndex;
    this.outbox.push(...ready.messages);
    this.reads.push(...ready.reads);
    this.fetches.push(...ready.fetches);
    if (ready.snapshotWanted !== null) this.wanted = ready.snapshotWanted;
    if (ready.committed !== null) this.#apply(ready.committed.from, ready.committed.through, ready.committed.entries);
    if (ready.healed) this.disk.impaired = false;
    this.pending.push(ready);
    // Nothing to write and nothing before it: durable already.
    while (this.pending.length > 0 && !this.pending[0]!.mustSync) this.syncOne();
    return ready;
  }

  #apply(from: number, through: number, given: readonly Entry[]): void {
    ensure(from === this.applied + 1, `${this.id} gets ${from} to apply after ${this.applied}`);
    const { disk } = this;
    const entries = given.length > 0 ? given : disk.entries.slice(from - disk.compacted.index - 1, through - disk.compacted.index);
    ensure(entries.length === through - from + 1, `${this.id} cannot read ${from}..${through}`);
    for (const entry of entries) {
      ensure(entry.index === this.applied + 1, `${this.id} applies ${entry.index} after ${this.applied}`);
      this.state = nextState(this.state, entry);
      this.applied = entry.index;
      this.onApply(entry.index, this.state, entry);
    }
    this.node.applied(this.applied);
  }

  /** The oldest batch becomes durable. */
  syncOne(): void {
    const ready = this.pending.shift();
    if (ready === undefined) return;
    this.#write(ready);
    this.outbox.push(...ready.messagesAfterSync);
    this.node.synced(ready.batch);
  }

  /** The oldest batch reaches the disk just before a crash: durable, but nobody is told. */
  writeLost(): void {
    const ready = this.pending.shift();
    if (ready !== undefined) this.#write(ready);
  }

  #write(ready: Ready): void {
    const { disk } = this;
    if (ready.hardState !== null && (ready.mustSync || this.random() < 0.5)) disk.hardState = ready.hardState;
    if (ready.resetTo !== null) {
      const { index, term, config, configIndex } = ready.resetTo;
      disk.compacted = { index, term };
      disk.entries = [];
      disk.configs = [{ index: configIndex, config }];
    }
    if (ready.truncateFrom > 0) {
      disk.entries = disk.entries.filter((entry) => entry.index < ready.truncateFrom);
      disk.configs = disk.configs.filter((item) => item.index < ready.truncateFrom);
    }
    for (const entry of ready.entries) {
      ensure(entry.index === disk.compacted.index + disk.entries.length + 1, `${this.id} writes with a gap at ${entry.index}`);
      disk.entries.push(entry);
      if (entry.kind === 'config') disk.configs.push({ index: entry.index, config: decodeConfig(entry.data) });
    }
  }

  crash(): void {
    this.up = false;
    this.pending = [];
    this.outbox = [];
    this.reads = [];
    this.fetches = [];
    this.wanted = null;
    this.commitIndex = 0;
  }

  restart(): void {
    this.up = true;
    this.node = this.#boot();
  }

  /** Answers the oldest fetch from the disk. */
  answerFetch(): void {
    const fetch = this.fetches.shift();
    if (fetch === undefined) return;
    const first = this.disk.compacted.index + 1;
    const entries: Entry[] = [];
    let bytes = 0;
    for (let index = fetch.from; index <= fetch.through && fetch.from >= first && bytes < fetch.bytesMax; index++) {
      const entry = this.disk.entries[index - first];
      if (entry === undefined) break;
      entries.push(entry);
      bytes += entry.data.length;
    }
    this.node.step({ type: 'fetched', to: fetch.to, term: fetch.term, from: fetch.from, entries });
  }

  /** Makes a snapshot of what is applied and trims the log through `index`. */
  compact(index: number): SimSnapshot {
    const config = [...this.disk.configs].reverse().find((item) => item.index <= this.applied);
    if (config === undefined) throw new Error('no configuration');
    const term = this.#termOnDisk(this.applied);
    const meta: SnapshotMeta = { index: this.applied, term, config: config.config, configIndex: config.index };
    this.disk.snapshot = { meta, state: this.state };
    const through = Math.min(index, this.applied);
    if (through > this.disk.compacted.index) {
      this.node.compact(through);
      const { disk } = this;
      const kept = [...disk.configs].reverse().find((item) => item.index <= through);
      disk.configs = disk.configs.filter((item) => item === kept || item.index > through);
      const compactedTerm = this.#termOnDisk(through);
      disk.entries = disk.entries.filter((entry) => entry.index > through);
      disk.compacted = { index: through, term: compactedTerm };
    }
    return this.disk.snapshot;
  }

  #termOnDisk(index: number): number {
    const { compacted, entries } = this.disk;
    return index === compacted.index ? compacted.term : entries[index - compacted.index - 1]!.term;
  }

  /** The host got `snapshot`, durably, and loads it. */
  restore(snapshot: SimSnapshot): void {
    this.wanted = null;
    if (snapshot.meta.index <= this.applied) {
      this.node.step({ type: 'snapshot-lost', index: snapshot.meta.index });
      return;
    }
    this.disk.snapshot = snapshot;
    this.applied = snapshot.meta.index;
    this.state = snapshot.state;
    this.node.step({ type: 'snapshot-restored', snapshot: snapshot.meta });
  }

  /** Takes everything sent, in order. */
  takeMessages(): PeerMessage[] {
    const out = this.outbox;
    this.outbox = [];
    return out;
  }
}
