/**
 * Whether a user may run a command on these keys and channels (ACLCheckAllUserCommandPerm of Redis). Asked only for users that
 * may not everything, so it costs all others nothing; it makes no garbage but for commands with channels.
 */
import type { Request } from '../../shared/request.ts';
import { type Command, Flag, KeyAccess } from '../command.ts';
import { FoundKeys, findKeys } from '../key-extraction.ts';
import type { Selector } from './selector.ts';
import type { User } from './user.ts';

/** Why a command may not run. Of several reasons the one with the highest number is told. */
export const Denial = { none: 0, command: 1, key: 2, authentication: 3, channel: 4 } as const;

/** Where a command was denied: for ACL LOG. */
export type DenialContext = 'toplevel' | 'multi' | 'lua';

/** The argument that the last denial was about; 0 where it was the command. Read it at once. */
export const denied = { at: 0 };

const found = new FoundKeys();
/** Whether `found` holds the keys of the request in question. */
let isFound = false;

/** @returns a Denial; `denied.at` says which argument it is about */
export function denialOf(user: User, command: Command, request: Request): number {
  isFound = false;
  let worst: number = Denial.command;
  let at = 0;
  const { selectors } = user;
  for (let i = 0; i < selectors.length; i++) {
    const denial = selectorDenial(selectors[i]!, command, request);
    if (denial === Denial.none) return Denial.none;
    if (denial > worst || (denial === worst && denied.at > at)) {
      worst = denial;
      at = denied.at;
    }
  }
  denied.at = at;
  return worst;
}

function selectorDenial(selector: Selector, command: Command, request: Request): number {
  denied.at = 0;
  if ((command.flags & Flag.noAuth) === 0 && !selector.allows(command, request)) return Denial.command;
  if (command.hasKeys && !selector.allKeys && !allowsKeys(selector, command, request)) return Denial.key;
  if (command.channels !== null && !selector.allChannels && !allowsChannels(selector, command, request)) return Denial.channel;
  return Denial.none;
}

function allowsKeys(selector: Selector, command: Command, request: Request): boolean {
  if (!isFound) findKeys(command, request, found);
  isFound = true;
  for (let i = 0; i < found.count; i++) {
    const at = found.index[i]!;
    if (selector.allowsKey(request.buf, request.off[at]!, request.len[at]!, found.access[i]!)) continue;
    denied.at = at;
    return false;
  }
  return true;
}

function allowsChannels(selector: Selector, command: Command, request: Request): boolean {
  const end = command.channels === 'first' ? Math.min(2, request.argc) : request.argc;
  for (let i = 1; i < end; i++) {
    if (selector.allowsChannel(request.string(i), command.channels === 'patterns')) continue;
    denied.at = i;
    return false;
  }
  return true;
}

/** Whether a user may run the command and read whatever key there is: what SORT demands for BY and GET. */
export function mayReadEverything(user: User, command: Command, request: Request): boolean {
  isFound = false;
  return user.selectors.some((selector) => selectorDenial(selector, command, request) === Denial.none && selector.allowsAnyKey(KeyAccess.read));
}

/** What Redis says of a denial, without its code. @param verbose names what was denied, as ACL DRYRUN does */
export function denialText(denial: number, user: User, command: Command, request: Request, verbose: boolean): string {
  if (denial === Denial.command) return `User ${user.name} has no permissions to run the '${command.name}' command`;
  const what = denial === Denial.key ? 'key' : 'channel';
  return verbose ? `User ${user.name} has no permissions to access the '${request.string(denied.at)}' ${what}` : `No permissions to access a ${what}`;
}

/** The error of a command that was allowed when it was queued. */
export function deniedAtExec(denial: number): string {
  const reason = denial === Denial.command ? 'no permission to execute the command or subcommand'
    : denial === Denial.key ? 'no permission to touch the specified keys' : 'no permission to access one of the channels used as arguments';
  return `NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC call. This command is no longer allowed for the following reason: ${reason}`;
}
