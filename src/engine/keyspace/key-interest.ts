/**
 * Who wants to know of changes to keys: transactions that WATCH them, clients blocked on them, and a listener to all of them.
 *
 * Keys are latin1 strings here: there are few of them. The hot path asks only whether there are any at all, and then whether
 * there is one with the changed key's mark, which tells most keys apart without a string.
 */
import { latin1Bytes, latin1Slice } from '../../shared/request.ts';
import type { Session } from '../session.ts';
import type { Database } from './database.ts';

/** Marks of keys. */
const MARKS = 1024;

/** Told of all changes of keys while they are made: of a primary before they are committed, of a replica when it applies them. */
export interface ChangeListener {
  /** The bytes are valid during the call. @param bySystem no client's command meant to change the key: its time had come, or it made room */
  keyChanged(buf: Uint8Array, off: number, len: number, bySystem: boolean): void;
  /** A database has got other keys, or none. */
  databaseReplaced(): void;
}

export class KeyInterest {
  /** Whether anybody wants to know of any key. The hot path looks at this alone. */
  any = false;
  /** Whether what changes now does so because its time has come. */
  bySystem = false;
  #listener: ChangeListener | null = null;
  /** Whether keys are watched or waited for. */
  #anyKey = false;
  readonly #watchers = new Map<string, Set<Session>>();
  /** Sessions blocked on each key, in the order in which they came. */
  readonly #blocked = new Map<string, Set<Session>>();
  /** How many keys that are watched or waited for have each mark. */
  readonly #marks: Uint32Array = new Uint32Array(MARKS);
  /** Keys that blocked sessions wait for and that were changed since `takeReady`, in order. */
  #ready: { db: number; key: string }[] = [];
  readonly #readySet = new Set<string>();

  /** Has `listener` told of every change from now on; null: nobody. */
  listen(listener: ChangeListener | null): void {
    this.#listener = listener;
    this.#refresh();
  }

  watch(session: Session, db: number, key: string): void {
    if (addTo(this.#watchers, name(db, key), session)) this.#marks[markOf(key)]!++;
    this.#refresh();
  }

  unwatch(session: Session, db: number, key: string): void {
    if (removeFrom(this.#watchers, name(db, key), session)) this.#marks[markOf(key)]!--;
    this.#refresh();
  }

  block(session: Session, db: number, key: string): void {
    if (addTo(this.#blocked, name(db, key), session)) this.#marks[markOf(key)]!++;
    this.#refresh();
  }

  unblock(session: Session, db: number, key: string): void {
    if (removeFrom(this.#blocked, name(db, key), session)) this.#marks[markOf(key)]!--;
    this.#refresh();
  }

  /** A key was changed. Call only if `any`. */
  changed(db: number, buf: Uint8Array, off: number, len: number): void {
    this.#listener?.keyChanged(buf, off, len, this.bySystem);
    if (!this.#anyKey || this.#marks[mark(buf, off, len)] === 0) return;
    const key = latin1Slice(buf, off, off + len);
    const id = name(db, key);
    this.#breakWatches(id);
    if (this.#blocked.has(id) && !this.#readySet.has(id)) {
      this.#readySet.add(id);
      this.#ready.push({ db, key });
    }
  }

  /** A key was written and is as it was, which WATCH takes as a change all the same. */
  rewritten(db: number, buf: Uint8Array, off: number, len: number): void {
    if (this.#anyKey && this.#marks[mark(buf, off, len)] !== 0) this.#breakWatches(name(db, latin1Slice(buf, off, off + len)));
  }

  #breakWatches(id: string): void {
    const watchers = this.#watchers.get(id);
    if (watchers !== undefined) for (const session of watchers) session.watchBroken = true;
  }

  /**
   * Database `number` is about to show the keys of `after` (null: none) in place of those of `before`. Watched keys that
   * are in neither stay as they were, and to those who watched none there an expired one is none.
   */
  databaseReplaced(number: number, before: Database, after: Database | null): void {
    this.#listener?.databaseReplaced();
    if (!this.#anyKey) return;
    const prefix = `${number}:`;
    for (const [id, sessions] of this.#watchers) {
      if (!id.startsWith(prefix)) continue;
      const key = latin1Bytes(id.slice(prefix.length));
      const isLive = hasLive(before, key) || (after !== null && hasLive(after, key));
      const isStale = !isLive && before.peekRaw(key, 0, key.length) !== 0;
      if (!isLive && !isStale) continue;
      for (const session of sessions) if (isLive || sawKey(session, number, id.slice(prefix.length))) session.watchBroken = true;
    }
    for (const id of this.#blocked.keys()) {
      if (!id.startsWith(prefix) || this.#readySet.has(id)) continue;
      this.#readySet.add(id);
      this.#ready.push({ db: number, key: id.slice(prefix.length) });
    }
  }

  get hasReady(): boolean {
    return this.#ready.length > 0;
  }

  /** The changed keys that sessions are blocked on; forgets them. */
  takeReady(): { db: number; key: string }[] {
    const ready = this.#ready;
    this.#ready = [];
    this.#readySet.clear();
    return ready;
  }

  /** Sessions blocked on a key, first come first. */
  blockedOn(db: number, key: string): Session[] {
    return [...(this.#blocked.get(name(db, key)) ?? [])];
  }

  blockedSessions(): Set<Session> {
    const all = new Set<Session>();
    for (const sessions of this.#blocked.values()) for (const session of sessions) all.add(session);
    return all;
  }

  get blockedKeys(): number {
    return this.#blocked.size;
  }

  /** Those of them whose deletion is news as well: to a reader for a group, which goes with its stream. */
  get keysBlockedUntilDeleted(): number {
    let keys = 0;
    for (const sessions of this.#blocked.values()) {
      for (const { blocked } of sessions) {
        if (blocked?.command.name !== 'xreadgroup') continue;
        keys++;
        break;
      }
    }
    return keys;
  }

  get watchedKeys(): number {
    return this.#watchers.size;
  }

  #refresh(): void {
    this.#anyKey = this.#watchers.size > 0 || this.#blocked.size > 0;
    this.any = this.#anyKey || this.#listener !== null;
  }
}

function name(db: number, key: string): string {
  return `${db}:${key}`;
}

/** Of a key's length and three of its bytes: keys tend to differ at their end. */
function mark(buf: Uint8Array, off: number, len: number): number {
  if (len === 0) return 0;
  const last = off + len - 1;
  const before = len > 1 ? buf[last - 1]! : 0;
  return (len + Math.imul(buf[last]!, 31) + Math.imul(before, 131) + Math.imul(buf[off + (len >>> 1)]!, 517)) & (MARKS - 1);
}

function markOf(key: string): number {
  return mark(latin1Bytes(key), 0, key.length);
}

/** Whether nobody had been there under this id. */
function addTo(map: Map<string, Set<Session>>, id: string, session: Session): boolean {
  const sessions = map.get(id);
  if (sessions === undefined) map.set(id, new Set([session]));
  else sessions.add(session);
  return sessions === undefined;
}

/** Whether it was the last one under this id. */
function removeFrom(map: Map<string, Set<Session>>, id: string, session: Session): boolean {
  const sessions = map.get(id);
  if (sessions === undefined) return false;
  sessions.delete(session);
  return sessions.size === 0 && map.delete(id);
}

function hasLive(db: Database, key: Uint8Array): boolean {
  const ref = db.peekRaw(key, 0, key.length);
  return ref !== 0 && !db.isExpired(ref);
}

function sawKey(session: Session, db: number, key: string): boolean {
  return session.watched.some((watched) => watched.db === db && watched.key === key && watched.existed);
}
