/**
 * MONITOR: clients that are shown every command as it is run.
 *
 * The lines of a turn go out together, when everything is committed that was in flight when the turn ended: a line tells of a
 * write (promise P2). They wait as any reply does, in the output of the client that they go to, under its limit. On a replica
 * the commands of its own clients are shown, not what it applies.
 */
import type { Call } from '../engine/call.ts';
import { Flag } from '../engine/command.ts';
import { REDACTED, isSecret } from './redaction.ts';
import type { Connection } from './connection.ts';
import type { Server } from './server.ts';

const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '"': '\\"', '\n': '\\n', '\r': '\\r', '\t': '\\t', '\x07': '\\a', '\b': '\\b' };

/** As Redis quotes what it shows (sdscatrepr). */
function quoted(text: string): string {
  return `"${text.replace(/[^\x20-\x7e]|["\\]/g, (char) => ESCAPES[char] ?? `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`)}"`;
}

export class Monitors {
  readonly #server: Server;
  readonly #connections = new Set<Connection>();
  /** Of this turn. */
  #lines: string[] = [];

  constructor(server: Server) {
    this.#server = server;
  }

  add(connection: Connection): void {
    connection.isMonitor = true;
    this.#connections.add(connection);
    this.#server.engine.onCommand = (call) => this.#note(call);
  }

  remove(connection: Connection): void {
    connection.isMonitor = false;
    if (!this.#connections.delete(connection) || this.#connections.size > 0) return;
    this.#server.engine.onCommand = null;
    this.#lines = [];
  }

  #note({ command, req, session, isScripted }: Call): void {
    // What administers the server is too dangerous to be shown.
    const connection = this.#server.connections.get(session.id);
    if (connection === undefined || (command!.flags & Flag.admin) !== 0) return;
    const now = performance.timeOrigin + performance.now();
    const stamp = `${Math.floor(now / 1000)}.${String(Math.floor((now % 1000) * 1000)).padStart(6, '0')}`;
    const isLocal = connection.socket.remoteAddress === undefined;
    const source = isScripted ? 'lua' : isLocal ? `unix:${this.#server.config.unixsocket}` : connection.address;
    const words: string[] = [];
    for (let i = 0; i < req.argc; i++) words.push(quoted(isSecret(command!, req, i) ? REDACTED : req.string(i)));
    this.#lines.push(`${stamp} [${session.db} ${source}] ${words.join(' ')}`);
  }

  /** A turn is over, and what it changed is on its way to the log or waits to be. */
  turnEnded(): void {
    if (this.#lines.length === 0) return;
    const lines = this.#lines;
    this.#lines = [];
    const waitFor = this.#server.member.lastTurn;
    for (const connection of this.#connections) {
      if (connection.closing) continue;
      connection.push((reply) => { for (const line of lines) reply.status(line); }, waitFor);
    }
  }
}
