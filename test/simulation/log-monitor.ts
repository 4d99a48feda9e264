/**
 * Watches the logs of all members from outside, at their stores, and compares what they commit, lead and hold:
 *
 * - at most one leader a term, which commits by counting only what is of that term (Raft §5.4.2); whoever serves does so before anybody leads a later term (lease safety, promise P4);
 * - entries of equal index and term are equal, and so are those before them (log matching, Raft §5.3);
 * - what was committed once is never another, and is never thrown away;
 * - a primary has everything that was acknowledged (promise P1), and its data are what an engine of our own makes of the
 *   committed records; so are a replica's, wherever it stands (promise P3).
 */
import { contentChecksum } from '../../src/engine/content-checksum.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { hashBytes } from '../../src/shared/hash.ts';
import { effectsOf } from '../../src/txlog/log-payload.ts';
import type { LogBatch, LogPosition, LogRecord, LogRecovery, LogStore, OpenOptions } from '../../src/txlog/log-store.ts';
import type { Entry } from '../../src/txlog/raft/types.ts';
import type { RaftTransactionLog } from '../../src/txlog/raft-transaction-log.ts';
import type { World } from './world.ts';

/** A process as the monitor sees it. */
export interface Watched {
  readonly name: string;
  readonly memberId: string;
  readonly txlog: RaftTransactionLog;
  readonly view: LogView;
  /** Through here its committed entries have been compared. */
  seenCommitIndex: number;
  /** The term in which it was last seen leading, and its commit index then. */
  led: { readonly term: number; readonly commitIndex: number };
}

interface KnownEntry {
  readonly entry: Entry;
  readonly hash: number;
  readonly previousTerm: number;
}

export class LogMonitor {
  readonly #world: World;
  readonly #oracle: Engine;
  readonly #entries = new Map<string, KnownEntry>();
  readonly #leaders = new Map<number, string>();
  /** Terms of the committed entries, by index. */
  readonly #committedTerms: number[] = [0];
  /** Checksum of the data through each committed entry. */
  readonly #contents: string[] = [];
  #highestTermServed = 0;
  #ackedIndex = 0;
  acked = 0;
  served = 0;

  /** @param oracle an empty engine that no member has. */
  constructor(world: World, oracle: Engine) {
    this.#world = world;
    this.#oracle = oracle;
    this.#contents.push(contentChecksum(oracle));
  }

  get committedIndex(): number {
    return this.#committedTerms.length - 1;
  }

  get leaderTerms(): number {
    return this.#leaders.size;
  }

  /** An entry goes to a member's disk. */
  note(name: string, entry: Entry, previousTerm: number): void {
    const key = `${entry.index}/${entry.term}`;
    const hash = hashBytes(entry.data, 0, entry.data.length, entry.kind.length);
    const known = this.#entries.get(key);
    if (known === undefined) {
      this.#entries.set(key, { entry: { ...entry, data: Uint8Array.from(entry.data) }, hash, previousTerm });
      return;
    }
    this.#world.check(known.hash === hash && known.previousTerm === previousTerm, () => `log matching: ${name} writes ${entry.kind} ${key} (${hash}) after term ${previousTerm}, written was ${known.entry.kind} (${known.hash}) after term ${known.previousTerm}`);
  }

  /** Compares what `process` committed since the last time, and whether it leads. To be called after each event. */
  observe(process: Watched): void {
    const { txlog, view, name } = process;
    const through = Math.min(txlog.commitIndex, view.lastIndex);
    for (let index = process.seenCommitIndex + 1; index <= through; index++) {
      process.seenCommitIndex = index;
      if (index <= view.baseIndex) continue;
      this.#committed(name, index, view.termAt(index));
    }
    if (!txlog.isLeader) return;
    const { term } = txlog;
    const leader = this.#leaders.get(term);
    if (leader === undefined) {
      this.#leaders.set(term, process.memberId);
      this.#world.trace(`${name} leads term ${term}`);
    } else this.#world.check(leader === process.memberId, () => `${leader} and ${process.memberId} lead term ${term}`);
    this.#checkOwnTerm(process);
  }

  /** Raft §5.4.2: a leader's commit index moves only to entries of its own term. */
  #checkOwnTerm(process: Watched): void {
    const { txlog, view, led, name } = process;
    const { term, commitIndex } = txlog;
    const hasMoved = led.term === term && led.commitIndex < commitIndex && commitIndex <= view.lastIndex && commitIndex > view.baseIndex;
    if (hasMoved) this.#world.check(view.termAt(commitIndex) === term, () => `${name}, leader of term ${term}, commits through an entry ${commitIndex} of term ${view.termAt(commitIndex)}`);
    process.led = { term, commitIndex };
  }

  #committed(name: string, index: number, term: number): void {
    const known = this.#committedTerms[index];
    if (known !== undefined) {
      this.#world.check(known === term, () => `${name} commits entry ${index} of term ${term}, but one of term ${known} is committed`);
      return;
    }
    this.#world.check(index === this.committedIndex + 1, () => `${name} commits ${index} with a gap after ${this.committedIndex}`);
    const found = this.#entries.get(`${index}/${term}`);
    if (found === undefined) return this.#world.fail(new Error(`${name} commits an entry ${index}/${term} that nobody wrote`));
    this.#committedTerms.push(term);
    const { entry } = found;
    const block = entry.kind === 'normal' ? effectsOf(entry.data, index) : null;
    if (block === null || block.length === 0) this.#contents.push(this.#contents[index - 1]!);
    else {
      this.#oracle.applyEffects(block);
      this.#contents.push(contentChecksum(this.#oracle));
    }
  }

  /** Entries from `from` on are deleted from a member's disk. */
  truncated(process: Watched, from: number): void {
    this.#world.check(from > process.seenCommitIndex, () => `${process.name} throws away entries from ${from} on, committed through ${process.seenCommitIndex}`);
  }

  /** A command is executed as on the primary. */
  serves(process: Watched, all: readonly Watched[]): void {
    const { term } = process.txlog;
    this.served++;
    this.#world.check(term >= this.#highestTermServed, () => `${process.name} serves in term ${term}, after a primary of term ${this.#highestTermServed} did`);
    this.#highestTermServed = term;
    for (const other of all) {
      if (other === process) continue;
      this.#world.check(!other.txlog.isLeader || other.txlog.term < term, () => `${process.name} serves in term ${term} while ${other.name} leads term ${other.txlog.term}`);
    }
  }

  /** A reply left that reveals everything through record `index`. */
  acknowledged(process: Watched, index: number): void {
    this.acked++;
    this.#ackedIndex = Math.max(this.#ackedIndex, index);
    this.observe(process);
    this.#world.check(process.txlog.commitIndex >= index, () => `${process.name} acknowledges record ${index}, committed are those through ${process.txlog.commitIndex}`);
  }

  /** `process` becomes primary, its engine being at `appliedIndex`. */
  becamePrimary(process: Watched, appliedIndex: number, engine: Engine): void {
    this.observe(process);
    this.#world.check(appliedIndex >= this.#ackedIndex, () => `${process.name} becomes primary at record ${appliedIndex}, acknowledged is ${this.#ackedIndex}`);
    this.#world.check(appliedIndex >= this.committedIndex, () => `${process.name} becomes primary at record ${appliedIndex}, committed is ${this.committedIndex}`);
    this.checkContents(process, appliedIndex, engine);
  }

  /** The engine holds what the committed records through `appliedIndex` make. */
  checkContents(process: Watched, appliedIndex: number, engine: Engine): void {
    const wanted = this.#contents[appliedIndex];
    // A leader may know of a commit that no disk here has shown yet.
    if (wanted === undefined) return this.#world.check(appliedIndex <= process.txlog.commitIndex, () => `${process.name} applied ${appliedIndex}, which is not committed`);
    const found = contentChecksum(engine);
    this.#world.check(found === wanted, () => `the data of ${process.name} at record ${appliedIndex} are not what the log makes: ${found} instead of ${wanted}`);
  }
}

/** The terms of a member's entries as its disk has been told. */
export class LogView {
  baseIndex = 0;
  #baseTerm = 0;
  #terms: number[] = [];

  get lastIndex(): number {
    return this.baseIndex + this.#terms.length;
  }

  termAt(index: number): number {
    return index === this.baseIndex ? this.#baseTerm : this.#terms[index - this.baseIndex - 1]!;
  }

  opened({ base, last, termRuns }: LogRecovery): void {
    this.reset(base);
    for (let i = 0; i < termRuns.length; i++) {
      const { firstIndex, term } = termRuns[i]!;
      const end = i + 1 < termRuns.length ? termRuns[i + 1]!.firstIndex : last.index + 1;
      for (let index = Math.max(firstIndex, base.index + 1); index < end; index++) this.#terms.push(term);
    }
  }

  reset({ index, term }: { readonly index: number; readonly term: number }): void {
    this.baseIndex = index;
    this.#baseTerm = term;
    this.#terms = [];
  }

  truncate(from: number): void {
    this.#terms.length = from - this.baseIndex - 1;
  }

  push(term: number): void {
    this.#terms.push(term);
  }
}

/** A member's store, with the monitor looking on. */
export class WatchedStore implements LogStore {
  readonly view = new LogView();
  /** Set once the process is there. */
  process: Watched | null = null;
  readonly #store: LogStore;
  readonly #monitor: LogMonitor;
  readonly #name: string;

  constructor(store: LogStore, monitor: LogMonitor, name: string) {
    this.#store = store;
    this.#monitor = monitor;
    this.#name = name;
  }

  async open(options: OpenOptions): Promise<LogRecovery> {
    const recovery = await this.#store.open(options);
    this.view.opened(recovery);
    return recovery;
  }

  get base(): LogPosition {
    return this.#store.base;
  }

  get lastIndex(): number {
    return this.#store.lastIndex;
  }

  get durableIndex(): number {
    return this.#store.durableIndex;
  }

  append(batch: LogBatch): Promise<void> {
    const { view } = this;
    if (batch.resetTo !== null) view.reset(batch.resetTo);
    if (batch.truncateFrom > 0) {
      if (this.process !== null) this.#monitor.truncated(this.process, batch.truncateFrom);
      view.truncate(batch.truncateFrom);
    }
    for (const entry of batch.entries) {
      this.#monitor.note(this.#name, entry, view.termAt(entry.index - 1));
      view.push(entry.term);
    }
    return this.#store.append(batch);
  }

  noteCommit(commitIndex: number): void {
    this.#store.noteCommit(commitIndex);
  }

  read(from: number, bytesMax: number): Promise<LogRecord[]> {
    return this.#store.read(from, bytesMax);
  }

  positionAt(index: number): Promise<LogPosition> {
    return this.#store.positionAt(index);
  }

  bytesSince(index: number): number {
    return this.#store.bytesSince(index);
  }

  trim(throughIndex: number): Promise<void> {
    return this.#store.trim(throughIndex);
  }

  close(): Promise<void> {
    return this.#store.close();
  }

  destroy(): Promise<void> {
    return this.#store.destroy();
  }
}
