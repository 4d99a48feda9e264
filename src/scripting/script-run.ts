/** One script or function under way: who called it, what it may do, what it has done so far. */
import type { Session } from '../engine/session.ts';
import type { Request } from '../shared/request.ts';

/** Flags of scripts and functions, by their names in Lua. */
export const ScriptFlag = {
  noWrites: 1 << 0,
  allowOom: 1 << 1,
  allowStale: 1 << 2,
  noCluster: 1 << 3,
  allowCrossSlotKeys: 1 << 4,
} as const;

export const SCRIPT_FLAG_NAMES: readonly (readonly [string, number])[] = [
  ['no-writes', ScriptFlag.noWrites], ['allow-oom', ScriptFlag.allowOom], ['allow-stale', ScriptFlag.allowStale],
  ['no-cluster', ScriptFlag.noCluster], ['allow-cross-slot-keys', ScriptFlag.allowCrossSlotKeys],
];

export class ScriptRun {
  /** A function of a library, or a script of EVAL. */
  readonly isFunction: boolean;
  /** The script's SHA-1, or the function's name. */
  readonly name: string;
  /** ScriptFlags. */
  readonly flags: number;
  /** Its own: SELECT in a script does not concern the client. */
  readonly session: Session;
  readonly startedAtMs: number;
  /** The command that runs it. */
  readonly request: Request;
  /** What redis.setresp has chosen. */
  proto: 2 | 3 = 2;
  /** Whether it has called a command that writes: then it cannot be killed. */
  hasWritten = false;
  /** Bytes in use when it was first looked at; -1 before. */
  memoryAtFirstTick = -1;
  /** How many errors that it made itself are in its reply. What commands answered has been counted with them. */
  ownErrors = 0;
  /** It is to end at the next opportunity. */
  killed = false;

  constructor(isFunction: boolean, name: string, flags: number, session: Session, startedAtMs: number, request: Request) {
    this.isFunction = isFunction;
    this.name = name;
    this.flags = flags;
    this.session = session;
    this.startedAtMs = startedAtMs;
    this.request = request;
  }

  get readOnly(): boolean {
    return (this.flags & ScriptFlag.noWrites) !== 0;
  }

  /** Whether it may call what needs memory where there is none left. Once it has written, it may: half a script is worse. */
  get allowsOom(): boolean {
    return (this.flags & ScriptFlag.allowOom) !== 0 || this.hasWritten;
  }
}
