/**
 * What the engine knows of a client connection: selected database, transaction, watched keys, what it is blocked on.
 *
 * The server owns the connection and gives the engine a SessionHost to write late replies through.
 */
import type { Reply } from '../shared/reply.ts';
import type { Request } from '../shared/request.ts';
import type { User } from './acl/user.ts';
import type { Command } from './command.ts';

/** What the engine asks of the connection behind a session, when it replies out of turn: to a blocked client. */
export interface SessionHost {
  /** Where the late reply goes. One reply is written, then `endReply` is called; or none, and `dropReply` is. */
  beginReply(): Reply;
  dropReply(): void;
  /** @param waitFor the turn that must commit before the reply may leave, or 0. */
  endReply(waitFor: number): void;
}

export interface QueuedCommand {
  readonly command: Command;
  readonly request: Request;
}

export interface WatchedKey {
  readonly db: number;
  readonly key: string;
  /** Whether it was there when it was watched: one that was not cannot expire since. */
  readonly existed: boolean;
}

/** A client waiting in a blocking command. */
export interface BlockedState {
  readonly command: Command;
  /** The command as it came, to be run again when a key changes. */
  readonly request: Request;
  readonly db: number;
  /** Keys it waits for, as latin1 strings. */
  readonly keys: readonly string[];
  /** When it gives up: ms since the epoch, or Infinity. */
  readonly timeoutAtMs: number;
}

export class Session {
  readonly id: number;
  readonly host: SessionHost | null;
  /** Number of the selected database. */
  db = 0;
  /** Commands queued since MULTI, or null outside a transaction. */
  queue: QueuedCommand[] | null = null;
  /** A command could not be queued: EXEC will refuse. */
  queueFailed = false;
  watched: WatchedKey[] = [];
  /** A watched key changed: EXEC will do nothing. */
  watchBroken = false;
  blocked: BlockedState | null = null;
  /** CLIENT NO-TOUCH. */
  noTouch = false;
  /** CLIENT TRACKING: reading commands are told to Engine.onRead. */
  tracksReads = false;
  /** Another member forwards this client: so many scripts that it will load first were EVAL's there, and may be evicted. */
  scriptsOfEval = 0;
  /** Whose permissions its commands need; null: it may do everything. */
  restrictedTo: User | null = null;
  /** Its commands are those of the server whose data is imported. */
  fromSource = false;

  constructor(id: number, host: SessionHost | null) {
    this.id = id;
    this.host = host;
  }
}
