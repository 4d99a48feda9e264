/** The end of ZUNIONSTORE, ZINTERSTORE, ZDIFFSTORE and ZRANGESTORE. */
import type { Call } from '../call.ts';
import { EntryType } from '../memory/entries.ts';

/**
 * Makes the score table, with all its members in it, the sorted set at argument 1, whatever stood there; an empty one
 * removes the key. Replies its size.
 */
export function storeScoreTable(c: Call): void {
  const { scoreTable } = c.engine.types;
  const { size } = scoreTable;
  const removed = c.lookupWrite(1) !== 0 && c.removeKey(1);
  if (size > 0) scoreTable.attach(c.addCollection(1, EntryType.zset));
  else scoreTable.drop();
  if (size > 0 || removed) c.changed();
  c.reply.integer(size);
}
