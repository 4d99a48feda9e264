/** COMMAND and its subcommands, derived from the rows of the command table. */
import type { Call } from '../../engine/call.ts';
import { type Command, FLAG_NAMES, Flag, type KeySpec, command } from '../../engine/command.ts';
import { SYNTAX } from '../../engine/error-texts.ts';
import { keyIndexes } from '../../engine/key-extraction.ts';
import { CommandError } from '../../shared/errors.ts';
import { globMatch } from '../../shared/glob.ts';
import type { Reply } from '../../shared/reply.ts';
import { Request } from '../../shared/request.ts';
import type { Server } from '../server.ts';
import { writeDocs } from './command-docs.ts';
import { helpHandler } from './help.ts';

/** What COMMAND reported before key specifications (populateCommandLegacyRangeSpec in Redis). */
interface LegacyRange {
  readonly first: number;
  readonly last: number;
  readonly step: number;
  /** The range does not tell all keys. */
  readonly movable: boolean;
}

function legacyRange(row: Command): LegacyRange {
  const end = (begin: number, lastKey: number): number => (lastKey >= 0 ? begin + lastKey : lastKey);
  const [only] = row.keys;
  if (row.keys.length === 1 && 'index' in only!.begin && 'lastKey' in only!.find) {
    return { first: only!.begin.index, last: end(only!.begin.index, only!.find.lastKey), step: only!.find.step, movable: false };
  }
  let first = 0;
  let last = 0;
  let movable = false;
  for (const { begin, find } of row.keys) {
    // Only ranges that follow on each other make one range; a last key counted from the end is behind all others.
    if (!('index' in begin) || !('lastKey' in find) || (last !== 0 && last !== begin.index - 1)) movable = true;
    else if (find.step === 1) {
      first = first === 0 ? begin.index : Math.min(first, begin.index);
      last = end(begin.index, find.lastKey);
    }
  }
  return { first, last, step: first === 0 ? 0 : 1, movable };
}

function statuses(reply: Reply, words: readonly string[]): void {
  reply.set(words.length);
  for (const word of words) reply.status(word);
}

function pairs(reply: Reply, fields: readonly (readonly [string, string | number])[]): void {
  reply.map(fields.length);
  for (const [name, value] of fields) {
    reply.bulkString(name);
    if (typeof value === 'number') reply.integer(value);
    else reply.bulkString(value);
  }
}

function writeSpec(reply: Reply, spec: KeySpec): void {
  reply.map(3);
  reply.bulkString('flags');
  statuses(reply, spec.flags.split(' ').filter((word) => word !== ''));
  reply.bulkString('begin_search');
  reply.map(2);
  reply.bulkString('type');
  // Where not even the place of the first key can be told, its index is 0.
  const nowhere = 'unknown' in spec.find && 'index' in spec.begin && spec.begin.index === 0;
  reply.bulkString(nowhere ? 'unknown' : 'index' in spec.begin ? 'index' : 'keyword');
  reply.bulkString('spec');
  if (nowhere) reply.map(0);
  else if ('index' in spec.begin) pairs(reply, [['index', spec.begin.index]]);
  else pairs(reply, [['keyword', spec.begin.keyword], ['startfrom', spec.begin.startFrom]]);
  reply.bulkString('find_keys');
  reply.map(2);
  reply.bulkString('type');
  const { find } = spec;
  reply.bulkString('unknown' in find ? 'unknown' : 'lastKey' in find ? 'range' : 'keynum');
  reply.bulkString('spec');
  if ('unknown' in find) reply.map(0);
  else if ('lastKey' in find) pairs(reply, [['lastkey', find.lastKey], ['keystep', find.step], ['limit', find.limit]]);
  else pairs(reply, [['keynumidx', find.keyNumIndex], ['firstkey', find.firstKey], ['keystep', find.step]]);
}

/** Redis keeps these to itself. */
const HIDDEN = Flag.mayReplicate | Flag.protected;

function flagNames(row: Command, { movable }: LegacyRange): string[] {
  const names = FLAG_NAMES.filter(([bit]) => (row.flags & bit & ~HIDDEN) !== 0).map(([, name]) => name);
  return movable && (row.flags & Flag.movablekeys) === 0 ? [...names, 'movablekeys'] : names;
}

function writeInfo(reply: Reply, row: Command): void {
  const range = legacyRange(row);
  reply.array(10);
  reply.bulkString(row.name);
  reply.integer(row.arity);
  statuses(reply, flagNames(row, range));
  reply.integer(range.first);
  reply.integer(range.last);
  reply.integer(range.step);
  statuses(reply, row.categories.map((name) => `@${name}`));
  reply.set(row.tips.length);
  for (const tip of row.tips) reply.bulkString(tip);
  reply.set(row.keys.length);
  for (const spec of row.keys) writeSpec(reply, spec);
  if (row.subcommands === null) {
    reply.set(0);
    return;
  }
  reply.array(row.subcommands.size);
  for (const sub of row.subcommands.values()) writeInfo(reply, sub);
}

function info(server: Server, c: Call, from: number): void {
  const { table } = server.engine;
  if (c.req.argc === from) {
    const rows = [...table.commands()];
    c.reply.array(rows.length);
    for (const row of rows) writeInfo(c.reply, row);
    return;
  }
  c.reply.array(c.req.argc - from);
  for (let i = from; i < c.req.argc; i++) {
    const row = table.get(c.string(i).toLowerCase());
    if (row === undefined) c.reply.null();
    else writeInfo(c.reply, row);
  }
}

function docs(server: Server, c: Call): void {
  const { table } = server.engine;
  const rows = c.req.argc === 2
    ? [...table.commands()]
    : Array.from({ length: c.req.argc - 2 }, (_, i) => table.get(c.string(i + 2).toLowerCase())).filter((row) => row !== undefined);
  c.reply.map(rows.length);
  for (const row of rows) writeDocs(c.reply, row);
}

function list(server: Server, c: Call): void {
  const { table } = server.engine;
  let rows = table.all;
  if (c.req.argc === 5 && c.req.is(2, 'FILTERBY')) {
    const value = c.string(4);
    if (c.req.is(3, 'PATTERN')) rows = table.all.filter((row) => globMatch(value, row.name, true));
    else if (c.req.is(3, 'ACLCAT')) rows = table.all.filter((row) => row.categories.includes(value.toLowerCase()));
    else if (c.req.is(3, 'MODULE')) rows = [];
    else throw SYNTAX;
  } else if (c.req.argc !== 2) throw SYNTAX;
  c.reply.array(rows.length);
  for (const row of rows) c.reply.bulkString(row.name);
}

function getKeys(server: Server, c: Call, withFlags: boolean): void {
  const words = Array.from({ length: c.req.argc - 2 }, (_, i) => c.string(i + 2));
  const request = Request.of(...words);
  const { table } = server.engine;
  const top = table.get(words[0]!.toLowerCase());
  const row = words.length > 1 && top?.subcommands ? top.subcommands.get(words[1]!.toLowerCase()) : top;
  if (row === undefined) throw new CommandError('ERR Invalid command specified');
  if (!row.hasKeys && row.getKeys === null) throw new CommandError('ERR The command has no key arguments');
  if ((row.arity > 0 && row.arity !== words.length) || words.length < -row.arity) throw new CommandError('ERR Invalid number of arguments specified for command');
  const found = keyIndexes(row, request);
  if (found.length === 0 && (row.flags & Flag.noMandatoryKeys) === 0) throw new CommandError('ERR Invalid arguments specified for command');
  c.reply.array(found.length);
  for (const { index, flags } of found) {
    if (withFlags) c.reply.array(2);
    c.reply.bulkString(words[index]!);
    if (withFlags) statuses(c.reply, flags.split(' '));
  }
}

const HELP = [
  'COMMAND <subcommand> [<arg> [value] [opt] ...]. Subcommands are:',
  '(no subcommand)', '    Return details about all commands.',
  'COUNT', '    Return the total number of commands in this server.',
  'LIST [FILTERBY (MODULE <name>|ACLCAT <category>|PATTERN <pattern>)]', '    Return a list of all commands in this server.',
  'INFO [<command-name> ...]', '    Return details about multiple commands.', '    If no command names are given, details for all commands are returned.',
  'DOCS [<command-name> ...]', '    Return documentation details about multiple commands.',
  '    If no command names are given, documentation details for all', '    commands are returned.',
  'GETKEYS <full-command>', '    Return the keys from a full command.',
  'GETKEYSANDFLAGS <full-command>', '    Return the keys and the access flags from a full command.',
  'HELP', '    Prints this help.',
];

export function commandCommand(server: Server): Command {
  const group = 'server';
  const flags = 'loading stale';
  const categories = 'connection';
  const tips = ['nondeterministic_output_order'];
  return command({
    name: 'command', arity: -1, flags, group, since: '2.8.13', categories, tips, run: (c) => info(server, c, 1),
    subcommands: [
      command({ name: 'command|count', arity: 2, flags, group, since: '2.8.13', categories, run: (c) => c.reply.integer([...server.engine.table.commands()].length) }),
      command({ name: 'command|info', arity: -2, flags, group, since: '2.8.13', categories, tips, run: (c) => info(server, c, 2) }),
      command({ name: 'command|docs', arity: -2, flags, group, since: '7.0.0', categories, tips, run: (c) => docs(server, c) }),
      command({ name: 'command|list', arity: -2, flags, group, since: '7.0.0', categories, tips, run: (c) => list(server, c) }),
      command({ name: 'command|getkeys', arity: -3, flags, group, since: '2.8.13', categories, run: (c) => getKeys(server, c, false) }),
      command({ name: 'command|getkeysandflags', arity: -3, flags, group, since: '7.0.0', categories, run: (c) => getKeys(server, c, true) }),
      command({ name: 'command|help', arity: 2, flags, group, since: '5.0.0', categories, run: helpHandler(HELP) }),
    ],
  });
}
