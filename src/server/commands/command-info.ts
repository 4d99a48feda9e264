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
import { helpHandler } from './help.ts';

/** First key, last key and step, as COMMAND reported them before key specifications. */
function legacyRange(row: Command): [number, number, number] {
  const spec = row.keys.find((key) => 'index' in key.begin && 'lastKey' in key.find);
  if (spec === undefined || !('index' in spec.begin) || !('lastKey' in spec.find)) return [0, 0, 0];
  let last = spec.find.lastKey < 0 ? spec.find.lastKey : spec.begin.index + spec.find.lastKey;
  // Several adjacent ranges are shown as one.
  for (const other of row.keys) {
    if ('index' in other.begin && 'lastKey' in other.find && other.begin.index === last + 1 && other.find.lastKey >= 0) last = other.begin.index + other.find.lastKey;
  }
  return [spec.begin.index, last, spec.find.step];
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
  const byIndex = 'index' in spec.begin;
  reply.bulkString(byIndex ? 'index' : 'keyword');
  reply.bulkString('spec');
  if ('index' in spec.begin) pairs(reply, [['index', spec.begin.index]]);
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

function flagNames(row: Command): string[] {
  const names = FLAG_NAMES.filter(([bit]) => (row.flags & bit) !== 0).map(([, name]) => name);
  const movable = row.keys.some((key) => !('lastKey' in key.find) || !('index' in key.begin)) && (row.flags & Flag.movablekeys) === 0;
  return movable ? [...names, 'movablekeys'] : names;
}

function writeInfo(reply: Reply, row: Command): void {
  const [first, last, step] = legacyRange(row);
  reply.array(10);
  reply.bulkString(row.name);
  reply.integer(row.arity);
  statuses(reply, flagNames(row));
  reply.integer(first);
  reply.integer(last);
  reply.integer(step);
  statuses(reply, row.categories.map((name) => `@${name}`));
  reply.array(row.tips.length);
  for (const tip of row.tips) reply.bulkString(tip);
  reply.array(row.keys.length);
  for (const spec of row.keys) writeSpec(reply, spec);
  const subs = [...row.subcommands?.values() ?? []];
  reply.array(subs.length);
  for (const sub of subs) writeInfo(reply, sub);
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
    if (row === undefined) c.reply.nullArray();
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

function writeDocs(reply: Reply, row: Command): void {
  const subs = [...row.subcommands?.values() ?? []];
  reply.bulkString(row.name);
  reply.map(subs.length > 0 ? 3 : 2);
  reply.bulkString('since');
  reply.bulkString(row.since);
  reply.bulkString('group');
  reply.bulkString(row.group);
  if (subs.length === 0) return;
  reply.bulkString('subcommands');
  reply.map(subs.length);
  for (const sub of subs) writeDocs(reply, sub);
}

function list(server: Server, c: Call): void {
  let rows = [...server.engine.table.commands()];
  if (c.req.argc === 5 && c.req.is(2, 'FILTERBY')) {
    const value = c.string(4);
    if (c.req.is(3, 'PATTERN')) rows = server.engine.table.all.filter((row) => globMatch(value, row.name, true));
    else if (c.req.is(3, 'ACLCAT')) rows = server.engine.table.all.filter((row) => row.run !== null && row.categories.includes(value.toLowerCase()));
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
  const row = top?.subcommands?.get((words[1] ?? '').toLowerCase()) ?? top;
  if (row === undefined) throw new CommandError('ERR Invalid command specified');
  if (row.keys.length === 0 && row.getKeys === null) throw new CommandError('ERR The command has no key arguments');
  if ((row.arity > 0 && row.arity !== words.length) || words.length < -row.arity) throw new CommandError('ERR Invalid number of arguments specified for command');
  const found = keyIndexes(row, request);
  if (found.length === 0) throw new CommandError('ERR Invalid arguments specified for command');
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
  'LIST', '    Return a list of all commands in this server.',
  'INFO [<command-name> ...]', '    Return details about multiple commands.',
  'DOCS [<command-name> ...]', '    Return documentation details about multiple commands.',
  'GETKEYS <full-command>', '    Return the keys from a full command.',
  'GETKEYSANDFLAGS <full-command>', '    Return the keys and the access flags from a full command.',
  'HELP', '    Print this help.',
];

export function commandCommand(server: Server): Command {
  const group = 'server';
  const flags = 'loading stale';
  const categories = 'connection';
  return command({
    name: 'command', arity: -1, flags, group, since: '2.8.13', categories, run: (c) => info(server, c, 1),
    subcommands: [
      command({ name: 'command|count', arity: 2, flags, group, since: '2.8.13', categories, run: (c) => c.reply.integer([...server.engine.table.commands()].length) }),
      command({ name: 'command|info', arity: -2, flags, group, since: '2.8.13', categories, run: (c) => info(server, c, 2) }),
      command({ name: 'command|docs', arity: -2, flags, group, since: '7.0.0', categories, run: (c) => docs(server, c) }),
      command({ name: 'command|list', arity: -2, flags, group, since: '7.0.0', categories, run: (c) => list(server, c) }),
      command({ name: 'command|getkeys', arity: -3, flags, group, since: '2.8.13', categories, run: (c) => getKeys(server, c, false) }),
      command({ name: 'command|getkeysandflags', arity: -3, flags, group, since: '7.0.0', categories, run: (c) => getKeys(server, c, true) }),
      command({ name: 'command|help', arity: 2, flags, group, since: '5.0.0', categories, run: helpHandler(HELP) }),
    ],
  });
}
