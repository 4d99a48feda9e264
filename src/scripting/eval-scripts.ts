/** The scripts of EVAL: known by the SHA-1 of their text, compiled once, kept until SCRIPT FLUSH. They are no data and are not logged. */
import { CommandError } from '../shared/errors.ts';
import { latin1Bytes } from '../shared/request.ts';
import { sha1Hex } from '../shared/sha1.ts';
import { type Compiled, type ScriptHost, syntaxText } from './script-host.ts';
import { SCRIPT_FLAG_NAMES } from './script-run.ts';

export interface Script extends Compiled {
  readonly sha: string;
  readonly body: string;
  /** Flags of the shebang line, or null for a script without, to which old rules apply. */
  readonly flags: number | null;
}

const FLAGS = new Map(SCRIPT_FLAG_NAMES);

export class EvalScripts {
  readonly #host: ScriptHost;
  readonly #scripts = new Map<string, Script>();
  /** By their texts: digesting one takes as long as many a script. */
  readonly #byBody = new Map<string, Script>();
  /** Bytes of the scripts' texts. */
  bodyBytes = 0;

  constructor(host: ScriptHost) {
    this.#host = host;
  }

  get size(): number {
    return this.#scripts.size;
  }

  /** By SHA-1 in lower case. */
  get(sha: string): Script | undefined {
    return this.#scripts.get(sha);
  }

  /** @throws CommandError when it does not compile. */
  load(body: string): Script {
    const known = this.#byBody.get(body);
    if (known !== undefined) return known;
    const { flags, length } = readShebang(body);
    let compiled: Compiled;
    try {
      // The shebang line is left as an empty one: the lines behind it keep their numbers.
      compiled = this.#host.compile(body.slice(length), '@user_script');
    } catch (error) {
      throw new CommandError(`ERR Error compiling script (new function): ${syntaxText(error)}`);
    }
    const script: Script = { ...compiled, sha: shaOf(body), body, flags };
    this.#scripts.set(script.sha, script);
    this.#byBody.set(body, script);
    this.bodyBytes += body.length;
    return script;
  }

  /** The texts of all, in the order in which they came. */
  *bodies(): Generator<string> {
    for (const { body } of this.#scripts.values()) yield body;
  }

  clear(): void {
    this.#scripts.clear();
    this.#byBody.clear();
    this.bodyBytes = 0;
  }
}

export function shaOf(body: string): string {
  const bytes = latin1Bytes(body);
  return sha1Hex(bytes, 0, bytes.length);
}

/** ScriptFlags of a script's first line; null where it declares none, or what nobody understands. */
export function flagsInShebang(body: string): number | null {
  try {
    return readShebang(body).flags;
  } catch (error) {
    if (error instanceof CommandError) return null;
    throw error;
  }
}

/** Flags and length of "#!lua flags=…"; length 0 where there is none. @throws CommandError */
function readShebang(body: string): { flags: number | null; length: number } {
  if (!body.startsWith('#!')) return { flags: null, length: 0 };
  const end = body.indexOf('\n');
  if (end < 0) throw new CommandError('ERR Invalid script shebang');
  const [engine, ...options] = body.slice(0, end).split(/[ \t\r]+/).filter((word) => word !== '');
  if (engine !== '#!lua') throw new CommandError(`ERR Unexpected engine in script shebang: ${engine}`);
  let flags = 0;
  for (const option of options) {
    if (!option.startsWith('flags=')) throw new CommandError(`ERR Unknown lua shebang option: ${option}`);
    const names = option.slice('flags='.length);
    for (const name of names === '' ? [] : names.split(',')) {
      const flag = FLAGS.get(name);
      if (flag === undefined) throw new CommandError(`ERR Unexpected flag in script shebang: ${name}`);
      flags |= flag;
    }
  }
  return { flags, length: end };
}
