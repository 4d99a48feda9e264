/** ACL files: a line for each user, "user <name> <rules>". Reading them complains of everything at once, in Redis's words. */
import { readFileSync } from 'node:fs';
import { FAULT_TEXTS } from '../engine/acl/rule-fault.ts';
import { hasSpaces } from '../engine/acl/selector.ts';
import type { User } from '../engine/acl/user.ts';
import { CommandError } from '../shared/errors.ts';
import { applyRule, joinSelectors } from './acl-rules.ts';
import { replaceFile } from './replace-file.ts';

const NOTHING_CHANGED = 'WARNING: ACL errors detected, no change to the previously active ACL rules was performed';

/** As C's strerror has it, for the causes that operators meet. */
const REASONS: Readonly<Record<string, string>> = { ENOENT: 'No such file or directory', EACCES: 'Permission denied', EISDIR: 'Is a directory' };

/**
 * The users of an ACL file, by name.
 * @param newUser makes a user without rights
 * @throws CommandError that names all that is wrong
 */
export function readAclFile(path: string, newUser: (name: string) => User): Map<string, User> {
  let text: string;
  try {
    text = readFileSync(path, 'latin1');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new CommandError(`ERR Error loading ACLs, opening file '${path}': ${REASONS[code ?? ''] ?? message}`);
  }
  const users = new Map<string, User>();
  const complaints: string[] = [];
  for (const [i, raw] of text.split('\n').entries()) {
    const line = raw.replace(/^[ \t\r]+|[ \t\r]+$/g, '');
    if (line !== '') readLine(line, `${path}:${i + 1}`, i + 1, newUser, users, complaints);
  }
  if (complaints.length > 0) throw new CommandError(`ERR ${complaints.join('')}${NOTHING_CHANGED}`);
  return users;
}

function readLine(line: string, place: string, number: number, newUser: (name: string) => User, users: Map<string, User>, complaints: string[]): void {
  const [keyword, name, ...words] = line.split(' ');
  if (keyword !== 'user' || name === undefined) {
    complaints.push(`${place} should start with user keyword followed by the username. `);
    return;
  }
  if (hasSpaces(name)) {
    complaints.push(`'${place}: username '${name}' contains invalid characters. `);
    return;
  }
  if (users.has(name)) {
    complaints.push(`WARNING: Duplicate user '${name}' found on line ${number}. `);
    return;
  }
  const user = newUser(name);
  users.set(name, user);
  const rules = joinSelectors(words);
  if ('unmatched' in rules) {
    complaints.push(`${place}: Unmatched parenthesis in selector definition.`);
    return;
  }
  let isWrong = false;
  for (const rule of rules) {
    const fault = applyRule(user, rule.replace(/^[\t\r]+|[\t\r]+$/g, ''));
    if (fault === 'unknown') complaints.push(`${place}: Error in applying operation '${rule}': ${FAULT_TEXTS.unknown}. `);
    // Only the first of these is told: it may be the cause of the others, and the words may hold secrets.
    else if (fault !== null && !isWrong) {
      complaints.push(`${place}: ${FAULT_TEXTS[fault]}. `);
      isWrong = true;
    }
  }
}

/** Puts the users into the file, at once or not at all. @throws Error of the file system */
export function writeAclFile(path: string, users: readonly User[]): void {
  replaceFile(path, users.map((user) => `user ${user.name} ${user.describe()}\n`).join(''));
}
