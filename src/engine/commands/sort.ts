/**
 * SORT and SORT_RO. Elements become latin1 strings at once: looking up the keys of BY and GET may take out an expired key,
 * after which windows on the arena would show something else.
 */
import { parseDoubleText } from '../../shared/number-text.ts';
import { type Request, latin1Bytes, latin1Slice } from '../../shared/request.ts';
import { mayReadEverything } from '../acl/permission.ts';
import type { Call, Ref } from '../call.ts';
import { type Command, command, keysAt, keysUnknown } from '../command.ts';
import { SORT_BY_DENIED, SORT_GET_DENIED, SORT_NOT_DOUBLE, SYNTAX, WRONG_TYPE } from '../error-texts.ts';
import { KeyEvent } from '../keyspace/key-events.ts';
import { Bytes, EntryType } from '../memory/entries.ts';
import type { ElementVisitor } from '../types/collection.ts';

/** "prefix*suffix" or "prefix*suffix->field": where BY and GET find what belongs to an element. */
class Pattern {
  /** "#": the element itself. */
  readonly isElement: boolean;
  readonly hasStar: boolean;
  readonly #prefix: string;
  readonly #suffix: string;
  /** The hash's field, or '' for a string. */
  readonly #field: string;

  constructor(text: string) {
    const star = text.indexOf('*');
    this.isElement = text === '#';
    this.hasStar = star >= 0;
    this.#prefix = text.slice(0, star);
    const arrow = text.indexOf('->', star + 1);
    // An arrow with nothing behind it is part of the key.
    this.#field = arrow < 0 ? '' : text.slice(arrow + 2);
    this.#suffix = text.slice(star + 1, this.#field === '' ? text.length : arrow);
  }

  /** What belongs to an element; null where there is none, or it is of another type. */
  find(c: Call, element: string): string | null {
    if (this.isElement) return element;
    if (!this.hasStar) return null;
    const key = latin1Bytes(this.#prefix + element + this.#suffix);
    const ref = c.db.lookup(key, 0, key.length);
    if (ref === 0) return null;
    const { keyspace, types } = c.engine;
    const type = keyspace.entries.type(ref);
    if (this.#field === '') {
      if (type !== EntryType.string) return null;
      keyspace.entries.value(ref, bytes);
    } else {
      if (type !== EntryType.hash) return null;
      const field = latin1Bytes(this.#field);
      if (!types.hashes.get(ref, field, 0, field.length, bytes)) return null;
    }
    return latin1Slice(bytes.buf, bytes.off, bytes.off + bytes.len);
  }
}

const bytes = new Bytes();

interface Options {
  isDescending: boolean;
  isAlpha: boolean;
  /** BY a pattern without a star: elements stay in their order. */
  isUnsorted: boolean;
  by: Pattern | null;
  gets: Pattern[];
  offset: number;
  /** Negative: all. */
  count: number;
  /** Argument index of STORE's key, or 0. */
  storeAt: number;
}

function parseOptions(c: Call, mayStore: boolean): Options {
  const { req } = c;
  const out: Options = {
    isDescending: false, isAlpha: false, isUnsorted: false, by: null, gets: [], offset: 0, count: -1, storeAt: 0,
  };
  // The keys that patterns lead to are known only when it runs: who may not read all gets none of them.
  const user = c.session.restrictedTo;
  const mayLookUp = user === null || mayReadEverything(user, c.command!, req);
  for (let i = 2; i < req.argc; i++) {
    const left = req.argc - i - 1;
    if (req.is(i, 'ASC')) out.isDescending = false;
    else if (req.is(i, 'DESC')) out.isDescending = true;
    else if (req.is(i, 'ALPHA')) out.isAlpha = true;
    else if (req.is(i, 'LIMIT') && left >= 2) {
      out.offset = c.integer(++i);
      out.count = c.integer(++i);
    } else if (req.is(i, 'STORE') && mayStore && left >= 1) out.storeAt = ++i;
    else if (req.is(i, 'BY') && left >= 1) {
      out.by = new Pattern(c.string(++i));
      // As in Redis, an earlier "BY nosort" is not taken back by a later pattern.
      if (!out.by.hasStar) out.isUnsorted = true;
      else if (!mayLookUp) throw SORT_BY_DENIED;
    } else if (req.is(i, 'GET') && left >= 1) {
      if (!mayLookUp) throw SORT_GET_DENIED;
      out.gets.push(new Pattern(c.string(++i)));
    } else throw SYNTAX;
  }
  return out;
}

/** Collects the elements of ranks [first, end) as strings. */
class Collector implements ElementVisitor {
  readonly elements: string[] = [];
  readonly #first: number;
  readonly #end: number;
  #rank = 0;

  constructor(first: number, end: number) {
    this.#first = first;
    this.#end = end;
  }

  element(buf: Uint8Array, off: number, len: number): void {
    if (this.#rank >= this.#first && this.#rank < this.#end) this.elements.push(latin1Slice(buf, off, off + len));
    this.#rank++;
  }

  scored(buf: Uint8Array, off: number, len: number): void {
    this.element(buf, off, len);
  }

  /** Hashes are not sorted. */
  field(): void {}
  fieldEnds(): void {}
}

/** An element with what it is sorted by. */
interface Item {
  readonly element: string;
  readonly score: number;
  /** What ALPHA compares; null where BY found nothing, which comes first. */
  readonly text: string | null;
}

/**
 * A score as C's `strtod` reads a string to its end, which is a zero byte if there is one: blanks in front are allowed,
 * and nothing at all is zero.
 */
function scoreOf(text: string): number {
  const zero = text.indexOf('\0');
  const value = zero < 0 ? text : text.slice(0, zero);
  if (value === '') return 0;
  const score = parseDoubleText(value.replace(/^[ \t\n\v\f\r]+/, ''));
  if (Number.isNaN(score)) throw SORT_NOT_DOUBLE;
  return score;
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function compareAlpha(a: Item, b: Item): number {
  if (a.text === null || b.text === null) return a.text === b.text ? 0 : a.text === null ? -1 : 1;
  return compareText(a.text, b.text);
}

/** Elements of the same score are in the order of their bytes, so that the result does not depend on chance. */
function compareScores(a: Item, b: Item): number {
  if (a.score !== b.score) return a.score < b.score ? -1 : 1;
  return compareText(a.element, b.element);
}

function itemOf(c: Call, element: string, by: Pattern | null, isAlpha: boolean): Item {
  const text = by === null ? element : by.find(c, element);
  return { element, text, score: isAlpha || text === null ? 0 : scoreOf(text) };
}

/** The elements of the collection at `ref` that are wanted, in the order that is wanted. */
function sorted(c: Call, ref: Ref, options: Options): string[] {
  const { keyspace, types } = c.engine;
  const type = keyspace.entries.type(ref);
  const collection = types.collection(type)!;
  const length = collection.length(ref);
  const { isDescending } = options;
  let { isUnsorted, isAlpha, by } = options;
  if (isUnsorted && type === EntryType.set && (options.storeAt !== 0 || c.isScripted)) {
    // The order of a set's members is nobody's business: what is stored, or a script works with, gets one that can be relied on.
    isUnsorted = false;
    isAlpha = true;
    by = null;
  }
  const first = Math.min(Math.max(0, options.offset), length);
  const end = options.count < 0 ? length : Math.min(first + options.count, length);
  if (isUnsorted) {
    const isReversed = isDescending && type !== EntryType.set;
    const collector = isReversed ? new Collector(length - end, length - first) : new Collector(first, end);
    collection.visit(ref, collector);
    return isReversed ? collector.elements.reverse() : collector.elements;
  }
  const collector = new Collector(0, length);
  collection.visit(ref, collector);
  const items = collector.elements.map((element) => itemOf(c, element, by, isAlpha));
  const compare = isAlpha ? compareAlpha : compareScores;
  items.sort(isDescending ? (a, b): number => compare(b, a) : compare);
  return items.slice(first, end).map((item) => item.element);
}

/** The results of GET for each element, or the elements. */
function results(c: Call, elements: string[], gets: readonly Pattern[]): (string | null)[] {
  if (gets.length === 0) return elements;
  const out: (string | null)[] = [];
  for (const element of elements) for (const get of gets) out.push(get.find(c, element));
  return out;
}

/** Makes a list of the results, a missing one becoming an empty element. */
function store(c: Call, at: number, found: readonly (string | null)[]): void {
  const values = found.map((text) => latin1Bytes(text ?? ''));
  const bytes = values.reduce((sum, value) => sum + value.length, 0);
  c.mustFitRecord(values.length, bytes);
  const existed = c.removeKey(at);
  // Logged as what is stored: what was looked up may be expired, or in another order, where it is applied.
  if (existed) {
    c.effect('DEL', 2);
    c.effectArg(at);
  }
  if (values.length > 0) {
    const { lists } = c.engine.types;
    const ref = c.addCollection(at, EntryType.list, !existed);
    lists.begin(ref, values.length, bytes);
    c.effect('RPUSH', values.length + 2);
    c.effectArg(at);
    for (const value of values) {
      lists.push(ref, false, value, 0, value.length);
      c.effectBytes(value, 0, value.length);
    }
    c.notify(KeyEvent.list, 'sortstore', at);
  } else if (existed) c.notify(KeyEvent.generic, 'del', at);
  c.reply.integer(found.length);
}

function run(c: Call, mayStore: boolean): void {
  const options = parseOptions(c, mayStore);
  const ref = c.lookup(1);
  if (ref !== 0) {
    const type = c.engine.keyspace.entries.type(ref);
    if (type !== EntryType.list && type !== EntryType.set && type !== EntryType.zset) throw WRONG_TYPE;
  }
  const found = ref === 0 ? [] : results(c, sorted(c, ref, options), options.gets);
  if (options.storeAt !== 0) {
    store(c, options.storeAt, found);
    return;
  }
  c.reply.array(found.length);
  for (const text of found) {
    if (text === null) c.reply.null();
    else c.reply.bulkString(text);
  }
}

/** The key, and the one behind the last STORE: keys that patterns name are known only when it runs. */
function sortKeys(request: Request): number[] {
  let storeAt = 0;
  for (let i = 2; i < request.argc; i++) {
    if (request.is(i, 'LIMIT')) i += 2;
    else if (request.is(i, 'GET') || request.is(i, 'BY')) i++;
    else if (request.is(i, 'STORE') && i + 1 < request.argc) storeAt = ++i;
  }
  return storeAt === 0 ? [1] : [1, storeAt];
}

const PATTERN_KEYS = keysUnknown(0, 'RO access');
const ROW = { arity: -2, group: 'generic', categories: 'set sortedset list dangerous' } as const;

export const sortCommands: readonly Command[] = [
  command({
    ...ROW, name: 'sort', flags: 'write denyoom movablekeys', since: '1.0.0',
    keys: [keysAt(1, 'RO access'), PATTERN_KEYS, keysUnknown(0, 'OW update')], getKeys: sortKeys, run: (c) => run(c, true),
  }),
  command({
    ...ROW, name: 'sort_ro', flags: 'readonly movablekeys', since: '7.0.0', keys: [keysAt(1, 'RO access'), PATTERN_KEYS],
    run: (c) => run(c, false),
  }),
];
