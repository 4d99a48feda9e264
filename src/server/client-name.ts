/** Names that clients give themselves. */
import { CommandError } from '../shared/errors.ts';

/** They go into lines of CLIENT LIST, whose fields are separated by spaces. @throws CommandError */
export function checkClientName(text: string, what: string): void {
  if (/[^\x21-\x7e]/.test(text)) throw new CommandError(`ERR ${what} cannot contain spaces, newlines or special characters.`);
}
