/** Finds the keys of a request by its command's key specifications, as Redis's getKeysFromCommandWithSpecs does. */
import { parseIntegerStrict, parsedInteger } from '../shared/number-text.ts';
import type { Request } from '../shared/request.ts';
import { type Command, type KeySpec, KeyAccess } from './command.ts';

/** Keys of one request. One object serves many requests: finding keys makes no garbage. */
export class FoundKeys {
  count = 0;
  /** Argument indexes. */
  index: Int32Array = new Int32Array(16);
  /** What the command does to each: bits of KeyAccess. */
  access: Int32Array = new Int32Array(16);
  /** The number of the specification that found each. */
  spec: Int32Array = new Int32Array(16);

  add(index: number, access: number, spec: number): void {
    if (this.count === this.index.length) {
      this.index = grown(this.index);
      this.access = grown(this.access);
      this.spec = grown(this.spec);
    }
    this.index[this.count] = index;
    this.access[this.count] = access;
    this.spec[this.count++] = spec;
  }
}

export interface FoundKey {
  /** Argument index. */
  readonly index: number;
  /** What the command does to it, in COMMAND INFO's words. */
  readonly flags: string;
}

/** What flags say where options decide. */
const VARIABLE_FLAGS: Readonly<Record<number, string>> = {
  [KeyAccess.read]: 'RO access', [KeyAccess.write]: 'OW update', [KeyAccess.read | KeyAccess.write]: 'RW access update',
};

const found = new FoundKeys();

/** The request's keys as a list. Not for the hot path. */
export function keyIndexes(command: Command, request: Request): FoundKey[] {
  findKeys(command, request, found);
  return Array.from({ length: found.count }, (_, i) => ({
    index: found.index[i]!,
    // A specification may be incomplete; what was found is not.
    flags: command.hasVariableAccess ? VARIABLE_FLAGS[found.access[i]!]! : command.keys[found.spec[i]!]!.flags.replace(' incomplete', ''),
  }));
}

function grown(old: Int32Array): Int32Array {
  const out = new Int32Array(old.length * 2);
  out.set(old);
  return out;
}

/**
 * Puts the request's keys into `out`, in the order of its command's specifications: none at all where one of these does not
 * fit the arguments, which the command will complain of. Arguments that only decide the slot, as the channel of SPUBLISH, are none.
 */
export function findKeys(command: Command, request: Request, out: FoundKeys): void {
  out.count = 0;
  if (command.getKeys !== null) {
    const last = command.keys.length - 1;
    for (const [n, index] of command.getKeys(request).entries()) out.add(index, command.keyAccess[n === 0 ? 0 : last]!, n === 0 ? 0 : last);
    return;
  }
  for (let n = 0; n < command.keys.length; n++) {
    const spec = command.keys[n]!;
    if (command.keyAccess[n]! < 0) continue;
    const access = command.hasVariableAccess ? variableAccess(command, request) : command.keyAccess[n]!;
    if (!addKeys(spec, n, access, request, out)) {
      out.count = 0;
      return;
    }
  }
}

/** @returns false when the specification does not fit. */
function addKeys(spec: KeySpec, number: number, access: number, request: Request, out: FoundKeys): boolean {
  const { argc } = request;
  let first = beginOf(spec, request);
  if (first === 0) return true;
  const { find } = spec;
  let last: number;
  let step = 1;
  if ('lastKey' in find) {
    ({ step } = find);
    if (find.lastKey >= 0) last = first + find.lastKey;
    else last = find.limit > 1 ? first + Math.floor((argc - first) / find.limit) + find.lastKey : argc + find.lastKey;
  } else if ('keyNumIndex' in find) {
    ({ step } = find);
    const at = first + find.keyNumIndex;
    if (at >= argc || !parseIntegerStrict(request.buf, request.off[at]!, request.len[at]!)) return false;
    first += find.firstKey;
    last = first + (parsedInteger.value - 1) * step;
  } else return false;
  if (last >= argc || last < first || first >= argc) return false;
  for (let i = first; i <= last; i += step) out.add(i, access, number);
  return true;
}

/** The argument at which a specification begins; 0 where its keyword is not there. */
function beginOf(spec: KeySpec, request: Request): number {
  if ('index' in spec.begin) return spec.begin.index;
  const { keyword, startFrom } = spec.begin;
  const step = startFrom < 0 ? -1 : 1;
  for (let i = startFrom < 0 ? request.argc + startFrom : startFrom; i > 0 && i < request.argc - 1; i += step) {
    if (request.is(i, keyword)) return i + 1;
  }
  return 0;
}

/** What SET and BITFIELD do to their key: their options decide. */
function variableAccess(command: Command, request: Request): number {
  const { argc } = request;
  if (command.name === 'set') {
    for (let i = 3; i < argc; i++) if (request.is(i, 'GET')) return KeyAccess.read | KeyAccess.write;
    return KeyAccess.write;
  }
  for (let i = 2; i < argc; i++) {
    const left = argc - i - 1;
    if (request.is(i, 'GET') && left >= 2) i += 2;
    else if (request.is(i, 'OVERFLOW') && left >= 1) i++;
    else return KeyAccess.read | KeyAccess.write;
  }
  return KeyAccess.read;
}
