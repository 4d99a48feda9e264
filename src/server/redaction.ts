/** Arguments that are secrets: MONITOR and COMMANDLOG show something else in their place. */
import type { Command } from '../engine/command.ts';
import type { Request } from '../shared/request.ts';

export const REDACTED = '(redacted)';

/** Parameters whose values are secrets. */
const SECRET_PARAMETERS = /^(requirepass|cluster-secret|masterauth|masteruser|primaryauth|primaryuser|tls-key-file-pass|tls-client-key-file-pass)$/i;

/** Whether argument i of a command must not be shown. */
export function isSecret({ name }: Command, request: Request, i: number): boolean {
  switch (name) {
    case 'auth': return i > 0;
    case 'hello': return i > 2 && (request.is(i - 1, 'AUTH') || (i > 3 && request.is(i - 2, 'AUTH')));
    case 'config|set': return i > 2 && i % 2 === 1 && SECRET_PARAMETERS.test(request.string(i - 1));
    // Names of users are nobody's business either.
    case 'acl|setuser': case 'acl|deluser': case 'acl|getuser': return i > 1;
    case 'migrate': return i > 6 && (request.is(i - 1, 'AUTH') || request.is(i - 1, 'AUTH2') || (i > 7 && request.is(i - 2, 'AUTH2')));
    default: return false;
  }
}
