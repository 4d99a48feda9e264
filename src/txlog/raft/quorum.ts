/** Majorities, simple and joint (Raft §6). Pure functions of a configuration; must never know about messages or logs. */
import type { MemberConfig } from './types.ts';

/**
 * The largest value that a majority of `ids` has reached: with match indexes the index that is on a majority (Raft §5.3),
 * with ticks or rounds the latest that a majority has answered. Infinity for nobody, who agrees to everything.
 */
function majorityValue(ids: readonly string[], valueOf: (id: string) => number): number {
  const n = ids.length;
  if (n === 0) return Infinity;
  if (n === 1) return valueOf(ids[0]!);
  const values = new Array<number>(n);
  // Insertion sort, ascending: groups have a handful of voters.
  for (let i = 0; i < n; i++) {
    const value = valueOf(ids[i]!);
    let at = i;
    while (at > 0 && values[at - 1]! > value) {
      values[at] = values[at - 1]!;
      at--;
    }
    values[at] = value;
  }
  // Ascending order: all from here up have at least this value, and they are floor(n / 2) + 1.
  return values[n - (Math.floor(n / 2) + 1)]!;
}

/** As `majorityValue`, in both halves of a joint configuration. */
export function quorumValue(config: MemberConfig, valueOf: (id: string) => number): number {
  const incoming = majorityValue(config.voters, valueOf);
  if (config.votersOutgoing.length === 0) return incoming;
  return Math.min(incoming, majorityValue(config.votersOutgoing, valueOf));
}

export type VoteResult = 'won' | 'lost' | 'pending';

function majorityVote(ids: readonly string[], votes: ReadonlyMap<string, boolean>): VoteResult {
  const needed = Math.floor(ids.length / 2) + 1;
  if (ids.length === 0) return 'won';
  let yes = 0;
  let no = 0;
  for (const id of ids) {
    const vote = votes.get(id);
    if (vote === true) yes++;
    else if (vote === false) no++;
  }
  if (yes >= needed) return 'won';
  return ids.length - no >= needed ? 'pending' : 'lost';
}

/** Outcome of an election given the answers so far. A configuration without voters elects nobody. */
export function voteResult(config: MemberConfig, votes: ReadonlyMap<string, boolean>): VoteResult {
  if (config.voters.length === 0) return 'lost';
  const incoming = majorityVote(config.voters, votes);
  const outgoing = majorityVote(config.votersOutgoing, votes);
  if (incoming === 'lost' || outgoing === 'lost') return 'lost';
  return incoming === 'won' && outgoing === 'won' ? 'won' : 'pending';
}
