/** Rules of users as people write them: passwords in clear become hashes here, and never come further. Texts are Redis's. */
import { createHash } from 'node:crypto';
import type { RuleFault } from '../engine/acl/rule-fault.ts';
import type { User } from '../engine/acl/user.ts';

/** SHA-256 in hexadecimal digits. The password is latin1. */
export function passwordHash(password: string): string {
  return createHash('sha256').update(password, 'latin1').digest('hex');
}

/** Applies a rule; ">password" and "<password" are taken as "#hash" and "!hash". */
export function applyRule(user: User, rule: string): RuleFault | null {
  if (rule.startsWith('>')) return user.apply(`#${passwordHash(rule.slice(1))}`);
  if (rule.startsWith('<')) return user.apply(`!${passwordHash(rule.slice(1))}`);
  return user.apply(rule);
}

/** Joins selectors that are spread over several words. @returns the rules, or the word at which a selector begins that has no end */
export function joinSelectors(words: readonly string[]): readonly string[] | { readonly unmatched: string } {
  const out: string[] = [];
  let open: string[] | null = null;
  for (const word of words) {
    if (open === null && (!word.startsWith('(') || word.endsWith(')'))) {
      out.push(word);
      continue;
    }
    open ??= [];
    open.push(word);
    if (open.length === 1 || !word.endsWith(')')) continue;
    out.push(open.join(' '));
    open = null;
  }
  return open === null ? out : { unmatched: open[0]! };
}
