/**
 * The users: as data that is logged and stands in snapshots, and made ready for checks when first needed.
 *
 * Until somebody changes a user at run time each member has those of its own directives, as Redis does. The first change puts
 * all of them into the log, and from then on the log's users rule on every member, whatever its directives say (docs/adr).
 */
import { InvariantViolation } from '../../shared/errors.ts';
import { hashBytes } from '../../shared/hash.ts';
import { type Request, latin1Bytes } from '../../shared/request.ts';
import type { Call } from '../call.ts';
import type { CommandTable } from '../command-table.ts';
import type { Hazards } from '../keyspace/hazards.ts';
import { User, type UserWords } from './user.ts';

/** The first argument of effects on users. */
export const USERS_EFFECT = 'ACL';
/** The AUX field of RDB files that holds them: JSON. Redis passes over it. */
export const USERS_AUX = 'holdfast-users';

export const DEFAULT_USER = 'default';
/** What the default user may where nothing else is said: everything, without a password. */
export const DEFAULT_WORDS: UserWords = ['on', 'nopass', 'sanitize-payload', '~*', '&*', '+@all'];

export type UserMap = ReadonlyMap<string, UserWords>;

export class Users {
  /** Told when users have changed: by a command, by the log, or because other data was loaded. */
  onChange: () => void = () => undefined;
  readonly #table: CommandTable;
  readonly #hazards: Hazards;
  /** Those of the log; empty while it has none. */
  #logged = new Map<string, UserWords>();
  /** What the log's were when they were last known, while other data is loaded. */
  #remembered: UserMap | null = null;
  #directed: UserMap = new Map([[DEFAULT_USER, DEFAULT_WORDS]]);
  readonly #ready = new Map<string, User>();

  constructor(table: CommandTable, hazards: Hazards) {
    this.#table = table;
    this.#hazards = hazards;
  }

  // ---- Which users there are ----

  /** Whether users were changed at run time: then directives do not count. */
  get areLogged(): boolean {
    return this.#logged.size > 0;
  }

  /** Whether these are the shard's users, as far as this member knows, and not merely those of its directives. */
  get areShared(): boolean {
    return this.areLogged || this.#remembered !== null;
  }

  get #current(): UserMap {
    return this.areLogged ? this.#logged : (this.#remembered ?? this.#directed);
  }

  /** Names in the order of their bytes. */
  names(): string[] {
    return [...this.#current.keys()].sort();
  }

  get(name: string): User | undefined {
    const ready = this.#ready.get(name);
    if (ready !== undefined) return ready;
    const words = this.#current.get(name);
    if (words === undefined) return undefined;
    // Rules that only a later version knows may take rights away: such a user may do nothing here.
    const user = User.of(name, words, this.#table) ?? new User(name, this.#table, false);
    this.#ready.set(name, user);
    return user;
  }

  /** The default user, which always exists. */
  get default(): User {
    return this.get(DEFAULT_USER)!;
  }

  /** All of them, as they would be logged. */
  entries(): [string, UserWords][] {
    return [...this.#current];
  }

  // ---- Directives, and other data ----

  /** The users of this member's directives. Among them is the default user. */
  direct(users: UserMap): void {
    this.#directed = users;
    this.#changed();
  }

  /** What the log's users were, as far as this member knew when it ended. They count until the data is loaded. */
  remember(users: UserMap): void {
    this.#remembered = users;
    this.#changed();
  }

  /** The data is thrown away and other data loaded: meanwhile the users are what they were. */
  forget(): void {
    if (this.areLogged) this.#remembered = this.#logged;
    this.#logged = new Map();
  }

  /** The data is loaded: the log's users are known, or it has none. */
  loaded(): void {
    this.#remembered = null;
    this.#changed();
  }

  // ---- Changes ----

  /** Sets users, or (null) removes them, as part of a command: the change is logged. */
  change(c: Call, changes: ReadonlyMap<string, UserWords | null>): void {
    if (!this.areLogged) {
      const all = new Map(this.#current);
      for (const [name, words] of changes) {
        if (words === null) all.delete(name);
        else all.set(name, words);
      }
      this.replace(c, all);
      return;
    }
    const texts = [...changes].flatMap(([name, words]) => [name, ...(words ?? [])]);
    c.mustFitRecord(texts.length, texts.reduce((sum, text) => sum + text.length, 0));
    this.#hazards.markUsers();
    for (const [name, words] of changes) {
      if (words === null) {
        this.#logged.delete(name);
        c.effect(USERS_EFFECT, 3);
        c.effectText('DELUSER');
        c.effectText(name);
      } else {
        this.#logged.set(name, words);
        c.effect(USERS_EFFECT, 3 + words.length);
        c.effectText('SETUSER');
        c.effectText(name);
        for (const word of words) c.effectText(word);
      }
    }
    this.#changed();
  }

  /** Puts these users in the place of all, as part of a command: the change is logged. */
  replace(c: Call, users: UserMap): void {
    const text = textOf(users);
    c.mustFitRecord(1, text.length);
    this.#logged = new Map(users);
    this.#hazards.markUsers();
    c.effect(USERS_EFFECT, 3);
    c.effectText('LOAD');
    c.effectText(text);
    this.#changed();
  }

  /** Applies an effect of the log. `onChange` is the caller's to call, when all effects of the record are applied. */
  apply(request: Request): void {
    if (request.is(1, 'LOAD') && request.argc === 3) this.#logged = usersOf(request.string(2));
    else if (request.is(1, 'DELUSER') && request.argc === 3) this.#logged.delete(request.string(2));
    else if (request.is(1, 'SETUSER') && request.argc > 3) {
      this.#logged.set(request.string(2), Array.from({ length: request.argc - 3 }, (_, i) => request.string(i + 3)));
    } else throw new InvariantViolation(`the log holds an effect on users that cannot be applied: ${request.string(1)}`);
    this.#ready.clear();
  }

  #changed(): void {
    this.#ready.clear();
    this.onChange();
  }

  // ---- Snapshots ----

  /** What stands in snapshots; null while the log has no users. */
  get snapshotText(): string | null {
    return this.areLogged ? textOf(this.#logged) : null;
  }

  /** @throws SyntaxError, TypeError when it is not what `snapshotText` gave */
  loadSnapshotText(text: string): void {
    this.#logged = usersOf(text);
    this.#changed();
  }

  /** A checksum of the log's users, whatever their order. */
  checksum(seed: number): number {
    let sum = 0;
    for (const user of this.#logged) {
      const bytes = latin1Bytes(JSON.stringify(user));
      sum = (sum + hashBytes(bytes, 0, bytes.length, seed)) | 0;
    }
    return sum;
  }
}

function textOf(users: UserMap): string {
  return JSON.stringify([...users]);
}

function usersOf(text: string): Map<string, UserWords> {
  const users = new Map(JSON.parse(text) as [string, UserWords][]);
  if (!users.has(DEFAULT_USER)) throw new TypeError('there is no default user');
  return users;
}
