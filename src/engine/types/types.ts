/** The value types, wired to one keyspace, and the freeing of what they leave behind. */
import type { EncodingLimits } from '../encoding-limits.ts';
import type { Keyspace } from '../keyspace/keyspace.ts';

export class Types {
  constructor(_keyspace: Keyspace, _limits: EncodingLimits, _random: () => number) {
    // hashes, sets, sortedSets and lists are made here.
  }
}
