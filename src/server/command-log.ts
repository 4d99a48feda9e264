/** COMMANDLOG's entries: commands that took long, and those whose request or reply was large. SLOWLOG is a view of the first kind. */
import { type Command, Flag } from '../engine/command.ts';
import { latin1Slice, type Request } from '../shared/request.ts';
import type { Config } from './config/config.ts';
import { REDACTED, isSecret } from './redaction.ts';

/** What is kept of a command. */
const ARGS_MAX = 32;
const ARG_BYTES_MAX = 128;

export type CommandLogKind = 'slow' | 'large-request' | 'large-reply';

export interface CommandLogEntry {
  readonly id: number;
  readonly atSeconds: number;
  /** Microseconds, or bytes. */
  readonly value: number;
  /** Cut, with words that say how much is missing. */
  readonly args: readonly string[];
  readonly address: string;
  readonly clientName: string;
}

/** What is noted of the client. */
export interface LoggedClient {
  readonly address: string;
  readonly name: string;
}

/** The entries of one kind. */
class Entries {
  /** Newest first. */
  readonly list: CommandLogEntry[] = [];
  threshold = Infinity;
  lengthMax = 0;
  nextId = 0;

  trim(): void {
    if (this.list.length > this.lengthMax) this.list.length = this.lengthMax;
  }
}

const DIRECTIVES: Readonly<Record<CommandLogKind, readonly [threshold: string, length: string]>> = {
  slow: ['slowlog-log-slower-than', 'slowlog-max-len'],
  'large-request': ['commandlog-request-larger-than', 'commandlog-large-request-max-len'],
  'large-reply': ['commandlog-reply-larger-than', 'commandlog-large-reply-max-len'],
};

export class CommandLog {
  readonly #entries: Readonly<Record<CommandLogKind, Entries>> = { slow: new Entries(), 'large-request': new Entries(), 'large-reply': new Entries() };

  configure(config: Config): void {
    for (const kind of Object.keys(DIRECTIVES) as CommandLogKind[]) {
      const entries = this.#entries[kind];
      const threshold = config.number(DIRECTIVES[kind][0]);
      entries.threshold = threshold < 0 ? Infinity : threshold;
      entries.lengthMax = config.number(DIRECTIVES[kind][1]);
      entries.trim();
    }
  }

  /** What a command must reach to be kept: microseconds or bytes; Infinity: none is. */
  threshold(kind: CommandLogKind): number {
    return this.#entries[kind].threshold;
  }

  /** Newest first. */
  list(kind: CommandLogKind): readonly CommandLogEntry[] {
    return this.#entries[kind].list;
  }

  reset(kind: CommandLogKind): void {
    this.#entries[kind].list.length = 0;
  }

  /** Keeps a command if `value`, in the kind's unit, reaches the threshold. */
  add(kind: CommandLogKind, value: number, command: Command, request: Request, client: LoggedClient, nowMs: number): void {
    const entries = this.#entries[kind];
    if (value < entries.threshold || (command.flags & Flag.skipSlowlog) !== 0) return;
    const { address, name } = client;
    entries.list.unshift({
      id: entries.nextId++, atSeconds: Math.floor(nowMs / 1000), value: Math.floor(value), args: argsOf(command, request), address, clientName: name,
    });
    entries.trim();
  }
}

function argsOf(command: Command, request: Request): string[] {
  const out: string[] = [];
  const shown = request.argc > ARGS_MAX ? ARGS_MAX - 1 : request.argc;
  for (let i = 0; i < shown; i++) {
    const from = request.off[i]!;
    const length = request.len[i]!;
    const text = latin1Slice(request.buf, from, from + Math.min(length, ARG_BYTES_MAX));
    if (isSecret(command, request, i)) out.push(REDACTED);
    else if (length > ARG_BYTES_MAX) out.push(`${text}... (${length - ARG_BYTES_MAX} more bytes)`);
    else out.push(text);
  }
  if (shown < request.argc) out.push(`... (${request.argc - shown} more arguments)`);
  return out;
}
