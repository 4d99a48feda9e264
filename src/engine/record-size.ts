/**
 * How much of a log record commands may take, as far as that can be told before they run. What a command does is never divided
 * among records, so what none can hold must be refused.
 */
import { type Command, Flag } from './command.ts';
import { FoundKeys, findKeys } from './key-extraction.ts';
import type { Request } from '../shared/request.ts';
import type { Session } from './session.ts';

/**
 * How often a key of a command may stand in its effects: deleted since it has expired, then deleted or converted by the command,
 * and written.
 */
const TIMES_A_KEY = 3;

const keys = new FoundKeys();

/** Whether the log may have to take what the command does: PFCOUNT keeps what it counted, scripts write as they like. Messages are not logged. */
export function mayWrite({ flags, group }: Command): boolean {
  return (flags & Flag.write) !== 0 || ((flags & Flag.mayReplicate) !== 0 && group !== 'pubsub');
}

/** Bytes of a request as it came, but for some of its first line. */
export function argumentBytes({ argc, off, len }: Request): number {
  return off[argc - 1]! + len[argc - 1]! - off[0]!;
}

/** Whether the effects of a command may be larger than that, if they are not larger than it is but for its keys. */
export function mayExceed(command: Command, request: Request, bytesMax: number): boolean {
  const bytes = argumentBytes(request);
  return bytes * TIMES_A_KEY > bytesMax && bytes + moreOfKeys(command, request) > bytesMax;
}

function moreOfKeys(command: Command, request: Request): number {
  findKeys(command, request, keys);
  let bytes = 0;
  for (let i = 0; i < keys.count; i++) bytes += request.len[keys.index[i]!]!;
  return bytes * (TIMES_A_KEY - 1);
}

/** As `mayExceed`, for whatever a client sends: what does not write exceeds nothing, and EXEC is all that is queued. */
export function exceedsRecord(command: Command, session: Session, request: Request, bytesMax: number): boolean {
  if (session.queue === null) return mayExceed(command, request, bytesMax) && mayWrite(command);
  if (command.name !== 'exec') return false;
  let bytes = 0;
  for (const queued of session.queue) if (mayWrite(queued.command)) bytes += argumentBytes(queued.request);
  if (bytes * TIMES_A_KEY <= bytesMax) return false;
  for (const queued of session.queue) if (mayWrite(queued.command)) bytes += moreOfKeys(queued.command, queued.request);
  return bytes > bytesMax;
}
