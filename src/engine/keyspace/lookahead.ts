/**
 * Keys of commands that a client has sent and that run next, looked at before the first of them runs.
 *
 * To find a key takes three places in memory, each of which says where the next one is: with more keys than the processor's
 * cache has room for, a command waits for each of them. Here the first places of all the keys are read, then the second ones,
 * and so on: as none of these waits for another, the processor fetches them at the same time. Nothing depends on what is
 * read; it is in the cache when the commands run.
 */
import { hashKey, hashedKey } from '../../shared/hash.ts';
import type { Request } from '../../shared/request.ts';
import type { HashIndex } from '../memory/hash-index.ts';
import { equalBytes } from '../memory/records.ts';

/** So many commands are looked at together. */
export const COMMANDS_AHEAD = 16;

export class Lookahead {
  /** Makes the reading look needed. */
  seen = 0;
  readonly #index: HashIndex;
  /** Of each key that may be there: its index, then its record; and its hash. */
  readonly #refs: Int32Array = new Int32Array(COMMANDS_AHEAD);
  readonly #hashes: Int32Array = new Int32Array(COMMANDS_AHEAD);

  constructor(index: HashIndex) {
    this.#index = index;
  }

  /**
   * Looks at argument 1 of the first `count` requests, and notes its slot and hash in them. That it is a key is a guess.
   * @param slots index of each slot. @param count COMMANDS_AHEAD at most
   */
  look(slots: Int32Array, requests: readonly Request[], count: number): void {
    const index = this.#index;
    const refs = this.#refs;
    const hashes = this.#hashes;
    let keys = 0;
    for (let i = 0; i < count; i++) {
      const request = requests[i]!;
      if (request.argc < 2) continue;
      if (i > 0 && namesTheSame(requests[i - 1]!, request)) {
        request.keySlot = hashedKey.slot;
        request.keyHash = hashedKey.hash;
        continue;
      }
      hashKey(request.buf, request.off[1]!, request.len[1]!, index.seed);
      request.keySlot = hashedKey.slot;
      request.keyHash = hashedKey.hash;
      const ref = slots[hashedKey.slot]!;
      if (ref === 0) continue;
      refs[keys] = ref;
      hashes[keys++] = hashedKey.hash;
    }
    if (keys === 0) return;
    let seen = 0;
    for (let i = 0; i < keys; i++) seen ^= index.word(refs[i]!);
    for (let i = 0; i < keys; i++) seen ^= index.homeWord(refs[i]!, hashes[i]!);
    for (let i = 0; i < keys; i++) {
      const ref = index.candidate(refs[i]!, hashes[i]!);
      if (ref !== 0) seen ^= index.word(ref);
    }
    this.seen = seen;
  }
}

/** Whether a request names the key that the one before it names, of which `hashedKey` is then. */
function namesTheSame(before: Request, request: Request): boolean {
  const len = request.len[1]!;
  return before.argc > 1 && before.len[1] === len && equalBytes(before.buf, before.off[1]!, request.buf, request.off[1]!, len);
}
