/**
 * CLIENT PAUSE: for a time, commands of all clients, or those that may write, wait before they run. They wait in their
 * connections, unparsed; what was before them has been answered. MIGRATE holds writes in the same way while it lasts.
 */
import type { Command } from '../engine/command.ts';
import type { Keyspace } from '../engine/keyspace/keyspace.ts';
import type { Session } from '../engine/session.ts';
import type { Request } from '../shared/request.ts';
import type { Connection } from './connection.ts';

/** Node's timers know no longer time. */
const TIMER_MS_MAX = 2 ** 31 - 1;

export class ClientPause {
  /** Whether anything is held. */
  active = false;
  /** Whether CLIENT PAUSE is in force, and how many others hold writes. */
  #timed = false;
  #holders = 0;
  #all = false;
  #endsAtMs = 0;
  #timer: NodeJS.Timeout | null = null;
  readonly #waiting = new Set<Connection>();
  readonly #mayWrite: (command: Command, request: Request) => boolean;

  readonly #keyspace: Keyspace;

  /** @param mayWrite whether a command may write, or tell others something */
  constructor(keyspace: Keyspace, mayWrite: (command: Command, request: Request) => boolean) {
    this.#keyspace = keyspace;
    this.#mayWrite = mayWrite;
  }

  /** Whether nothing may expire: while CLIENT PAUSE is in force, for then the log is not to grow. */
  get holdsExpiry(): boolean {
    return this.#timed;
  }

  /** What CLIENT PAUSE holds, and for how many milliseconds more. */
  get held(): { readonly what: 'all' | 'write' | 'none'; readonly leftMs: number } {
    return { what: !this.#timed ? 'none' : this.#all ? 'all' : 'write', leftMs: this.#timed ? Math.max(0, this.#endsAtMs - Date.now()) : 0 };
  }

  /** A pause that goes on is only made longer, and stricter. */
  begin(endsAtMs: number, all: boolean): void {
    this.active = this.#timed = true;
    this.#all ||= all;
    this.#endsAtMs = Math.max(this.#endsAtMs, endsAtMs);
    this.#arm();
  }

  end(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#timed = this.#all = false;
    this.#keyspace.keepsExpired = false;
    this.#endsAtMs = 0;
    this.#letGo();
  }

  /** Holds commands that may write until as many calls of `letWrites`, whatever CLIENT PAUSE and UNPAUSE say. */
  holdWrites(): void {
    this.active = true;
    this.#holders++;
  }

  letWrites(): void {
    this.#holders--;
    this.#letGo();
  }

  /** Those who wait try again: who must wait still does. */
  #letGo(): void {
    this.active = this.#timed || this.#holders > 0;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const connection of waiting) connection.resume();
  }

  /** Whether the command must wait. Ask only while `active`. */
  holds(command: Command, session: Session, request: Request): boolean {
    if (this.#all) return true;
    if (command.name === 'exec') return session.queue?.some((queued) => this.#mayWrite(queued.command, queued.request)) ?? false;
    return this.#mayWrite(command, request);
  }

  wait(connection: Connection): void {
    this.#waiting.add(connection);
  }

  /** The connection is gone. */
  forget(connection: Connection): void {
    this.#waiting.delete(connection);
  }

  isWaiting(connection: Connection): boolean {
    return this.#waiting.has(connection);
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  #arm(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    const leftMs = this.#endsAtMs - Date.now();
    if (leftMs <= 0) this.end();
    else this.#timer = setTimeout(() => this.#arm(), Math.min(leftMs, TIMER_MS_MAX)).unref();
  }
}
