/** SUBSCRIBE and its kin, PUBLISH, SPUBLISH, PUBSUB. */
import type { Call } from '../../engine/call.ts';
import { type Command, command, keysAt, keysThrough } from '../../engine/command.ts';
import { badSubcommand } from '../../engine/error-texts.ts';
import { CommandError } from '../../shared/errors.ts';
import { globMatchBytes } from '../../shared/glob.ts';
import { latin1Bytes } from '../../shared/request.ts';
import type { ChannelKind } from '../pubsub.ts';
import type { Server } from '../server.ts';
import { connectionOf } from './connection.ts';
import { helpHandler } from './help.ts';

const VERBS: Readonly<Record<ChannelKind, readonly [subscribe: string, unsubscribe: string]>> = {
  channel: ['subscribe', 'unsubscribe'], pattern: ['psubscribe', 'punsubscribe'], shard: ['ssubscribe', 'sunsubscribe'],
};

/** One push for each name, as Redis confirms them. */
function confirm(c: Call, verb: string, name: string | null, count: number): void {
  c.reply.push(3);
  c.reply.bulkString(verb);
  if (name === null) c.reply.null();
  else c.reply.bulkString(name);
  c.reply.integer(count);
}

function subscribe(server: Server, c: Call, kind: ChannelKind): void {
  // Transactions may have the older ones.
  if (kind === 'shard' && !c.canBlock) throw new CommandError("ERR SSUBSCRIBE isn't allowed for a DENY BLOCKING client");
  const connection = connectionOf(server, c);
  connection.wrotePushes = true;
  for (let i = 1; i < c.req.argc; i++) {
    server.pubsub.subscribe(connection, kind, c.string(i));
    confirm(c, VERBS[kind][0], c.string(i), connection.subscriptions.count(kind));
  }
}

function unsubscribe(server: Server, c: Call, kind: ChannelKind): void {
  const connection = connectionOf(server, c);
  connection.wrotePushes = true;
  const { subscriptions } = connection;
  const names: string[] = c.req.argc > 1 ? Array.from({ length: c.req.argc - 1 }, (_, i) => c.string(i + 1)) : [...subscriptions[kind]];
  for (const name of names) {
    server.pubsub.unsubscribe(connection, kind, name);
    confirm(c, VERBS[kind][1], name, subscriptions.count(kind));
  }
  if (names.length === 0) confirm(c, VERBS[kind][1], null, subscriptions.count(kind));
}

function channels(server: Server, c: Call, kind: ChannelKind): void {
  if (c.req.argc > 3) throw badSubcommand('PUBSUB', c.string(1));
  let names = server.pubsub.names(kind);
  if (c.req.argc > 2) {
    names = names.filter((name) => globMatchBytes(c.req.buf, c.req.off[2]!, c.req.len[2]!, latin1Bytes(name), 0, name.length));
  }
  c.reply.array(names.length);
  for (const name of names) c.reply.bulkString(name);
}

function numsub(server: Server, c: Call, kind: ChannelKind): void {
  c.reply.array(2 * (c.req.argc - 2));
  for (let i = 2; i < c.req.argc; i++) {
    c.reply.bulkString(c.string(i));
    c.reply.integer(server.pubsub.listeners(kind, c.string(i)));
  }
}

const HELP = [
  'PUBSUB <subcommand> [<arg> [value] [opt] ...]. Subcommands are:',
  'CHANNELS [<pattern>]', "    Return the currently active channels matching a <pattern> (default: '*').",
  'NUMPAT', '    Return number of subscriptions to patterns.',
  'NUMSUB [<channel> ...]', '    Return the number of subscribers for the specified channels, excluding', '    pattern subscriptions(default: no channels).',
  'SHARDCHANNELS [<pattern>]', "    Return the currently active shard level channels matching a <pattern> (default: '*').",
  'SHARDNUMSUB [<shardchannel> ...]', '    Return the number of subscribers for the specified shard level channel(s)',
  'HELP', '    Prints this help.',
];

export function pubsubCommands(server: Server): readonly Command[] {
  const group = 'pubsub';
  const flags = 'pubsub noscript loading stale';
  const listen = (kind: ChannelKind, since: string): Command[] => {
    const keys = kind === 'shard' ? [keysThrough(1, -1, 'not_key')] : [];
    const [on, off] = VERBS[kind];
    return [
      command({ name: on, arity: -2, flags, group, since, keys, channels: kind === 'pattern' ? 'patterns' : 'all', run: (c) => subscribe(server, c, kind) }),
      command({ name: off, arity: -1, flags, group, since, keys, run: (c) => unsubscribe(server, c, kind) }),
    ];
  };
  const sub = (name: string, arity: number, since: string, run: (c: Call) => void): Command => (
    command({ name: `pubsub|${name}`, arity, flags: 'pubsub loading stale', group, since, run })
  );
  return [
    ...listen('channel', '2.0.0'), ...listen('pattern', '2.0.0'), ...listen('shard', '7.0.0'),
    command({
      name: 'publish', arity: 3, flags: 'pubsub loading stale fast may_replicate', group, since: '2.0.0', channels: 'first',
      run: (c) => c.reply.integer(server.pubsub.publish('channel', c.string(1), c.string(2))),
    }),
    command({
      name: 'spublish', arity: 3, flags: 'pubsub loading stale fast may_replicate', group, since: '7.0.0', keys: [keysAt(1, 'not_key')], channels: 'first',
      run: (c) => c.reply.integer(server.pubsub.publish('shard', c.string(1), c.string(2))),
    }),
    command({
      name: 'pubsub', arity: -2, flags: '', group, since: '2.8.0',
      subcommands: [
        sub('channels', -2, '2.8.0', (c) => channels(server, c, 'channel')),
        sub('numsub', -2, '2.8.0', (c) => numsub(server, c, 'channel')),
        sub('numpat', 2, '2.8.0', (c) => c.reply.integer(server.pubsub.names('pattern').length)),
        sub('shardchannels', -2, '7.0.0', (c) => channels(server, c, 'shard')),
        sub('shardnumsub', -2, '7.0.0', (c) => numsub(server, c, 'shard')),
        command({ name: 'pubsub|help', arity: 2, flags: 'loading stale', group: 'server', since: '6.2.0', run: helpHandler(HELP) }),
      ],
    }),
  ];
}
