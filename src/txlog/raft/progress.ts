/**
 * What a leader knows of one other member: how far it has come and how much is on the way to it. Must never send.
 *
 * probe: where the logs match is not known; one append at a time. replicate: it is known; appends are pipelined. snapshot:
 * the member needs entries that are gone; nothing is sent until it has got a snapshot.
 */
import type { Limits, PeerStatus, ProgressState } from './types.ts';

/** Appends that were sent and not answered, oldest first: a ring of (last index, bytes). */
class Inflight {
  #lastIndexes = new Float64Array(8);
  #bytes = new Float64Array(8);
  #start = 0;
  count = 0;
  bytes = 0;

  add(lastIndex: number, bytes: number): void {
    if (this.count === this.#lastIndexes.length) this.#grow();
    const at = (this.#start + this.count) & (this.#lastIndexes.length - 1);
    this.#lastIndexes[at] = lastIndex;
    this.#bytes[at] = bytes;
    this.count++;
    this.bytes += bytes;
  }

  /** Everything through `index` was answered. */
  freeThrough(index: number): void {
    while (this.count > 0 && this.#lastIndexes[this.#start]! <= index) {
      this.bytes -= this.#bytes[this.#start]!;
      this.#start = (this.#start + 1) & (this.#lastIndexes.length - 1);
      this.count--;
    }
  }

  clear(): void {
    this.#start = 0;
    this.count = 0;
    this.bytes = 0;
  }

  #grow(): void {
    const size = this.#lastIndexes.length;
    const lastIndexes = new Float64Array(size * 2);
    const bytes = new Float64Array(size * 2);
    for (let i = 0; i < size; i++) {
      const at = (this.#start + i) & (size - 1);
      lastIndexes[i] = this.#lastIndexes[at]!;
      bytes[i] = this.#bytes[at]!;
    }
    this.#lastIndexes = lastIndexes;
    this.#bytes = bytes;
    this.#start = 0;
  }
}

export class Progress {
  readonly id: string;
  state: ProgressState = 'probe';
  /** Through here the member's durable log is known to equal the leader's. match < next. */
  match = 0;
  /** Index of the next entry to send. In `replicate` everything before it was sent, in the hope that it arrives. */
  next: number;
  /** probe: one append is on the way; wait for its answer or for the next heartbeat's. */
  probeSent = false;
  /** replicate: nothing is known to be lost, but an answer is missing; ask where the member stands. */
  nudge = false;
  /** Highest commit index sent with an append. */
  sentCommit = 0;
  /** Newest round of heartbeats it answered and the tick that began in; -1 before the first. */
  ackedRound = -1;
  ackedTick = -1;
  /** replicate: the host is reading entries from here for this member; 0 if not. */
  fetchFrom = 0;
  /** snapshot: when it was last sent. */
  snapshotTick = 0;
  /** It says that it may lack what it once acknowledged: nothing that it holds or says counts. */
  impaired = false;
  readonly inflight = new Inflight();

  constructor(id: string, next: number) {
    this.id = id;
    this.next = next;
  }

  becomeProbe(next: number): void {
    this.state = 'probe';
    this.next = Math.max(next, this.match + 1);
    this.#restart();
  }

  becomeReplicate(): void {
    this.state = 'replicate';
    this.next = this.match + 1;
    this.#restart();
  }

  becomeSnapshot(tick: number): void {
    this.state = 'snapshot';
    this.snapshotTick = tick;
    this.#restart();
  }

  #restart(): void {
    this.probeSent = false;
    this.nudge = false;
    this.fetchFrom = 0;
    this.inflight.clear();
  }

  /** Whether it may be sent another append that carries entries. */
  hasRoom(limits: Limits): boolean {
    return this.inflight.count < limits.inflightMessagesMax && this.inflight.bytes < limits.inflightBytesMax;
  }

  /** It has everything through `index`. */
  acknowledge(index: number): void {
    this.inflight.freeThrough(index);
    this.next = Math.max(this.next, index + 1);
    this.match = Math.max(this.match, index);
  }

  status(tickCount: number): PeerStatus {
    return {
      id: this.id,
      state: this.state,
      match: this.match,
      next: this.next,
      inflightMessages: this.inflight.count,
      inflightBytes: this.inflight.bytes,
      silentTicks: this.ackedTick < 0 ? -1 : tickCount - this.ackedTick,
      impaired: this.impaired,
    };
  }
}
