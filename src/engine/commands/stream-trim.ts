/** Trimming: the options that XADD and XTRIM share, and XTRIM. */
import { MissingSequence, StreamId } from '../../shared/stream-id.ts';
import type { Call } from '../call.ts';
import { type Command, command, keysAt } from '../command.ts';
import {
  INVALID_STREAM_ID, SYNTAX, TRIM_LIMIT_ALONE, TRIM_LIMIT_EXACT, TRIM_LIMIT_NEGATIVE, TRIM_MAXLEN_NEGATIVE, TRIM_NO_STRATEGY,
  TRIM_STRATEGIES,
} from '../error-texts.ts';
import { KeyEvent } from '../keyspace/key-events.ts';
import { EntryType } from '../memory/entries.ts';
import type { StreamTrim } from '../types/stream.ts';
import { idArgument, isChar } from './stream-arguments.ts';

/** Nodes that an approximate trimming removes at most, unless it is told otherwise. */
const NODES_MAX = 100;
const LIMIT_WITHOUT_NODES = 10_000;
const LIMIT_MAX = 1_000_000;

/** How XADD was given its id. */
export const IdForm = { auto: 0, autoSequence: 1, full: 2 } as const;

/** What `parseTrim` read; reused. */
export class TrimOptions implements StreamTrim {
  /** Whether there is anything to trim by. */
  isGiven = false;
  maxLength = 0;
  minId: StreamId | null = null;
  isApproximate = false;
  limit = 0;
  /** XADD: whether a missing key stays missing. */
  noMakeStream = false;
  /** XADD: the id as given. */
  readonly id = new StreamId();
  idForm: number = IdForm.auto;
  readonly #minId = new StreamId();

  reset(): void {
    this.isGiven = this.isApproximate = this.noMakeStream = false;
    this.maxLength = this.limit = 0;
    this.minId = null;
    this.idForm = IdForm.auto;
  }

  /** Reads the threshold at argument i; returns the place of its last argument. */
  threshold(c: Call, i: number, isMinId: boolean): number {
    if (this.isGiven) throw TRIM_STRATEGIES;
    const hasMore = i + 2 < c.req.argc;
    this.isApproximate = hasMore && isChar(c, i + 1, '~');
    const at = this.isApproximate || (hasMore && isChar(c, i + 1, '=')) ? i + 2 : i + 1;
    if (isMinId) {
      idArgument(c, at, this.#minId);
      this.minId = this.#minId;
    } else {
      this.maxLength = c.integer(at);
      if (this.maxLength < 0) throw TRIM_MAXLEN_NEGATIVE;
    }
    this.isGiven = true;
    return at;
  }
}

export const options = new TrimOptions();

/** Reads the options from argument 2 on into `options`. @returns XADD: the place of the id; XTRIM: argc. */
export function parseTrim(c: Call, isAdd: boolean): number {
  const { req } = c;
  options.reset();
  let hasLimit = false;
  let i = 2;
  for (; i < req.argc; i++) {
    const hasValue = i + 1 < req.argc;
    if (isAdd && isChar(c, i, '*')) break;
    if (hasValue && req.is(i, 'MAXLEN')) i = options.threshold(c, i, false);
    else if (hasValue && req.is(i, 'MINID')) i = options.threshold(c, i, true);
    else if (hasValue && req.is(i, 'LIMIT')) {
      options.limit = c.integer(++i);
      if (options.limit < 0) throw TRIM_LIMIT_NEGATIVE;
      hasLimit = true;
    } else if (isAdd && req.is(i, 'NOMKSTREAM')) options.noMakeStream = true;
    else if (isAdd) {
      readId(c, i);
      break;
    } else throw SYNTAX;
  }
  if (options.limit !== 0 && !options.isGiven) throw TRIM_LIMIT_ALONE;
  if (!isAdd && !options.isGiven) throw TRIM_NO_STRATEGY;
  if (hasLimit && !options.isApproximate) throw TRIM_LIMIT_EXACT;
  if (!hasLimit && options.isApproximate) options.limit = defaultLimit(c);
  return i;
}

function readId(c: Call, i: number): void {
  const { buf, off, len } = c.req;
  if (options.id.parseOpen(buf, off[i]!, len[i]!)) options.idForm = IdForm.autoSequence;
  else if (options.id.parse(buf, off[i]!, len[i]!, MissingSequence.zero)) options.idForm = IdForm.full;
  else throw INVALID_STREAM_ID;
}

function defaultLimit(c: Call): number {
  const limit = NODES_MAX * c.engine.limits.streamNodeMaxEntries;
  return limit <= 0 ? LIMIT_WITHOUT_NODES : Math.min(limit, LIMIT_MAX);
}

function xtrim(c: Call): void {
  parseTrim(c, false);
  const { streams } = c.engine.types;
  const ref = c.lookupWriteTyped(1, EntryType.stream);
  const removed = ref === 0 ? 0 : streams.trim(ref, options);
  if (removed > 0) {
    c.modified(1);
    c.notify(KeyEvent.stream, 'xtrim', 1);
    if (options.isApproximate) {
      // How much an approximation takes depends on the nodes, which are not the same everywhere.
      c.effect('XTRIM', 5);
      c.effectArg(1);
      c.effectText('MAXLEN');
      c.effectText('=');
      c.effectInteger(streams.length(ref));
    } else c.changed(removed);
  }
  c.reply.integer(removed);
}

export const streamTrimCommands: readonly Command[] = [
  command({
    name: 'xtrim', arity: -4, flags: 'write', group: 'stream', since: '5.0.0', keys: [keysAt(1, 'RW delete')],
    tips: ['nondeterministic_output'], run: xtrim,
  }),
];
