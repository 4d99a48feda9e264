/** The end of ZUNIONSTORE, ZINTERSTORE, ZDIFFSTORE, ZRANGESTORE and GEOSEARCHSTORE. */
import type { Call } from '../call.ts';
import { KeyEvent } from '../keyspace/key-events.ts';
import { EntryType } from '../memory/entries.ts';

/**
 * Makes the score table, with all its members in it, the sorted set at argument `keyAt`, whatever stood there; an empty one
 * removes the key. Replies its size.
 */
export function storeScoreTable(c: Call, keyAt = 1): void {
  const { scoreTable } = c.engine.types;
  const { size } = scoreTable;
  const removed = c.lookupWrite(keyAt) !== 0 && c.removeKey(keyAt);
  if (size > 0) {
    scoreTable.attach(c.addCollection(keyAt, EntryType.zset, !removed));
    const { name } = c.command!;
    c.notify(KeyEvent.sortedSet, name.startsWith('georadius') ? 'georadiusstore' : name, keyAt);
  } else {
    scoreTable.drop();
    if (removed) c.notify(KeyEvent.generic, 'del', keyAt);
  }
  if (size > 0 || removed) c.changed();
  c.reply.integer(size);
}
