/** INFO: which sections are wanted, and their text. */
import type { Call } from '../../engine/call.ts';
import { type Command, command } from '../../engine/command.ts';
import type { Server } from '../server.ts';
import { INFO_SECTIONS } from './info-sections.ts';

function info(server: Server, c: Call): void {
  const wanted = new Set(Array.from({ length: c.req.argc - 1 }, (_, i) => c.string(i + 1).toLowerCase()));
  const all = wanted.has('all') || wanted.has('everything');
  const usual = wanted.size === 0 || wanted.has('default');
  const parts: string[] = [];
  // Counters of keys and errors tell of writes that may not be committed yet.
  for (const db of c.engine.keyspace.databases) c.engine.keyspace.hazards.checkDb(db.number);
  for (const section of INFO_SECTIONS) {
    const isInAll = section.name !== 'debug' && (section.name !== 'modules' || wanted.has('everything'));
    if (!wanted.has(section.name) && !(usual && section.usual) && !(all && isInAll)) continue;
    const lines = Object.entries(section.fields(server)).map(([field, value]) => `${field}:${value}\r\n`);
    parts.push(`# ${section.title}\r\n${lines.join('')}`);
  }
  c.reply.verbatim('txt', parts.join('\r\n'));
}

export function infoCommand(server: Server): Command {
  return command({
    name: 'info', arity: -1, flags: 'loading stale', group: 'server', since: '1.0.0', categories: 'dangerous',
    tips: ['nondeterministic_output', 'request_policy:all_shards', 'response_policy:special'], run: (c) => info(server, c),
  });
}
