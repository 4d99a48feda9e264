/** Default limits of the Raft core and their check. Must never hold state. */
import { OperationalError } from '../../shared/errors.ts';
import type { Limits } from './types.ts';

const MIB = 1024 * 1024;

/** For ticks of 100 ms: elections after 1 to 2 s of silence, a lease of 0.7 s renewed ten times a second. */
export const DEFAULT_LIMITS: Limits = {
  electionTicks: 10,
  heartbeatTicks: 1,
  clockDriftMax: 0.1,
  entryBytesMax: 64 * MIB,
  messageBytesMax: 1 * MIB,
  inflightMessagesMax: 256,
  inflightBytesMax: 64 * MIB,
  uncommittedBytesMax: 256 * MIB,
  unsyncedBytesMax: 256 * MIB,
  windowBytesMax: 32 * MIB,
  applyingBytesMax: 64 * MIB,
  pendingReadsMax: 65536,
  membersMax: 64,
};

/** What an entry costs beside its data, in memory and on the wire; so that a flood of empty entries meets the limits too. */
export const ENTRY_OVERHEAD_BYTES = 32;

/**
 * How long, in its own ticks, a leader may rely on a voter's answer, counted from the tick in which the question left.
 *
 * A voter promises from receipt to vote for nobody for `electionTicks` of its ticks; the first may be over at once, so it
 * keeps at least (electionTicks - 1) tick lengths, each up to `clockDriftMax` shorter than the leader's. The leader's
 * count t - s stands for less than t - s + 1 tick lengths. 0 or less: there is no lease with these limits.
 */
export function leaseTicks(limits: Limits): number {
  return Math.floor((limits.electionTicks - 1) * (1 - limits.clockDriftMax)) - 1;
}

/** Throws OperationalError RAFT_BAD_LIMITS when the limits contradict each other. */
export function checkLimits(limits: Limits): void {
  for (const [name, value] of Object.entries(limits) as [keyof Limits, number][]) {
    const ok = name === 'clockDriftMax' ? value >= 0 && value < 1 : Number.isSafeInteger(value) && value >= 1;
    if (!ok) throw new OperationalError('RAFT_BAD_LIMITS', `${name} is ${value}`);
  }
  if (limits.heartbeatTicks * 3 > limits.electionTicks) {
    throw new OperationalError('RAFT_BAD_LIMITS', 'heartbeatTicks must be at most a third of electionTicks');
  }
}
