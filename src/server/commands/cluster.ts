/**
 * CLUSTER and ASKING where there is no cluster mode: refused as a Redis without `cluster-enabled` refuses them, so that clients
 * find out in the way they know. The rows are Redis's: what users may and scripts may not is answered before.
 */
import { type Command, command } from '../../engine/command.ts';
import { CommandError } from '../../shared/errors.ts';

const NO_CLUSTER = new CommandError('ERR This instance has cluster support disabled');

function refuse(): void {
  throw NO_CLUSTER;
}

const ADMIN = 'admin stale no_async_loading';
const SHOWN = 'loading stale';

type Row = readonly [name: string, arity: number, flags: string, since: string, tips?: readonly string[]];

const VARYING = ['nondeterministic_output'];

const SUBCOMMANDS: readonly Row[] = [
  ['addslots', -3, ADMIN, '3.0.0'], ['addslotsrange', -4, ADMIN, '7.0.0'], ['bumpepoch', 2, ADMIN, '3.0.0', VARYING],
  ['count-failure-reports', 3, 'admin stale', '3.0.0', VARYING], ['countkeysinslot', 3, 'stale', '3.0.0'],
  ['delslots', -3, ADMIN, '3.0.0'], ['delslotsrange', -4, ADMIN, '7.0.0'], ['failover', -2, ADMIN, '3.0.0'],
  ['flushslots', 2, ADMIN, '3.0.0'], ['forget', 3, ADMIN, '3.0.0'], ['getkeysinslot', 4, 'stale', '3.0.0', VARYING],
  ['help', 2, SHOWN, '5.0.0'], ['info', 2, SHOWN, '3.0.0', VARYING], ['keyslot', 3, 'stale', '3.0.0'], ['links', 2, 'stale', '7.0.0', VARYING],
  ['meet', -4, ADMIN, '3.0.0'], ['myid', 2, SHOWN, '3.0.0'], ['myshardid', 2, SHOWN, '7.2.0', VARYING], ['nodes', 2, SHOWN, '3.0.0', VARYING],
  ['replicas', 3, 'admin stale', '5.0.0', VARYING], ['replicate', 3, ADMIN, '3.0.0'], ['reset', -2, 'admin stale noscript', '3.0.0'],
  ['saveconfig', 2, ADMIN, '3.0.0'], ['set-config-epoch', 3, ADMIN, '3.0.0'], ['setslot', -4, `${ADMIN} may_replicate`, '3.0.0'],
  ['shards', 2, SHOWN, '7.0.0', VARYING], ['slaves', 3, 'admin stale', '3.0.0', VARYING], ['slots', 2, SHOWN, '3.0.0', VARYING],
];

export const clusterCommands: readonly Command[] = [
  command({
    name: 'cluster', arity: -2, flags: '', group: 'cluster', since: '3.0.0',
    subcommands: SUBCOMMANDS.map(([name, arity, flags, since, tips]) => (
      command({ name: `cluster|${name}`, arity, flags, group: 'cluster', since, ...(tips === undefined ? {} : { tips }), run: refuse })
    )),
  }),
  command({ name: 'asking', arity: 1, flags: 'fast', categories: 'connection', group: 'cluster', since: '3.0.0', run: refuse }),
];
