/** XGROUP: making and unmaking groups of streams and their consumers. */
import { Int64 } from '../../shared/int64.ts';
import { StreamId } from '../../shared/stream-id.ts';
import type { Call, Ref } from '../call.ts';
import { type Command, command, keysAt } from '../command.ts';
import { ENTRIESREAD_NEGATIVE, GROUP_EXISTS, GROUP_KEY_MISSING, badSubcommand, noSuchGroupForKey } from '../error-texts.ts';
import { KeyEvent } from '../keyspace/key-events.ts';
import type { Address } from '../memory/arena.ts';
import { EntryType } from '../memory/entries.ts';
import { helpHandler } from './help.ts';
import { groupArgument, idArgument, isChar, looseIdArgument } from './stream-arguments.ts';

const id = new StreamId();
const entriesRead = new Int64();

/** Reads the options of CREATE and SETID from argument 5 on; whether MKSTREAM was among them. */
function parseOptions(c: Call, mayMakeStream: boolean): boolean {
  const { req } = c;
  let makesStream = false;
  entriesRead.setNumber(-1);
  for (let i = 5; i < req.argc; i++) {
    if (mayMakeStream && req.is(i, 'MKSTREAM')) makesStream = true;
    else if (req.is(i, 'ENTRIESREAD') && i + 1 < req.argc) {
      c.int64(++i, entriesRead);
      if (entriesRead.hi < 0 && entriesRead.toNumber() !== -1) throw ENTRIESREAD_NEGATIVE;
    } else throw badSubcommand('XGROUP', c.string(1));
  }
  return makesStream;
}

/** The stream at argument 2; throws where there is none. */
function streamOfGroup(c: Call): Ref {
  const ref = c.lookupWriteTyped(2, EntryType.stream);
  if (ref === 0) throw GROUP_KEY_MISSING;
  return ref;
}

/** The group at argument 3 of the stream at argument 2; throws where either is missing. */
function existingGroup(c: Call): Address {
  const group = groupArgument(c, streamOfGroup(c), 3);
  if (group === 0) throw noSuchGroupForKey(c.string(2), c.string(3));
  return group;
}

function create(c: Call): void {
  const { req } = c;
  const { streams } = c.engine.types;
  const makesStream = parseOptions(c, true);
  let ref = c.lookupWriteTyped(2, EntryType.stream);
  if (ref === 0 && !makesStream) throw GROUP_KEY_MISSING;
  if (!isChar(c, 4, '$')) idArgument(c, 4, id);
  else if (ref === 0) id.setMin();
  else streams.lastId(ref, id);
  if (groupArgument(c, ref, 3) !== 0) throw GROUP_EXISTS;
  if (ref === 0) {
    ref = c.addCollection(2, EntryType.stream);
    streams.begin(ref);
  }
  streams.groups.create(streams.root(ref), req.buf, req.off[3]!, req.len[3]!, id, entriesRead);
  c.modifiedQuietly(2);
  c.notify(KeyEvent.stream, 'xgroup-create', 2);
  c.changed();
  c.reply.ok();
}

function setId(c: Call): void {
  const { streams } = c.engine.types;
  parseOptions(c, false);
  const group = existingGroup(c);
  if (isChar(c, 4, '$')) streams.lastId(c.lookupWrite(2), id);
  else looseIdArgument(c, 4, id);
  streams.groups.setLastId(group, id);
  streams.groups.setEntriesRead(group, entriesRead);
  c.modifiedQuietly(2);
  c.notify(KeyEvent.stream, 'xgroup-setid', 2);
  c.changed();
  c.reply.ok();
}

function destroy(c: Call): void {
  const { streams } = c.engine.types;
  const ref = streamOfGroup(c);
  const group = groupArgument(c, ref, 3);
  if (group !== 0) {
    streams.groups.destroy(streams.root(ref), group);
    // Whoever waits for the group's entries learns that it is gone.
    c.modified(2);
    c.notify(KeyEvent.stream, 'xgroup-destroy', 2);
    c.changed();
  }
  c.reply.integer(group === 0 ? 0 : 1);
}

function createConsumer(c: Call): void {
  const { req } = c;
  const { groups } = c.engine.types.streams;
  const { buf, off, len } = req;
  const group = existingGroup(c);
  const isNew = groups.findConsumer(group, buf, off[4]!, len[4]!) === 0;
  if (isNew) {
    groups.createConsumer(group, buf, off[4]!, len[4]!, c.nowMs);
    c.modifiedQuietly(2);
    c.notify(KeyEvent.stream, 'xgroup-createconsumer', 2);
    c.changed();
  }
  c.reply.integer(isNew ? 1 : 0);
}

function deleteConsumer(c: Call): void {
  const { req } = c;
  const { groups } = c.engine.types.streams;
  const group = existingGroup(c);
  const consumer = groups.findConsumer(group, req.buf, req.off[4]!, req.len[4]!);
  const pending = consumer === 0 ? 0 : groups.pending(consumer);
  if (consumer !== 0) {
    groups.deleteConsumer(group, consumer);
    c.modifiedQuietly(2);
    c.notify(KeyEvent.stream, 'xgroup-delconsumer', 2);
    c.changed();
  }
  c.reply.integer(pending);
}

const HELP = [
  'XGROUP <subcommand> [<arg> [value] [opt] ...]. Subcommands are:',
  'CREATE <key> <groupname> <id|$> [option]',
  '    Create a new consumer group. Options are:',
  '    * MKSTREAM',
  '      Create the empty stream if it does not exist.',
  '    * ENTRIESREAD entries_read',
  "      Set the group's entries_read counter (internal use).",
  'CREATECONSUMER <key> <groupname> <consumer>',
  '    Create a new consumer in the specified group.',
  'DELCONSUMER <key> <groupname> <consumer>',
  '    Remove the specified consumer.',
  'DESTROY <key> <groupname>',
  '    Remove the specified group.',
  'SETID <key> <groupname> <id|$> [ENTRIESREAD entries_read]',
  '    Set the current group ID and entries_read counter.',
  'HELP',
  '    Prints this help.',
];

const ROW = { group: 'stream', since: '5.0.0' } as const;

export const streamGroupCommands: readonly Command[] = [
  command({
    ...ROW, name: 'xgroup', arity: -2, flags: '',
    subcommands: [
      command({ ...ROW, name: 'xgroup|create', arity: -5, flags: 'write denyoom', keys: [keysAt(2, 'RW insert')], run: create }),
      command({ ...ROW, name: 'xgroup|setid', arity: -5, flags: 'write', keys: [keysAt(2, 'RW update')], run: setId }),
      command({ ...ROW, name: 'xgroup|destroy', arity: 4, flags: 'write', keys: [keysAt(2, 'RW delete')], run: destroy }),
      command({
        ...ROW, name: 'xgroup|createconsumer', arity: 5, flags: 'write denyoom', since: '6.2.0', keys: [keysAt(2, 'RW insert')],
        run: createConsumer,
      }),
      command({
        ...ROW, name: 'xgroup|delconsumer', arity: 5, flags: 'write', keys: [keysAt(2, 'RW delete')], run: deleteConsumer,
      }),
      command({ ...ROW, name: 'xgroup|help', arity: 2, flags: 'loading stale', run: helpHandler(HELP) }),
    ],
  }),
];
