/**
 * Clients of the simulated shard: each sends one request at a time to the node that it takes for the primary, and notes when it
 * called, when the reply came and what it was. The history of each key is then checked for itself.
 */
import type { Value } from '../engine/recording-reply.ts';
import { type HistoryEntry, type Operation, checkLinearizable } from './linearizability.ts';
import type { SimMachine } from './sim-machine.ts';
import type { RequestEnd } from './sim-process.ts';
import type { World } from './world.ts';

const TIMEOUT_MS = 2000;
/** How long a client waits, at most, before it asks another node. */
const REDIRECT_MS_MAX = 100;
/** A key gets no more operations than these: the check of a history is exponential in what overlaps. */
const OPERATIONS_A_KEY = 24;
const TAG_BYTES = 4;

type Family = 'register' | 'counter' | 'text' | 'list';
const FAMILIES: readonly Family[] = ['register', 'counter', 'text', 'list'];

/** One command on one key, and where its outcome is noted. */
interface Planned {
  readonly words: readonly string[];
  readonly key: string;
  readonly operation: Operation;
}

export class SimClients {
  readonly #world: World;
  readonly #machines: () => readonly SimMachine[];
  readonly #histories = new Map<string, HistoryEntry[]>();
  /** FLUSHALL deletes every key. */
  readonly #flushes: HistoryEntry[] = [];
  readonly #active = new Map<Family, string[]>();
  #order = 0;
  #tags = 0;
  #keys = 0;
  replies = 0;
  unknown = 0;
  givenUp = 0;
  /** When the last reply came. */
  lastReplyMs = 0;

  constructor(world: World, machines: () => readonly SimMachine[]) {
    this.#world = world;
    this.#machines = machines;
    for (const family of FAMILIES) this.#active.set(family, [this.#newKey(family), this.#newKey(family)]);
  }

  /** Sends requests until `until` says that it is enough. */
  start(count: number, pauseMaxMs: number, until: () => boolean): void {
    for (let i = 0; i < count; i++) {
      const client = new SimClient(this.#world, this.#machines);
      const next = (): void => {
        if (until()) return;
        this.#request(client, this.#plan(), ({ kind }) => this.#world.after(this.#world.delay(0.1, kind === 'replies' ? pauseMaxMs : REDIRECT_MS_MAX), next));
      };
      this.#world.after(this.#world.random.next() * 100, next);
    }
  }

  /** Reads every key there ever was; `done` is called when all were read. */
  readAll(done: () => void): void {
    const client = new SimClient(this.#world, this.#machines);
    const keys = [...this.#histories.keys()];
    const next = (): void => {
      const key = keys.pop();
      if (key === undefined) return done();
      const again = (): void => {
        this.#request(client, [this.#read(key)], (end) => {
          if (end.kind === 'replies') next();
          else again();
        });
      };
      again();
    };
    next();
  }

  /** Every history, checked. Fails the run where one cannot be. */
  check(): void {
    for (const [key, history] of this.#histories) {
      const whole = [...history, ...this.#flushes];
      const verdict = checkLinearizable(whole);
      if (verdict === 'given up') this.givenUp++;
      this.#world.check(verdict !== 'violated', () => `the history of ${key} is not linearizable:\n${show(whole)}`);
    }
  }

  // ---- What is asked ----

  #newKey(family: Family): string {
    const key = `${family}:${++this.#keys}`;
    this.#histories.set(key, []);
    return key;
  }

  #keyOf(family: Family): string {
    const keys = this.#active.get(family)!;
    const place = this.#world.random.below(keys.length);
    if (this.#histories.get(keys[place]!)!.length >= OPERATIONS_A_KEY) keys[place] = this.#newKey(family);
    return keys[place]!;
  }

  #plan(): Planned[] {
    const { random } = this.#world;
    if (random.chance(0.001)) return [{ words: ['FLUSHALL'], key: '', operation: { kind: 'delete' } }];
    const count = random.chance(0.15) ? 2 + random.below(3) : 1;
    return Array.from({ length: count }, () => this.#planOne(random.pick(FAMILIES)));
  }

  #planOne(family: Family): Planned {
    const { random } = this.#world;
    const key = this.#keyOf(family);
    if (random.chance(0.35)) return this.#read(key);
    if (random.chance(0.04)) return { words: ['DEL', key], key, operation: { kind: 'delete' } };
    if (family === 'counter') return { words: ['INCR', key], key, operation: { kind: 'increment' } };
    const value = String(++this.#tags).padStart(TAG_BYTES, '0');
    if (family === 'register') return { words: ['SET', key, value], key, operation: { kind: 'set', value } };
    return family === 'text'
      ? { words: ['APPEND', key, value], key, operation: { kind: 'append', value, unit: 1 } }
      : { words: ['RPUSH', key, value], key, operation: { kind: 'append', value, unit: TAG_BYTES } };
  }

  #read(key: string): Planned {
    return { words: key.startsWith('list') ? ['LRANGE', key, '0', '-1'] : ['GET', key], key, operation: { kind: 'get' } };
  }

  // ---- What came of it ----

  #request(client: SimClient, planned: readonly Planned[], done: (end: RequestEnd) => void): void {
    const calledAt = this.#order++;
    const entries = planned.map(({ key, operation }) => {
      const entry: HistoryEntry = { operation, calledAt, repliedAt: Infinity, result: null };
      (key === '' ? this.#flushes : this.#histories.get(key)!).push(entry);
      return entry;
    });
    const commands = planned.length === 1 ? [planned[0]!.words] : [['MULTI'], ...planned.map(({ words }) => words), ['EXEC']];
    client.send(commands, (end) => {
      if (end.kind === 'replies') {
        this.replies++;
        this.lastReplyMs = this.#world.nowMs;
        const last = end.replies[end.replies.length - 1]!;
        const results = planned.length === 1 ? [last] : (last as Value[]);
        const repliedAt = this.#order++;
        entries.forEach((entry, i) => {
          entry.repliedAt = repliedAt;
          entry.result = resultOf(results[i]!);
        });
      } else if (end.kind === 'refused') {
        planned.forEach(({ key }, i) => {
          const history = key === '' ? this.#flushes : this.#histories.get(key)!;
          history.splice(history.indexOf(entries[i]!), 1);
        });
      } else this.unknown++;
      done(end);
    });
  }
}

/** A client's connection to the node that it takes for the primary. */
class SimClient {
  readonly #world: World;
  readonly #machines: () => readonly SimMachine[];
  #favourite: SimMachine;

  constructor(world: World, machines: () => readonly SimMachine[]) {
    this.#world = world;
    this.#machines = machines;
    this.#favourite = world.random.pick(machines());
  }

  /** `done` is called once, some time later. */
  send(commands: readonly (readonly string[])[], done: (end: RequestEnd) => void): void {
    const world = this.#world;
    const machine = this.#favourite;
    let isOver = false;
    const end = (what: RequestEnd): void => {
      if (isOver) return;
      isOver = true;
      if (what.kind !== 'replies') this.#favourite = world.random.pick(this.#machines());
      done(what);
    };
    world.after(TIMEOUT_MS, () => end({ kind: 'closed' }));
    world.after(world.delay(0.05, 2), () => {
      const { process } = machine;
      if (process === null) return end({ kind: 'refused' });
      process.deliver(() => process.request(commands, (what) => world.after(world.delay(0.05, 2), () => end(what))));
    });
  }
}

function resultOf(value: Value): string | number | null {
  if (Array.isArray(value)) return value.length === 0 ? null : value.join('');
  return typeof value === 'boolean' ? String(value) : value;
}

function show(history: readonly HistoryEntry[]): string {
  return [...history].sort((a, b) => a.calledAt - b.calledAt)
    .map(({ operation, calledAt, repliedAt, result }) => `  ${calledAt}..${repliedAt} ${JSON.stringify(operation)} → ${JSON.stringify(result)}`).join('\n');
}
