/** What LMPOP, ZMPOP and their blocking forms ask for: `numkeys key … END [COUNT count]`. One object, reused. */
import type { Call } from '../call.ts';
import { COUNT_NOT_POSITIVE, NUMKEYS_NOT_POSITIVE, SYNTAX } from '../error-texts.ts';

export const popRequest = {
  /** Arguments of the first and the last key. */
  first: 0,
  last: 0,
  /** Whether the first of the two words for an end was given. */
  isFirstEnd: false,
  count: 1,
};

/** Reads the request from argument `at` on into `popRequest`. @param ends the words for the two ends. @throws CommandError */
export function readPopRequest(c: Call, at: number, ends: readonly [string, string]): void {
  const { req } = c;
  const keys = c.integer(at, NUMKEYS_NOT_POSITIVE);
  if (keys <= 0) throw NUMKEYS_NOT_POSITIVE;
  const where = at + 1 + keys;
  if (where >= req.argc) throw SYNTAX;
  popRequest.first = at + 1;
  popRequest.last = at + keys;
  popRequest.isFirstEnd = req.is(where, ends[0]);
  if (!popRequest.isFirstEnd && !req.is(where, ends[1])) throw SYNTAX;
  popRequest.count = 1;
  if (req.argc === where + 1) return;
  if (!req.is(where + 1, 'COUNT') || req.argc < where + 3) throw SYNTAX;
  popRequest.count = c.integer(where + 2, COUNT_NOT_POSITIVE);
  if (popRequest.count <= 0) throw COUNT_NOT_POSITIVE;
  if (req.argc > where + 3) throw SYNTAX;
}
