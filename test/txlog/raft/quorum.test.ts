/** Majorities against the definition, counted one by one. */
import { describe, expect, it } from 'vitest';
import { EMPTY_CONFIG } from '../../../src/txlog/raft/configuration.ts';
import { quorumValue, voteResult } from '../../../src/txlog/raft/quorum.ts';
import type { MemberConfig } from '../../../src/txlog/raft/types.ts';

const IDS = ['a', 'b', 'c', 'd', 'e'];

/** All pairs of voter sets over five ids. */
function* configs(): Generator<MemberConfig> {
  for (let incoming = 1; incoming < 32; incoming++) {
    for (let outgoing = 0; outgoing < 32; outgoing++) {
      const pick = (mask: number): string[] => IDS.filter((_, i) => (mask >> i) & 1);
      yield { ...EMPTY_CONFIG, voters: pick(incoming), votersOutgoing: pick(outgoing) };
    }
  }
}

function hasMajority(ids: readonly string[], yes: (id: string) => boolean): boolean {
  return ids.length === 0 || ids.filter(yes).length * 2 > ids.length;
}

describe('quorum', () => {
  it('value: the largest that a majority of both halves has reached', () => {
    for (const config of configs()) {
      for (let n = 0; n < 8; n++) {
        const values = new Map(IDS.map((id, i) => [id, (n * 7 + i * i * 3 + (n >> 1) * i) % 5]));
        const reached = (value: number) => (id: string): boolean => values.get(id)! >= value;
        const both = (value: number): boolean => hasMajority(config.voters, reached(value)) && hasMajority(config.votersOutgoing, reached(value));
        const expected = [4, 3, 2, 1, 0].find(both);
        expect(quorumValue(config, (id) => values.get(id)!)).toBe(expected);
      }
    }
  });

  it('votes: won with a majority of both halves, lost when that has become impossible', () => {
    for (const config of configs()) {
      for (let yes = 0; yes < 32; yes++) {
        for (const no of [0, 31 & ~yes, 21 & ~yes]) {
          const votes = new Map<string, boolean>();
          IDS.forEach((id, i) => {
            if ((yes >> i) & 1) votes.set(id, true);
            else if ((no >> i) & 1) votes.set(id, false);
          });
          const wins = (optimistic: boolean): boolean => {
            const for_ = (id: string): boolean => votes.get(id) ?? optimistic;
            return hasMajority(config.voters, for_) && hasMajority(config.votersOutgoing, for_);
          };
          const result = voteResult(config, votes);
          if (result !== (wins(false) ? 'won' : wins(true) ? 'pending' : 'lost')) expect({ config, votes, result }).toBe('right');
        }
      }
    }
  });
});
