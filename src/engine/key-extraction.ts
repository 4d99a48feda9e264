/** Finds the keys of a request by its command's key specifications. */
import { parseIntegerStrict, parsedInteger } from '../shared/number-text.ts';
import type { Request } from '../shared/request.ts';
import type { Command, KeySpec } from './command.ts';

export interface FoundKey {
  /** Argument index. */
  readonly index: number;
  /** Of the specification that found it. */
  readonly flags: string;
}

/** The request's keys in the order of its command's specifications. */
export function keyIndexes(command: Command, request: Request): FoundKey[] {
  if (command.getKeys !== null) return command.getKeys(request).map((index) => ({ index, flags: command.keys[0]?.flags ?? '' }));
  return command.keys.flatMap((spec) => specIndexes(spec, request).map((index) => ({ index, flags: spec.flags })));
}

function specIndexes(spec: KeySpec, request: Request): number[] {
  const first = beginOf(spec, request);
  if (first <= 0 || first >= request.argc) return [];
  const { find } = spec;
  const out: number[] = [];
  if ('lastKey' in find) {
    let last = find.lastKey < 0 ? request.argc + find.lastKey : first + find.lastKey;
    if (find.lastKey < 0 && find.limit > 1) last = first + Math.floor((request.argc - first) / find.limit) - 1;
    for (let i = first; i <= Math.min(last, request.argc - 1); i += find.step) out.push(i);
  } else if ('keyNumIndex' in find) {
    const at = first + find.keyNumIndex;
    if (at >= request.argc || !parseIntegerStrict(request.buf, request.off[at]!, request.len[at]!)) return [];
    const count = parsedInteger.value;
    for (let n = 0; n < count; n++) {
      const i = first + find.firstKey + n * find.step;
      if (i >= request.argc) return [];
      out.push(i);
    }
  }
  return out;
}

function beginOf(spec: KeySpec, request: Request): number {
  if ('index' in spec.begin) return spec.begin.index;
  const { keyword, startFrom } = spec.begin;
  const step = startFrom < 0 ? -1 : 1;
  for (let i = startFrom < 0 ? request.argc + startFrom : startFrom; i > 0 && i < request.argc; i += step) {
    if (request.is(i, keyword.toUpperCase())) return i + 1;
  }
  return 0;
}
