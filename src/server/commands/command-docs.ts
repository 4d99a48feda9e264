/** COMMAND DOCS: the documentation of commands, made from its text when somebody first asks. */
import type { Command } from '../../engine/command.ts';
import type { Reply } from '../../shared/reply.ts';
import { COMMAND_DOCS_DATA } from './command-docs-data.ts';

/** An argument as Redis describes it. */
export interface Argument {
  readonly name: string;
  readonly type: string;
  readonly key_spec_index?: number;
  readonly token?: string;
  readonly since?: string;
  readonly optional?: boolean;
  readonly multiple?: boolean;
  readonly multiple_token?: boolean;
  readonly arguments?: readonly Argument[];
}

interface CommandDoc {
  readonly summary: string;
  readonly complexity?: string;
  readonly deprecated_since?: string;
  readonly replaced_by?: string;
  readonly arguments?: readonly Argument[];
}

let docs: ReadonlyMap<string, CommandDoc> | null = null;

/** By name as in COMMAND: "config|get". */
export function docOf(name: string): CommandDoc | undefined {
  docs ??= new Map(COMMAND_DOCS_DATA.trim().split('\n').map((line) => {
    const space = line.indexOf(' ');
    return [line.slice(0, space), JSON.parse(line.slice(space + 1)) as CommandDoc];
  }));
  return docs.get(name);
}

/** A field of a map: its name, and what writes its value. */
type Field = readonly [string, (reply: Reply) => void];

const text = (name: string, value: string): Field => [name, (reply) => reply.bulkString(value)];

function flags(name: string, words: readonly string[]): Field {
  return [name, (reply) => {
    reply.set(words.length);
    for (const word of words) reply.status(word);
  }];
}

function writeMap(reply: Reply, fields: readonly Field[]): void {
  reply.map(fields.length);
  for (const [name, write] of fields) {
    reply.bulkString(name);
    write(reply);
  }
}

function writeArguments(reply: Reply, list: readonly Argument[]): void {
  reply.array(list.length);
  for (const argument of list) {
    const words = [argument.optional === true ? 'optional' : '', argument.multiple === true ? 'multiple' : '', argument.multiple_token === true ? 'multiple_token' : ''].filter((word) => word !== '');
    const nested = argument.arguments;
    writeMap(reply, [
      text('name', argument.name),
      text('type', argument.type),
      ...(nested === undefined ? [text('display_text', argument.name)] : []),
      ...(argument.key_spec_index === undefined ? [] : [['key_spec_index', (to: Reply) => to.integer(argument.key_spec_index!)] as const]),
      ...(argument.token === undefined ? [] : [text('token', argument.token)]),
      ...(argument.since === undefined ? [] : [text('since', argument.since)]),
      ...(words.length === 0 ? [] : [flags('flags', words)]),
      ...(nested === undefined ? [] : [['arguments', (to: Reply) => writeArguments(to, nested)] as const]),
    ]);
  }
}

/** The command's name and the map that describes it. */
export function writeDocs(reply: Reply, row: Command): void {
  const doc = docOf(row.name);
  const subcommands = [...row.subcommands?.values() ?? []];
  reply.bulkString(row.name);
  writeMap(reply, [
    ...(doc === undefined ? [] : [text('summary', doc.summary)]),
    text('since', row.since),
    text('group', row.group),
    ...(doc?.complexity === undefined ? [] : [text('complexity', doc.complexity)]),
    ...(doc?.deprecated_since === undefined ? [] : [
      flags('doc_flags', ['deprecated']), text('deprecated_since', doc.deprecated_since), text('replaced_by', doc.replaced_by ?? ''),
    ]),
    ...(doc?.arguments === undefined ? [] : [['arguments', (to: Reply) => writeArguments(to, doc.arguments!)] as const]),
    ...(subcommands.length === 0 ? [] : [['subcommands', (to: Reply) => {
      to.map(subcommands.length);
      for (const sub of subcommands) writeDocs(to, sub);
    }] as const]),
  ]);
}
