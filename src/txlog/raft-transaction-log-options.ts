/** What a RaftTransactionLog is given: its store, its place in the group, and the clock and network that a simulation may own. */
import type { LogStore } from './log-store.ts';
import type { MemberConfig, PeerMessage } from './raft/types.ts';

/** Time as the log sees it. Injected, so that a simulation can own it. */
export interface LogClock {
  /** Monotonic. */
  nowMs(): number;
  /** Calls `work` about every `periodMs`; returns how to end that. */
  every(periodMs: number, work: () => void): () => void;
}

export const SYSTEM_CLOCK: LogClock = {
  nowMs: () => performance.now(),
  every: (periodMs, work) => {
    const timer = setInterval(work, periodMs).unref();
    return () => clearInterval(timer);
  },
};

export interface RaftTransactionLogOptions {
  /** Member id. */
  readonly id: string;
  readonly store: LogStore;
  /** Batches handed to the store and not durable yet, at most. */
  readonly maxBatchesInFlight: number;
  /** Index through which the state machine is restored from a snapshot; 0 without one. At least where the log begins. */
  readonly appliedIndex: number;
  /** Refuse a log of another shard. Without it any is taken, and a new log draws one. */
  readonly shardId?: string;
  /** Members of a new group. Without it: this one alone. */
  readonly firstConfig?: MemberConfig;
  /** `append` refuses when this many bytes are in flight. */
  readonly inFlightBytesMax?: number;
  /** Go on with what is good of a damaged log; see OpenOptions. Only of use with peers to be healed from. */
  readonly onDamage?: 'refuse' | 'salvage';
  /** Takes what is to go to other members; may lose it. */
  readonly send?: (message: PeerMessage) => void;
  /** What was given to `send` is to go out now. */
  readonly flushSends?: () => void;
  /** Length of a tick of the core: an election begins after ten to twenty of them in silence. */
  readonly tickMs?: number;
  /** See RawNodeOptions.caretaker. */
  readonly caretaker?: boolean;
  /** Whether this member may lead at once; else not before `setElectable`. */
  readonly electable?: boolean;
  readonly clock?: LogClock;
  /** Uniform in [0, 1). */
  readonly random?: () => number;
}
