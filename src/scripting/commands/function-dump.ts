/** FUNCTION DUMP and RESTORE: all libraries as bytes, in the RDB format, with version and checksum behind. */
import type { Call } from '../../engine/call.ts';
import { type Command, command } from '../../engine/command.ts';
import { checkDumpPayload } from '../../engine/commands/dump.ts';
import { badSubcommand } from '../../engine/error-texts.ts';
import { CommandError } from '../../shared/errors.ts';
import { ByteRange } from '../../shared/rdb/byte-range.ts';
import { isRdbError } from '../../shared/rdb/rdb-errors.ts';
import { RdbReader } from '../../shared/rdb/rdb-reader.ts';
import { RdbOpcode } from '../../shared/rdb/rdb-types.ts';
import { RdbWriter } from '../../shared/rdb/rdb-writer.ts';
import type { FunctionRegistry, Library } from '../function-registry.ts';
import { flushLibraries, loadEffect } from './function-effects.ts';

const POLICIES = ['APPEND', 'REPLACE', 'FLUSH'] as const;

function dump(c: Call): void {
  c.engine.functions.look();
  const writer = new RdbWriter();
  for (const [, source] of c.engine.functions.entries()) {
    writer.byte(RdbOpcode.function);
    writer.text(source);
  }
  writer.endPayload();
  const payload = writer.take();
  c.reply.bulk(payload, 0, payload.length);
}

/** The sources in a payload. */
function sourcesOf(c: Call): string[] {
  const payload = new ByteRange();
  checkDumpPayload(c, 2, payload);
  const reader = new RdbReader();
  reader.feed(payload.buf.subarray(payload.off, payload.off + payload.len));
  reader.finish();
  const text = new ByteRange();
  const out: string[] = [];
  try {
    while (reader.position < payload.len) {
      const type = reader.byte();
      if (type === RdbOpcode.functionPreGa) throw new CommandError('ERR Pre-GA function format not supported');
      if (type !== RdbOpcode.function) throw new CommandError('ERR given type is not a function');
      out.push(reader.text(text));
    }
  } catch (error) {
    throw isRdbError(error) ? new CommandError('ERR failed loading the given functions payload') : error;
  }
  return out;
}

/** All or nothing: every library is compiled before the first is adopted. */
function restore(registry: FunctionRegistry, c: Call): void {
  if (c.req.argc > 4) throw badSubcommand('FUNCTION', c.string(1));
  const policy = c.req.argc < 4 ? 'APPEND' : POLICIES.find((name) => c.req.is(3, name));
  if (policy === undefined) throw new CommandError('ERR Wrong restore policy given, value should be either FLUSH, APPEND or REPLACE.');
  const libraries = new Map<string, Library>();
  /** Libraries by their functions' names in lower case. */
  const owners = new Map<string, Library>();
  for (const source of sourcesOf(c)) {
    const library = registry.compile(source);
    if (libraries.has(library.name)) throw new CommandError(`ERR Library '${library.name}' already exists`);
    for (const name of library.functions.keys()) {
      const owner = owners.get(name.toLowerCase()) ?? library;
      if (owner !== library) throw new CommandError(`ERR Function ${name} already exists`);
      owners.set(name.toLowerCase(), library);
    }
    libraries.set(library.name, library);
  }
  const bytes = [...libraries.values()].reduce((sum, { source }) => sum + source.length, 0);
  c.mustFitRecord(4 * (libraries.size + 1), bytes);
  if (policy === 'FLUSH') flushLibraries(c);
  else {
    const kept = [...registry.libraries()].filter(({ name }) => !libraries.has(name));
    if (policy === 'APPEND') for (const { name } of registry.libraries()) if (libraries.has(name)) throw new CommandError(`ERR Library ${name} already exists`);
    for (const other of kept) {
      for (const name of other.functions.keys()) if (owners.has(name.toLowerCase())) throw new CommandError(`ERR Function ${name} already exists`);
    }
  }
  for (const library of libraries.values()) {
    registry.adopt(library);
    loadEffect(c, library);
  }
  c.reply.ok();
}

export function functionDumpCommands(registry: FunctionRegistry): readonly Command[] {
  const row = { group: 'scripting', since: '7.0.0' } as const;
  return [
    command({ ...row, name: 'function|dump', arity: 2, flags: 'noscript', run: dump }),
    command({
      ...row, name: 'function|restore', arity: -3, flags: 'write denyoom noscript', tips: ['request_policy:all_shards', 'response_policy:all_succeeded'],
      run: (c) => restore(registry, c),
    }),
  ];
}
