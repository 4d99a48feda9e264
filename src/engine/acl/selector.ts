/**
 * One set of permissions: commands, keys, channels. A user has a first one, its own, and may have more; a command that any of
 * them lets through may run. Rules and their order are Redis's (ACLSetSelector of 7.2).
 *
 * Words are latin1. A selector in use by a session never changes: a change is made to a copy.
 */
import { globMatchBytes } from '../../shared/glob.ts';
import { type Request, latin1Bytes } from '../../shared/request.ts';
import { type Command, CATEGORIES, KeyAccess } from '../command.ts';
import type { CommandTable } from '../command-table.ts';
import type { RuleFault } from './rule-fault.ts';

interface KeyPattern {
  readonly text: string;
  readonly bytes: Uint8Array;
  /** Bits of KeyAccess. */
  access: number;
}

interface ChannelPattern {
  readonly text: string;
  readonly bytes: Uint8Array;
}

/** Whether a name or pattern holds what would make a line of rules ambiguous (isspace in C, and zero). */
export function hasSpaces(text: string): boolean {
  return /[\0\t\n\v\f\r ]/.test(text);
}

export class Selector {
  allKeys = false;
  allChannels = false;
  /** Every command, those to come included: nothing was taken away since. */
  allCommands = false;
  readonly #table: CommandTable;
  readonly #keys: KeyPattern[] = [];
  readonly #channels: ChannelPattern[] = [];
  /** A bit for each command, by its id. */
  #allowed: Int32Array;
  /** Commands that are allowed with certain first arguments only, in lower case. */
  readonly #firstArguments = new Map<number, string[]>();
  /** Whether the rules began with all commands, so that those of later versions are among them. */
  #beginsWithAll = false;
  /** Rules of commands since then, as they are shown: "+get", "-@write". */
  #rules: string[] = [];

  constructor(table: CommandTable) {
    this.#table = table;
    this.#allowed = new Int32Array((table.all.length >>> 5) + 1);
  }

  copy(): Selector {
    const out = new Selector(this.#table);
    out.allKeys = this.allKeys;
    out.allChannels = this.allChannels;
    out.allCommands = this.allCommands;
    for (const key of this.#keys) out.#keys.push({ ...key });
    out.#channels.push(...this.#channels);
    out.#allowed = this.#allowed.slice();
    for (const [id, words] of this.#firstArguments) out.#firstArguments.set(id, [...words]);
    out.#beginsWithAll = this.#beginsWithAll;
    out.#rules = [...this.#rules];
    return out;
  }

  // ---- Rules ----

  /** Applies one rule. @returns why it cannot be, or null */
  apply(rule: string): RuleFault | null {
    switch (rule.toLowerCase()) {
      case 'allkeys': case '~*':
        this.allKeys = true;
        this.#keys.length = 0;
        return null;
      case 'resetkeys':
        this.allKeys = false;
        this.#keys.length = 0;
        return null;
      case 'allchannels': case '&*':
        this.allChannels = true;
        this.#channels.length = 0;
        return null;
      case 'resetchannels':
        this.allChannels = false;
        this.#channels.length = 0;
        return null;
      case 'allcommands': case '+@all':
        this.#setAllCommands(true);
        return null;
      case 'nocommands': case '-@all':
        this.#setAllCommands(false);
        return null;
      default:
    }
    if (rule.startsWith('~') || rule.startsWith('%')) return this.#addKeys(rule);
    if (rule.startsWith('&')) return this.#addChannels(rule.slice(1));
    if (rule.startsWith('+@') || rule.startsWith('-@')) return this.#category(rule.slice(2).toLowerCase(), rule.startsWith('+'));
    if (rule.startsWith('+')) return this.#allow(rule.slice(1).toLowerCase());
    if (!rule.startsWith('-')) return 'syntax';
    const command = this.#table.get(rule.slice(1).toLowerCase());
    if (command === undefined) return 'unknown';
    this.#setCommand(command, false);
    this.#note(command.name, false);
    return null;
  }

  #setAllCommands(allowed: boolean): void {
    this.#allowed.fill(allowed ? -1 : 0);
    this.allCommands = this.#beginsWithAll = allowed;
    this.#rules = [];
    this.#firstArguments.clear();
  }

  /** "~pattern", or "%R~", "%W~", "%RW~". */
  #addKeys(rule: string): RuleFault | null {
    if (this.allKeys) return 'all-keys';
    // Redis takes the letters without a tilde as well: a pattern of the empty key.
    const found = /^(?:~|%(r|w|rw|wr)(?:~|$))/i.exec(rule);
    if (found === null) return 'syntax';
    const letters = (found[1] ?? 'rw').toLowerCase();
    const access = (letters.includes('r') ? KeyAccess.read : 0) | (letters.includes('w') ? KeyAccess.write : 0);
    const text = rule.slice(found[0].length);
    if (hasSpaces(text)) return 'syntax';
    const known = this.#keys.find((pattern) => pattern.text === text);
    if (known === undefined) this.#keys.push({ text, bytes: latin1Bytes(text), access });
    else known.access |= access;
    return null;
  }

  #addChannels(text: string): RuleFault | null {
    if (this.allChannels) return 'all-channels';
    if (hasSpaces(text)) return 'syntax';
    if (!this.#channels.some((pattern) => pattern.text === text)) this.#channels.push({ text, bytes: latin1Bytes(text) });
    return null;
  }

  #category(name: string, allowed: boolean): RuleFault | null {
    if (!CATEGORIES.includes(name)) return 'unknown';
    this.#note(`@${name}`, allowed);
    for (const command of this.#table.all) if (command.categories.includes(name)) this.#setCommand(command, allowed);
    return null;
  }

  /** "get", "config|get", or "select|0": a first argument of a command that has no subcommands. */
  #allow(name: string): RuleFault | null {
    const bar = name.lastIndexOf('|');
    const command = this.#table.get(bar < 0 ? name : name.slice(0, bar));
    if (command === undefined) return 'unknown';
    if (bar < 0) this.#setCommand(command, true);
    else {
      if (command.name.includes('|')) return 'first-argument';
      const word = name.slice(bar + 1);
      if (word === '') return 'syntax';
      if (command.subcommands === null) {
        // Redis takes it, and cannot read its own file of users then.
        if (hasSpaces(word)) return 'syntax';
        this.#addFirstArgument(command, word);
      } else {
        const sub = command.subcommands.get(word);
        if (sub === undefined) return 'unknown';
        this.#setCommand(sub, true);
      }
    }
    this.#note(bar < 0 ? command.name : name, true);
    return null;
  }

  #addFirstArgument(command: Command, word: string): void {
    const words = this.#firstArguments.get(command.id);
    if (words === undefined) this.#firstArguments.set(command.id, [word]);
    else if (!words.includes(word)) words.push(word);
  }

  /** Allows or denies a command, with its subcommands. */
  #setCommand(command: Command, allowed: boolean): void {
    this.#setBit(command.id, allowed);
    this.#firstArguments.delete(command.id);
    if (command.subcommands !== null) for (const sub of command.subcommands.values()) this.#setBit(sub.id, allowed);
  }

  #setBit(id: number, allowed: boolean): void {
    if (allowed) this.#allowed[id >>> 5]! |= 1 << (id & 31);
    else {
      this.#allowed[id >>> 5]! &= ~(1 << (id & 31));
      this.allCommands = false;
    }
  }

  /** Takes a rule into those that are shown: it takes the place of what it makes void. */
  #note(name: string, allowed: boolean): void {
    this.#rules = this.#rules.filter((rule) => rule.slice(1) !== name && !rule.startsWith(`${name}|`, 1));
    this.#rules.push((allowed ? '+' : '-') + name);
  }

  // ---- Permissions ----

  /** Whether the command may run, whatever its keys and channels. */
  allows(command: Command, request: Request): boolean {
    const { id } = command;
    if (this.allCommands || (this.#allowed[id >>> 5]! & (1 << (id & 31))) !== 0) return true;
    const words = this.#firstArguments.get(id);
    return words !== undefined && request.argc > 1 && words.includes(request.string(1).toLowerCase());
  }

  /** @param access bits of KeyAccess: what is to be done to the key */
  allowsKey(buf: Uint8Array, off: number, len: number, access: number): boolean {
    if (this.allKeys) return true;
    for (let i = 0; i < this.#keys.length; i++) {
      const pattern = this.#keys[i]!;
      if ((pattern.access & access) === access && globMatchBytes(pattern.bytes, 0, pattern.bytes.length, buf, off, len)) return true;
    }
    return false;
  }

  /** Whether it gives this access to every key. */
  allowsAnyKey(access: number): boolean {
    return this.allKeys || this.#keys.some((pattern) => (pattern.access & access) === access && pattern.text === '*');
  }

  /** @param isPattern a pattern of PSUBSCRIBE must be permitted as it stands */
  allowsChannel(channel: string, isPattern: boolean): boolean {
    if (this.allChannels) return true;
    if (isPattern) return this.#channels.some((pattern) => pattern.text === channel);
    const bytes = latin1Bytes(channel);
    return this.#channels.some((pattern) => globMatchBytes(pattern.bytes, 0, pattern.bytes.length, bytes, 0, bytes.length));
  }

  // ---- As text ----

  get channelPatterns(): readonly string[] {
    return this.#channels.map(({ text }) => text);
  }

  /** "-@all +get". */
  describeCommands(): string {
    return this.#commandWords().join(' ');
  }

  /** "~a* %R~b*". */
  describeKeys(): string {
    return this.#keyWords('~').join(' ');
  }

  /** "&a* &b*". */
  describeChannels(): string {
    return this.allChannels ? '&*' : this.#channels.map(({ text }) => `&${text}`).join(' ');
  }

  /** As ACL LIST shows it. */
  describe(): string {
    return this.#words('~').join(' ');
  }

  /** Rules that make exactly this selector out of an empty one. */
  words(): string[] {
    // The pattern "*" is not all keys: further patterns may follow it.
    return this.#words('%RW~');
  }

  #words(readAndWrite: string): string[] {
    const channels = this.allChannels ? ['&*'] : ['resetchannels', ...this.#channels.map(({ text }) => `&${text}`)];
    return [...this.#keyWords(readAndWrite), ...channels, ...this.#commandWords()];
  }

  #commandWords(): string[] {
    return [this.#beginsWithAll ? '+@all' : '-@all', ...this.#rules];
  }

  /** @param readAndWrite what begins a pattern for both */
  #keyWords(readAndWrite: string): string[] {
    if (this.allKeys) return ['~*'];
    return this.#keys.map(({ text, access }) => (access === KeyAccess.read ? '%R~' : access === KeyAccess.write ? '%W~' : readAndWrite) + text);
  }
}
