/**
 * The scripts of EVAL: known by the SHA-1 of their text, compiled once. Those that came by SCRIPT LOAD are kept until SCRIPT FLUSH;
 * of those that came by EVAL the ones used last, as in Redis: who writes values into the text of a script makes a new one each
 * time. They are no data and are not logged.
 */
import { CommandError } from '../shared/errors.ts';
import { latin1Bytes } from '../shared/request.ts';
import { sha1Hex } from '../shared/sha1.ts';
import { splitWords } from '../shared/split-words.ts';
import type { LuaFunction } from './lua-engine.ts';
import type { LuaRuntime } from './lua-runtime.ts';
import { type Compiled, type ScriptHost, syntaxText } from './script-host.ts';
import { SCRIPT_FLAG_NAMES } from './script-run.ts';

/** So many of those that came by EVAL are kept. */
const EVICTABLE_MAX = 500;

/** A place in a ring; one that is alone is its own neighbour. */
class Place {
  /** The place of what was used before, and after. */
  older: Place = this;
  newer: Place = this;

  leave(): void {
    this.older.newer = this.newer;
    this.newer.older = this.older;
    this.older = this.newer = this;
  }

  enterBefore(next: Place): void {
    this.newer = next;
    this.older = next.older;
    this.older.newer = next.older = this;
  }
}

export class Script extends Place implements Compiled {
  readonly runtime: LuaRuntime;
  readonly fn: LuaFunction;
  readonly sha: string;
  readonly body: string;
  /** Flags of the shebang line, or null for a script without, to which old rules apply. */
  readonly flags: number | null;

  constructor({ runtime, fn }: Compiled, sha: string, body: string, flags: number | null) {
    super();
    this.runtime = runtime;
    this.fn = fn;
    this.sha = sha;
    this.body = body;
    this.flags = flags;
  }

  /** Whether it came by EVAL alone, and is known yet. */
  get isEvictable(): boolean {
    return this.newer !== this;
  }
}

const FLAGS = new Map(SCRIPT_FLAG_NAMES);

export class EvalScripts {
  readonly #host: ScriptHost;
  readonly #scripts = new Map<string, Script>();
  /** By their texts: digesting one takes as long as many a script. */
  readonly #byBody = new Map<string, Script>();
  /** The ring of the evictable ones: the newest stands before it, the oldest behind. */
  readonly #end = new Place();
  #evictable = 0;
  /** Bytes of the scripts' texts. */
  bodyBytes = 0;
  /** How many had to go, since the start or CONFIG RESETSTAT. */
  evicted = 0;

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

  /** The script is used: others go before it. */
  touch(script: Script): void {
    // The newest one stays where it is.
    if (script.newer === script || script.newer === this.#end) return;
    script.leave();
    script.enterBefore(this.#end);
  }

  /** For EVAL: it may go when newer ones come. @throws CommandError when it does not compile. */
  use(body: string): Script {
    const known = this.#byBody.get(body);
    if (known !== undefined) {
      this.touch(known);
      return known;
    }
    const script = this.#compile(body);
    if (this.#evictable === EVICTABLE_MAX) this.#evict(this.#end.newer as Script);
    script.enterBefore(this.#end);
    this.#evictable++;
    return script;
  }

  /** For SCRIPT LOAD: it stays, also if EVAL had it before. @throws CommandError when it does not compile. */
  load(body: string): Script {
    const known = this.#byBody.get(body);
    if (known === undefined) return this.#compile(body);
    if (known.isEvictable) {
      known.leave();
      this.#evictable--;
    }
    return known;
  }

  #compile(body: string): Script {
    const { flags, length } = readShebang(body);
    let compiled: Compiled;
    try {
      // The shebang line is left as an empty one: the lines behind it keep their numbers.
      compiled = this.#host.compile(body.slice(length), '@user_script');
    } catch (error) {
      throw new CommandError(`ERR Error compiling script (new function): ${syntaxText(error)}`);
    }
    const script = new Script(compiled, shaOf(body), body, flags);
    this.#scripts.set(script.sha, script);
    this.#byBody.set(body, script);
    this.bodyBytes += body.length;
    return script;
  }

  /** One that runs goes on: it is only known no more. */
  #evict(script: Script): void {
    script.leave();
    this.#evictable--;
    this.#scripts.delete(script.sha);
    this.#byBody.delete(script.body);
    this.bodyBytes -= script.body.length;
    this.evicted++;
  }

  /** The texts of those that came by SCRIPT LOAD, in this order. */
  loaded(): string[] {
    const bodies: string[] = [];
    for (const script of this.#scripts.values()) if (!script.isEvictable) bodies.push(script.body);
    return bodies;
  }

  /** The texts of those that came by EVAL, the one used last at the end. */
  evictable(): string[] {
    const bodies: string[] = [];
    for (let place = this.#end.newer; place !== this.#end; place = place.newer) bodies.push((place as Script).body);
    return bodies;
  }

  clear(): void {
    // One that runs may outlive this: it is to be in no ring.
    while (this.#end.newer !== this.#end) this.#end.newer.leave();
    this.#evictable = 0;
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
  const words = splitWords(body.slice(0, end));
  if (words === null) throw new CommandError('ERR Invalid engine in script shebang');
  const [engine, ...options] = words;
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
