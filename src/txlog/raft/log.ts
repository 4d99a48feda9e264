/**
 * The log as the core knows it: the terms of all its entries, the payloads of the newest, and how far each of them has
 * come (handed over, durable, committed, delivered, applied). Must never decide anything about elections or peers.
 */
import { InvariantViolation, invariant } from '../../shared/errors.ts';
import { ENTRY_OVERHEAD_BYTES } from './limits.ts';
import { TermRuns } from './term-runs.ts';
import type { Committed, Entry, Limits, RestartState, SnapshotMeta } from './types.ts';

/** What an entry counts against the limits. */
export function entryBytes(entry: Entry): number {
  return entry.data.length + ENTRY_OVERHEAD_BYTES;
}

/** A batch that was handed over and is not durable yet. */
interface Batch {
  readonly number: number;
  /** How much of today's log is durable once this batch is. Truncation lowers it: the entry on disk is then another one. */
  lastIndex: number;
  /** The term whose hard state (vote included) is durable once this batch is. */
  readonly term: number;
}

/** Part of the log that was given out to be applied. */
interface Delivery {
  readonly through: number;
  readonly bytes: number;
}

export class RaftLog {
  /** The log is trimmed through here; the term there is still known. compactedIndex <= appliedIndex. */
  compactedIndex: number;
  /** Last entry. lastIndex >= commitIndex. */
  lastIndex: number;
  lastTerm: number;
  /**
   * First index whose payload is in memory; all after it are as well. compactedIndex < memoryFirst <= lastIndex + 1.
   * memoryFirst <= syncedIndex + 1: what the disk does not have is never dropped. Of the entries after commitIndex only
   * those are missing that were there at the start.
   */
  memoryFirst: number;
  /** Given to the host to be stored. syncedIndex <= handedIndex <= lastIndex. */
  handedIndex: number;
  /** Through here the durable log equals this one (just after a reset it may be below compactedIndex). */
  syncedIndex: number;
  /** Highest index known to be committed; never falls (Raft figure 2). May be ahead of syncedIndex: others are durable there. */
  commitIndex: number;
  /** Given to the host to be applied. appliedIndex <= deliveredIndex <= min(commitIndex, syncedIndex), but for resets. */
  deliveredIndex: number;
  /** Reported applied. */
  appliedIndex: number;
  /** The next batch deletes stored entries from here on; 0 if none. */
  truncateFrom = 0;
  /** Highest term whose hard state is known to be durable. */
  durableTerm: number;

  /** Bytes of the payloads in memory; of those not durable; of those not committed; of those delivered and not applied. */
  memoryBytes = 0;
  unsyncedBytes = 0;
  uncommittedBytes = 0;
  applyingBytes = 0;

  readonly #limits: Limits;
  readonly #runs: TermRuns;
  /** Payloads from memoryFirst on, beginning at #head: a queue that is moved down only now and then. */
  #entries: (Entry | null)[] = [];
  #head = 0;
  /** Ascending by number and by lastIndex. */
  #batches: Batch[] = [];
  #deliveries: Delivery[] = [];

  constructor(limits: Limits, restart: RestartState) {
    const { compacted, lastIndex, hardState } = restart;
    this.#limits = limits;
    this.#runs = new TermRuns(compacted.index, compacted.term, restart.termRuns);
    this.compactedIndex = compacted.index;
    this.lastIndex = lastIndex;
    this.lastTerm = this.#runs.termAt(lastIndex);
    this.memoryFirst = lastIndex + 1;
    this.handedIndex = lastIndex;
    this.syncedIndex = lastIndex;
    this.commitIndex = Math.min(Math.max(hardState.commit, compacted.index, restart.applied), lastIndex);
    this.deliveredIndex = restart.applied;
    this.appliedIndex = restart.applied;
    this.durableTerm = hardState.term;
  }

  /** Whether the term of `index` is known: it is in the log, or is the last of what was trimmed. */
  knows(index: number): boolean {
    return index >= this.compactedIndex && index <= this.lastIndex;
  }

  termAt(index: number): number {
    invariant(this.knows(index), `term of ${index} asked, log is ${this.compactedIndex}..${this.lastIndex}`);
    return index === this.lastIndex ? this.lastTerm : this.#runs.termAt(index);
  }

  /** Whether this log has an entry with that index and term; then both logs are equal up to there (Raft §5.3). */
  matches(index: number, term: number): boolean {
    return this.knows(index) && this.termAt(index) === term;
  }

  /** Whether a log that ends so is at least as up-to-date as this one (Raft §5.4.1). */
  isUpToDate(lastIndex: number, lastTerm: number): boolean {
    return lastTerm > this.lastTerm || (lastTerm === this.lastTerm && lastIndex >= this.lastIndex);
  }

  /** See TermRuns.lastWithTermAtMost; `index` may be beyond the end or before the beginning of this log. */
  conflictHint(index: number, term: number): number {
    if (index < this.compactedIndex) return index;
    return this.#runs.lastWithTermAtMost(Math.min(index, this.lastIndex), term);
  }

  /** Puts an entry at the end. */
  append(entry: Entry): void {
    invariant(entry.index === this.lastIndex + 1, `entry ${entry.index} appended to a log ending at ${this.lastIndex}`);
    this.#runs.append(entry.index, entry.term);
    this.#entries.push(entry);
    this.lastIndex = entry.index;
    this.lastTerm = entry.term;
    const bytes = entryBytes(entry);
    this.memoryBytes += bytes;
    this.unsyncedBytes += bytes;
    this.uncommittedBytes += bytes;
  }

  /** Drops all entries from `index` on, which conflict with the leader's (Raft §5.3). Committed ones never do. */
  truncate(index: number): void {
    invariant(index > this.commitIndex, `truncating ${index} of a log committed through ${this.commitIndex}`);
    while (this.lastIndex >= index) {
      if (this.lastIndex >= this.memoryFirst) {
        const entry = this.#entries.pop() as Entry;
        const bytes = entryBytes(entry);
        this.memoryBytes -= bytes;
        this.uncommittedBytes -= bytes;
        if (entry.index > this.syncedIndex) this.unsyncedBytes -= bytes;
        this.lastIndex--;
      } else {
        this.lastIndex = index - 1;
        this.memoryFirst = index;
      }
    }
    this.#runs.truncateFrom(index);
    this.lastTerm = this.#runs.termAt(this.lastIndex);
    if (this.handedIndex >= index) {
      this.truncateFrom = this.truncateFrom === 0 ? index : Math.min(this.truncateFrom, index);
      this.handedIndex = index - 1;
    }
    this.syncedIndex = Math.min(this.syncedIndex, index - 1);
    // What is on its way to the disk there is no longer what stands here, even if an equal index and term come back.
    for (const batch of this.#batches) batch.lastIndex = Math.min(batch.lastIndex, index - 1);
  }

  /** Starts again after a snapshot that covers everything through `meta.index`. */
  reset(meta: SnapshotMeta): void {
    invariant(meta.index > this.commitIndex, `snapshot ${meta.index} behind commit ${this.commitIndex}`);
    // Until the reset is durable, a crash brings back the old log, of which only the committed part is sure to be right.
    this.syncedIndex = Math.min(this.syncedIndex, this.commitIndex);
    for (const batch of this.#batches) batch.lastIndex = Math.min(batch.lastIndex, this.commitIndex);
    this.#entries = [];
    this.#head = 0;
    this.#deliveries = [];
    this.memoryBytes = 0;
    this.unsyncedBytes = 0;
    this.uncommittedBytes = 0;
    this.applyingBytes = 0;
    this.truncateFrom = 0;
    this.#runs.reset(meta.index, meta.term);
    this.compactedIndex = meta.index;
    this.lastIndex = meta.index;
    this.lastTerm = meta.term;
    this.memoryFirst = meta.index + 1;
    this.handedIndex = meta.index;
    this.commitIndex = meta.index;
    this.deliveredIndex = meta.index;
    this.appliedIndex = meta.index;
  }

  /** Payloads from `from` on, which must be in memory, up to `bytesMax` but at least one. */
  slice(from: number, bytesMax: number): Entry[] {
    invariant(from >= this.memoryFirst, `payload ${from} is not in memory`);
    const out: Entry[] = [];
    let bytes = 0;
    for (let at = this.#head + from - this.memoryFirst; at < this.#entries.length; at++) {
      const entry = this.#entries[at] as Entry;
      bytes += entryBytes(entry);
      if (out.length > 0 && bytes > bytesMax) break;
      out.push(entry);
    }
    return out;
  }

  /** All entries not handed over yet, which from now on are. */
  takeUnhanded(): Entry[] {
    if (this.handedIndex === this.lastIndex) return [];
    const out = this.slice(this.handedIndex + 1, Infinity);
    this.handedIndex = this.lastIndex;
    return out;
  }

  /** Remembers that batch `number`, which must reach the disk, holds everything handed over so far and the hard state of `term`. */
  batchHanded(number: number, term: number): void {
    this.#batches.push({ number, lastIndex: this.handedIndex, term });
  }

  /** Everything through batch `number` is durable. */
  batchSynced(number: number): void {
    let done = 0;
    while (done < this.#batches.length && this.#batches[done]!.number <= number) done++;
    if (done === 0) return;
    const last = this.#batches[done - 1]!;
    this.#batches.splice(0, done);
    this.durableTerm = Math.max(this.durableTerm, last.term);
    for (let index = Math.max(this.syncedIndex + 1, this.memoryFirst); index <= last.lastIndex; index++) {
      this.unsyncedBytes -= entryBytes(this.#at(index));
    }
    this.syncedIndex = Math.max(this.syncedIndex, last.lastIndex);
    this.#trimWindow();
  }

  /** Whether the commit index moved. It never falls. */
  commitTo(index: number): boolean {
    if (index <= this.commitIndex) return false;
    invariant(index <= this.lastIndex, `commit ${index} of a log ending at ${this.lastIndex}`);
    for (let at = Math.max(this.commitIndex + 1, this.memoryFirst); at <= index; at++) {
      this.uncommittedBytes -= entryBytes(this.#at(at));
    }
    this.commitIndex = index;
    this.#trimWindow();
    return true;
  }

  hasCommitted(): boolean {
    return this.deliveredIndex < Math.min(this.commitIndex, this.syncedIndex) && this.applyingBytes < this.#limits.applyingBytesMax;
  }

  /** What may be applied next and was not delivered yet. */
  takeCommitted(): Committed | null {
    if (!this.hasCommitted()) return null;
    const from = this.deliveredIndex + 1;
    const end = Math.min(this.commitIndex, this.syncedIndex);
    if (from < this.memoryFirst) {
      this.deliveredIndex = Math.min(end, this.memoryFirst - 1);
      return { from, through: this.deliveredIndex, entries: [] };
    }
    const room = this.#limits.applyingBytesMax - this.applyingBytes;
    const entries: Entry[] = [];
    let bytes = 0;
    for (let index = from; index <= end; index++) {
      const entry = this.#at(index);
      if (entries.length > 0 && bytes + entryBytes(entry) > room) break;
      bytes += entryBytes(entry);
      entries.push(entry);
    }
    this.deliveredIndex = from + entries.length - 1;
    this.applyingBytes += bytes;
    this.#deliveries.push({ through: this.deliveredIndex, bytes });
    return { from, through: this.deliveredIndex, entries };
  }

  applied(index: number): void {
    invariant(index <= this.deliveredIndex, `applied ${index}, delivered ${this.deliveredIndex}`);
    if (index <= this.appliedIndex) return;
    this.appliedIndex = index;
    let done = 0;
    while (done < this.#deliveries.length && this.#deliveries[done]!.through <= index) {
      this.applyingBytes -= this.#deliveries[done]!.bytes;
      done++;
    }
    if (done > 0) this.#deliveries.splice(0, done);
  }

  /** The host's state machine got the state as of `index` in another way than by applying. */
  appliedFromSnapshot(index: number): void {
    if (index <= this.appliedIndex) return;
    this.deliveredIndex = Math.max(this.deliveredIndex, index);
    this.applied(index);
  }

  /** Forgets entries through `index`, which must be applied and durable. */
  compact(index: number): void {
    if (index <= this.compactedIndex) return;
    if (index > this.appliedIndex || index > this.syncedIndex) {
      throw new InvariantViolation(`trimming through ${index}, applied ${this.appliedIndex}, durable ${this.syncedIndex}`);
    }
    while (this.memoryFirst <= index && this.memoryFirst <= this.lastIndex) this.#dropFirst();
    this.memoryFirst = Math.max(this.memoryFirst, index + 1);
    this.#runs.compact(index);
    this.compactedIndex = index;
  }

  #at(index: number): Entry {
    return this.#entries[this.#head + index - this.memoryFirst] as Entry;
  }

  #trimWindow(): void {
    const end = Math.min(this.syncedIndex, this.commitIndex);
    while (this.memoryBytes > this.#limits.windowBytesMax && this.memoryFirst <= end) this.#dropFirst();
  }

  #dropFirst(): void {
    this.memoryBytes -= entryBytes(this.#at(this.memoryFirst));
    this.#entries[this.#head] = null;
    this.#head++;
    this.memoryFirst++;
    if (this.#head >= 1024 && this.#head * 2 > this.#entries.length) {
      this.#entries.splice(0, this.#head);
      this.#head = 0;
    }
  }
}
