/** What a journal has and the disk behind it does not yet: the net effect of batches that follow each other. Holds views, no copies. */
import { type ChangeVisitor, DELETE_MARK, DELETE_RECORD, PUT_MARK, PUT_RECORD, PUT_STATE } from './journal-frame.ts';
import type { DiskBatch } from './log-disk.ts';

export interface Waiter {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

export class ChangeLayer implements ChangeVisitor {
  state: Buffer | null = null;
  /** By index; null: deleted. */
  readonly records = new Map<number, Buffer | null>();
  readonly marks = new Map<number, Buffer | null>();
  bytes = 0;
  /** Sequence of the last batch in it, or in what was before it. */
  lastSequence: number;
  /** To be told when the layer is durable on the disk. */
  readonly waiters: Waiter[] = [];

  constructor(lastSequence: number) {
    this.lastSequence = lastSequence;
  }

  change(code: number, index: number, value: Buffer): void {
    this.bytes += value.length;
    switch (code) {
      case PUT_STATE:
        this.state = value;
        break;
      case PUT_RECORD:
        this.records.set(index, value);
        break;
      case DELETE_RECORD:
        this.records.set(index, null);
        break;
      case PUT_MARK:
        this.marks.set(index, value);
        break;
      case DELETE_MARK:
        this.marks.set(index, null);
        break;
      default:
        throw new RangeError(`change ${code} in a frame of the journal`);
    }
  }

  get isEmpty(): boolean {
    return this.records.size === 0 && this.marks.size === 0 && this.state === null;
  }

  addTo(batch: DiskBatch): void {
    if (this.state !== null) batch.putState(this.state);
    for (const [index, value] of this.records) {
      if (value === null) batch.deleteRecord(index);
      else batch.putRecord(index, value);
    }
    for (const [index, value] of this.marks) {
      if (value === null) batch.deleteMark(index);
      else batch.putMark(index, value);
    }
  }
}

/** A change that a scan has to consider: `value` null is a deletion. */
export interface LayeredItem {
  readonly index: number;
  readonly isMark: boolean;
  readonly value: Uint8Array | null;
}

/** Changes of `layers`, later ones first in force, to what lies from index `from` through `through`: copies, in the order of a scan. */
export function layeredItems(layers: readonly ChangeLayer[], from: number, through: number): LayeredItem[] {
  const out: LayeredItem[] = [];
  for (const isMark of [false, true]) {
    const newest = new Map<number, Buffer | null>();
    for (const layer of layers) {
      for (const [index, value] of isMark ? layer.marks : layer.records) if (index >= from && index <= through) newest.set(index, value);
    }
    for (const [index, value] of newest) out.push({ index, isMark, value: value === null ? null : new Uint8Array(value) });
  }
  return out.sort((a, b) => a.index - b.index || Number(a.isMark) - Number(b.isMark));
}
