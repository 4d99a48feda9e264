/** The table of all commands: found by name, by the bytes of a request, or by number. Runs none of them. */
import { OperationalError, invariant } from '../shared/errors.ts';
import type { Reply } from '../shared/reply.ts';
import { type Request, latin1Slice } from '../shared/request.ts';
import type { Command } from './command.ts';
import { wrongArity } from './error-texts.ts';

/** Finds commands by name, and by the bytes of a request. */
export class CommandTable {
  readonly #byName = new Map<string, Command>();
  readonly #slots: (Command | null)[] = new Array<Command | null>(2048).fill(null);
  /** By the names that clients use, where commands were renamed. */
  #clientNames: Map<string, Command> | null = null;
  /** Every row, subcommands included, by id. */
  readonly all: Command[] = [];

  add(rows: readonly Command[]): void {
    for (const row of rows) {
      invariant(!this.#byName.has(row.name), `command ${row.name} stands in the table twice`);
      this.#byName.set(row.name, row);
      this.#number(row);
      for (const sub of row.subcommands?.values() ?? []) this.#number(sub);
      let slot = placeOfName(row.name);
      while (this.#slots[slot] !== null) slot = (slot + 1) & 2047;
      this.#slots[slot] = row;
    }
  }

  /**
   * Makes clients use other names: old names in lower case to new ones, '' hides a command. The log goes on using the old
   * ones. Call it once, when all rows are there.
   * @throws OperationalError BAD_RENAME when there is no such command, or the new name is taken.
   */
  rename(names: ReadonlyMap<string, string>): void {
    const byName = new Map(this.#byName);
    for (const [from, to] of names) {
      const row = this.#byName.get(from);
      if (row === undefined) throw new OperationalError('BAD_RENAME', `rename-command: there is no command '${from}'`);
      byName.delete(from);
      row.renamed = true;
      for (const sub of row.subcommands?.values() ?? []) sub.renamed = true;
      if (to === '') continue;
      if (byName.has(to)) throw new OperationalError('BAD_RENAME', `rename-command: there is a command '${to}' already`);
      byName.set(to, row);
    }
    this.#clientNames = byName;
  }

  /** Top-level commands in the order they were added. */
  commands(): Iterable<Command> {
    return this.#byName.values();
  }

  /** By name in lower case; "config|get" finds a subcommand. */
  get(name: string): Command | undefined {
    const bar = name.indexOf('|');
    if (bar < 0) return this.#byName.get(name);
    return this.#byName.get(name.slice(0, bar))?.subcommands?.get(name.slice(bar + 1));
  }

  /** The top-level command that a client's request names, or null. */
  findForClient(buf: Uint8Array, off: number, len: number): Command | null {
    if (this.#clientNames === null) return this.find(buf, off, len);
    return this.#clientNames.get(latin1Slice(buf, off, off + len).toLowerCase()) ?? null;
  }

  /**
   * The command that a request names, its arity checked; null when there is none, with the error written to `reply`.
   */
  resolve(request: Request, reply: Reply): Command | null {
    let row = this.findForClient(request.buf, request.off[0]!, request.len[0]!);
    if (row !== null && row.subcommands !== null && request.argc > 1) {
      const sub = row.subcommands.get(request.string(1).toLowerCase());
      if (sub === undefined) {
        reply.error(`ERR unknown subcommand '${printable(request, 1, 128)}'. Try ${row.name.toUpperCase()} HELP.`);
        return null;
      }
      row = sub;
    }
    if (row === null) {
      reply.error(unknownCommand(request));
      return null;
    }
    if ((row.arity > 0 && request.argc !== row.arity) || request.argc < -row.arity || row.run === null) {
      reply.error(wrongArity(row.name).message);
      row.rejectedCalls++;
      return null;
    }
    return row;
  }

  /** Whether a client's request of a command names `row`, which another one named. Commands with subcommands are not looked into. */
  names(row: Command, buf: Uint8Array, off: number, len: number): boolean {
    return this.#clientNames === null && nameEquals(row.name, buf, off, len);
  }

  /** The command that an effect of the log names, subcommand included, or null. */
  findForEffect(request: Request): Command | null {
    const row = this.find(request.buf, request.off[0]!, request.len[0]!);
    if (row === null || row.subcommands === null || request.argc < 2) return row;
    return row.subcommands.get(request.string(1).toLowerCase()) ?? row;
  }

  /** The top-level command with a name, or null. Makes no string. */
  find(buf: Uint8Array, off: number, len: number): Command | null {
    if (len === 0) return null;
    for (let slot = placeOf(buf[off]!, buf[off + (len >>> 2)]!, buf[off + (len >>> 1)]!, buf[off + len - 1]!, len); ; slot = (slot + 1) & 2047) {
      const row = this.#slots[slot]!;
      if (row === null) return null;
      if (nameEquals(row.name, buf, off, len)) return row;
    }
  }

  #number(row: Command): void {
    row.id = this.all.length;
    this.all.push(row);
  }
}

function placeOfName(name: string): number {
  const at = (i: number): number => name.charCodeAt(i);
  return placeOf(at(0), at(name.length >>> 2), at(name.length >>> 1), at(name.length - 1), name.length);
}

/** Where the search for a name begins: by four of its characters in either case, and its length. */
function placeOf(first: number, second: number, middle: number, last: number, length: number): number {
  const h = Math.imul((first | 0x20) | ((second | 0x20) << 8) | ((middle | 0x20) << 16) | ((last | 0x20) << 24), 0x9e3779b1) + Math.imul(length, 0x85ebca6b);
  return (h >>> 15) & 2047;
}

function nameEquals(name: string, buf: Uint8Array, off: number, len: number): boolean {
  if (name.length !== len) return false;
  for (let i = 0; i < len; i++) {
    let b = buf[off + i]!;
    if (b >= 65 && b <= 90) b += 32;
    if (b !== name.charCodeAt(i)) return false;
  }
  return true;
}

function printable(request: Request, i: number, max: number): string {
  const start = request.off[i]!;
  return latin1Slice(request.buf, start, start + Math.min(max, request.len[i]!)).replace(/[\r\n]/g, ' ');
}

function unknownCommand(request: Request): string {
  let args = '';
  for (let i = 1; i < request.argc && args.length < 128; i++) args += `'${printable(request, i, 128 - args.length)}' `;
  return `ERR unknown command '${printable(request, 0, 128)}', with args beginning with: ${args}`;
}
