/** The engine's commands, collected. A new family is one import and one line here. */
import type { Command } from './command.ts';
import { bitfieldCommands } from './commands/bitfield.ts';
import { bitmapCommands } from './commands/bitmap.ts';
import { bitopCommands } from './commands/bitop.ts';
import { databaseCommands } from './commands/databases.ts';
import { dumpCommands } from './commands/dump.ts';
import { expiryCommands } from './commands/expiry.ts';
import { genericCommands } from './commands/generic.ts';
import { geoCommands } from './commands/geo.ts';
import { geoSearchCommands } from './commands/geo-search.ts';
import { hashCommands } from './commands/hash.ts';
import { hyperloglogCommands } from './commands/hyperloglog.ts';
import { hyperloglogDebugCommands } from './commands/hyperloglog-debug.ts';
import { keyspaceScanCommands } from './commands/keyspace-scan.ts';
import { lcsCommands } from './commands/lcs.ts';
import { listCommands } from './commands/list.ts';
import { msetexCommands } from './commands/msetex.ts';
import { objectCommands } from './commands/object.ts';
import { setCommands } from './commands/set.ts';
import { sortedSetCommands } from './commands/sorted-set.ts';
import { sortCommands } from './commands/sort.ts';
import { streamCommands } from './commands/stream.ts';
import { stringCommands } from './commands/string.ts';
import { stringNumberCommands } from './commands/string-number.ts';
import { transactionCommands } from './commands/transactions.ts';

/** Rows of all commands that need nothing but the engine. The server adds its own. */
export function engineCommands(): readonly Command[] {
  return [
    ...genericCommands,
    ...expiryCommands,
    ...keyspaceScanCommands,
    ...databaseCommands,
    ...stringCommands,
    ...stringNumberCommands,
    ...msetexCommands,
    ...lcsCommands,
    ...bitmapCommands,
    ...bitopCommands,
    ...bitfieldCommands,
    ...hyperloglogCommands,
    ...hyperloglogDebugCommands,
    ...geoCommands,
    ...geoSearchCommands,
    ...hashCommands,
    ...setCommands,
    ...listCommands,
    ...sortedSetCommands,
    ...streamCommands,
    ...dumpCommands,
    ...transactionCommands,
    ...objectCommands,
    ...sortCommands,
  ];
}
