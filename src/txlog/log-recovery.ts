/**
 * Judges what stands on the disk after a restart: which records count, which are the tail of batches that never finished, and
 * what is damage. Sees every record once, in order. Must never change anything.
 *
 * Batches may reach the disk out of order, so a crash can leave a gap with later records behind it. Each record says how far
 * the log was durable when it was written, and so do the mark and the state. A gap above all of these is an unfinished tail:
 * nobody was told of anything in it. A gap at or below, and any record that is there and wrong, is damage (promise P6).
 * Each also has the number of the state that it was written after: a state that is older than a record was lost.
 */
import { chainChecksum, decodeMark, decodeRecord } from './record-codec.ts';
import type { StoredRecord, StoredState } from './record-codec.ts';
import { LogError } from './log-store.ts';
import type { LogPosition } from './log-store.ts';
import type { DiskItem } from './log-disk.ts';
import { decodeConfig } from './raft/configuration.ts';
import type { ConfigAt, TermRun } from './raft/types.ts';
import { SizeSamples } from './size-samples.ts';

export class LogRecoveryScan {
  /** The last record that counts. */
  last: LogPosition;
  /** The first damage found; nothing behind it was looked at. */
  damage: LogError | null = null;
  /** Records behind a gap. */
  strayRecords = 0;
  /** Index of the newest mark, -1 if there is none. */
  markIndex = -1;
  commitIndex: number;
  readonly configs: ConfigAt[];
  readonly termRuns: TermRun[] = [];
  readonly sizes: SizeSamples;
  /** What was durable for sure. */
  #durableIndex: number;
  readonly #stateNumber: number;

  constructor(state: StoredState) {
    this.last = state.base;
    this.commitIndex = state.hardState.commit;
    this.configs = [state.baseConfig];
    this.sizes = new SizeSamples(state.base.index);
    this.#durableIndex = Math.max(state.durableIndex, state.base.index);
    this.#stateNumber = state.number;
  }

  /** The next item. Throws LogError LOG_FORMAT. After `damage` is set there is no need to go on. */
  see(item: DiskItem): void {
    if (this.damage !== null) return;
    try {
      if (item.isMark) this.#seeMark(item);
      else this.#seeRecord(decodeRecord(item.value, item.index));
    } catch (error) {
      if (!(error instanceof LogError) || error.code !== 'LOG_DAMAGED') throw error;
      this.damage = error;
    }
  }

  /** Something that was written once and may be gone by now: only what it says about others counts. Unreadable ones say nothing. */
  seeRemains(item: DiskItem): void {
    try {
      if (item.isMark) this.#wasDurable(item.index, decodeMark(item.value, item.index).stateNumber);
      else {
        const { durableIndex, stateNumber } = decodeRecord(item.value, item.index);
        this.#wasDurable(durableIndex, stateNumber);
      }
    } catch (error) {
      if (!(error instanceof LogError)) throw error;
      // Outweighs other damage: this one cannot be salvaged.
      if (error.index < 0) this.damage = error;
    }
  }

  /** All items were seen. */
  finish(hardTerm: number): void {
    if (this.damage === null && this.last.index < this.#durableIndex) {
      const index = this.last.index + 1;
      const why = `log record ${index} is missing, though the log was durable through ${this.#durableIndex}`;
      this.damage = new LogError('LOG_DAMAGED', why, index);
    }
    if (this.damage === null && this.last.term > hardTerm) {
      // No index: the hard state is too old, and that cannot be salvaged.
      this.damage = new LogError('LOG_DAMAGED', `the log has records of term ${this.last.term}, but its hard state is of term ${hardTerm}`);
    }
    this.commitIndex = Math.min(this.commitIndex, this.last.index);
  }

  #seeMark(item: DiskItem): void {
    const { checksum, stateNumber } = decodeMark(item.value, item.index);
    this.markIndex = item.index;
    this.#wasDurable(item.index, stateNumber);
    if (item.index === this.last.index && checksum !== this.last.checksum) {
      throw new LogError('LOG_DAMAGED', `the log through record ${item.index} is not what it was`, item.index);
    }
  }

  /** Something that was written after state `stateNumber` says that the log was durable through `index` then. */
  #wasDurable(index: number, stateNumber: number): void {
    if (stateNumber > this.#stateNumber) {
      // No index: without its newest hard state a member may have forgotten a vote, which cannot be salvaged.
      throw new LogError('LOG_DAMAGED', 'the state of the log (hard state, beginning, identity) is older than its records');
    }
    // An earlier state may have been followed by a truncation; what was durable at the newest one stands in it.
    if (stateNumber === this.#stateNumber) this.#durableIndex = Math.max(this.#durableIndex, index);
  }

  #seeRecord(record: StoredRecord): void {
    const { index, term, kind, data } = record;
    this.#wasDurable(record.durableIndex, record.stateNumber);
    this.commitIndex = Math.max(this.commitIndex, record.commitIndex);
    if (index !== this.last.index + 1) {
      this.strayRecords++;
      return;
    }
    checkSuccession(this.last, record);
    const config = kind === 'config' ? readConfig(record) : null;
    if (config !== null) this.configs.push({ index, config });
    if (this.termRuns.length === 0 || term !== this.last.term) this.termRuns.push({ firstIndex: index, term });
    this.sizes.append(index, data.length);
    this.last = { index, term, checksum: record.checksum };
  }
}

/** Throws LogError LOG_DAMAGED unless `record` can follow `before`: next index, no lower term, and the checksums chain. */
export function checkSuccession(before: LogPosition, record: StoredRecord): void {
  const { index, term } = record;
  if (index !== before.index + 1) throw new LogError('LOG_DAMAGED', `log record ${before.index + 1} is missing`, before.index + 1);
  const checksum = chainChecksum(before.checksum, index, term, record.kind, record.data.length, record.dataCrc);
  if (checksum !== record.checksum || term < before.term) {
    throw new LogError('LOG_DAMAGED', `log record ${index} does not follow from the one before it`, index);
  }
}

function readConfig(record: StoredRecord): ConfigAt['config'] {
  try {
    return decodeConfig(record.data);
  } catch (cause) {
    throw new LogError('LOG_DAMAGED', `log record ${record.index} holds no readable configuration`, record.index, cause);
  }
}
