/**
 * A user: whether it may authenticate, by which passwords, and its permissions. Passwords are known by their SHA-256 alone:
 * who makes rules of passwords (">secret") replaces them by their hashes first. A user in use by a session never changes.
 */
import type { CommandTable } from '../command-table.ts';
import type { RuleFault } from './rule-fault.ts';
import { Selector } from './selector.ts';

/** Rules that make a user out of a new one, as `User.words` gives them: the form in which the log and snapshots have users. */
export type UserWords = readonly string[];

/** Between these stand the words of a further selector. */
const OPEN = '(';
const CLOSE = ')';
const HASH = /^[0-9a-f]{64}$/;

export class User {
  readonly name: string;
  enabled = false;
  /** Any password will do. */
  nopass = false;
  /** RESTORE checks payloads of this user. It does here whatever this says; it is kept and shown. */
  sanitizesPayload = true;
  /** SHA-256 in hexadecimal digits. */
  passwords: string[] = [];
  /** The user's own, and further ones. */
  selectors: Selector[];
  readonly #table: CommandTable;
  readonly #allChannels: boolean;

  /** @param allChannels whether new users and selectors may use all channels (acl-pubsub-default) */
  constructor(name: string, table: CommandTable, allChannels: boolean) {
    this.name = name;
    this.#table = table;
    this.#allChannels = allChannels;
    this.selectors = [this.#newSelector()];
  }

  /** A user of the same rights. */
  copy(allChannels: boolean, name = this.name): User {
    const out = new User(name, this.#table, allChannels);
    out.enabled = this.enabled;
    out.nopass = this.nopass;
    out.sanitizesPayload = this.sanitizesPayload;
    out.passwords = [...this.passwords];
    out.selectors = this.selectors.map((selector) => selector.copy());
    return out;
  }

  /** The user that `words` describe; null where they hold what this version does not know. */
  static of(name: string, words: UserWords, table: CommandTable): User | null {
    const user = new User(name, table, false);
    let selector: Selector | null = null;
    for (const word of words) {
      if (word === OPEN) user.selectors.push(selector = new Selector(table));
      else if (word === CLOSE) selector = null;
      else if ((selector === null ? user.apply(word) : selector.apply(word)) !== null) return null;
    }
    return user;
  }

  /** Whether it may run anything on anything: no command need be checked. */
  get isUnrestricted(): boolean {
    return this.selectors.some((selector) => selector.allCommands && selector.allKeys && selector.allChannels);
  }

  /** Applies one rule; a selector "(…)" is one. @returns why it cannot be, or null */
  apply(rule: string): RuleFault | null {
    switch (rule.toLowerCase()) {
      case '': return null;
      case 'on': case 'off':
        this.enabled = rule.toLowerCase() === 'on';
        return null;
      case 'sanitize-payload': case 'skip-sanitize-payload':
        this.sanitizesPayload = rule.toLowerCase() === 'sanitize-payload';
        return null;
      case 'nopass': case 'resetpass':
        this.nopass = rule.toLowerCase() === 'nopass';
        this.passwords = [];
        return null;
      case 'clearselectors':
        this.selectors.length = 1;
        return null;
      case 'reset':
        this.#reset();
        return null;
      default:
    }
    if (rule.startsWith('#')) return this.#addPassword(rule.slice(1));
    if (rule.startsWith('!')) return this.#removePassword(rule.slice(1));
    if (rule.startsWith('(') && rule.endsWith(')')) return this.#addSelector(rule.slice(1, -1));
    return this.selectors[0]!.apply(rule);
  }

  #newSelector(): Selector {
    const selector = new Selector(this.#table);
    selector.allChannels = this.#allChannels;
    return selector;
  }

  #reset(): void {
    this.enabled = this.nopass = false;
    this.sanitizesPayload = true;
    this.passwords = [];
    this.selectors = [this.#newSelector()];
  }

  #addPassword(hash: string): RuleFault | null {
    if (!HASH.test(hash)) return 'bad-hash';
    if (!this.passwords.includes(hash)) this.passwords.push(hash);
    this.nopass = false;
    return null;
  }

  #removePassword(hash: string): RuleFault | null {
    if (!HASH.test(hash)) return 'bad-hash';
    const at = this.passwords.indexOf(hash);
    if (at < 0) return 'no-password';
    this.passwords.splice(at, 1);
    return null;
  }

  #addSelector(rules: string): RuleFault | null {
    const selector = this.#newSelector();
    for (const rule of rules.split(/[ \t\r\n\v\f\0]+/)) {
      const fault = rule === '' ? null : selector.apply(rule);
      if (fault !== null) return fault;
    }
    this.selectors.push(selector);
    return null;
  }

  // ---- As text ----

  /** As ACL GETUSER shows them. */
  get flags(): string[] {
    return [this.enabled ? 'on' : 'off', ...(this.nopass ? ['nopass'] : []), this.sanitizesPayload ? 'sanitize-payload' : 'skip-sanitize-payload'];
  }

  /** Rules that make this user out of a new one. */
  words(): string[] {
    const [own, ...more] = this.selectors;
    return [
      ...this.flags, ...this.passwords.map((hash) => `#${hash}`), ...own!.words(), ...more.flatMap((selector) => [OPEN, ...selector.words(), CLOSE]),
    ];
  }

  /** As ACL LIST and ACL files have it, behind "user <name>". */
  describe(): string {
    const [own, ...more] = this.selectors;
    return [
      ...this.flags, ...this.passwords.map((hash) => `#${hash}`), own!.describe(), ...more.map((selector) => `(${selector.describe()})`),
    ].join(' ');
  }
}
