/**
 * The scripts that clients have had the primary load through this node, and those that it has loaded as primary. Its clients do
 * not notice when another member becomes primary, and go on by EVALSHA: before the first of them does, the next primary is told
 * of the scripts. Whether it takes them is between it and the client on whose stream they come.
 */
import type { Command } from '../engine/command.ts';
import type { EvalScripts } from '../scripting/eval-scripts.ts';
import { CommandError } from '../shared/errors.ts';
import { latin1Bytes, type Request } from '../shared/request.ts';

/** Of the scripts that came by SCRIPT LOAD, the newest so many are told. */
const LOADED_MAX = 500;

/** Commands for a primary. */
export interface ScriptLoads {
  readonly commands: readonly Uint8Array[];
  /** So many of them, the first ones, are of scripts that came by EVAL: there too they may go when newer ones come. */
  readonly ofEval: number;
}

const NOTHING: ScriptLoads = { commands: [], ofEval: 0 };

function loadCommand(body: string): Uint8Array {
  return latin1Bytes(`*3\r\n$6\r\nSCRIPT\r\n$4\r\nLOAD\r\n$${body.length}\r\n${body}\r\n`);
}

export class ForwardedScripts {
  readonly #known: EvalScripts;
  /** Member id of the primary that knows them; '': nobody may be trusted to. */
  #knownAt = '';

  constructor(known: EvalScripts) {
    this.#known = known;
  }

  /** `command`, which is of scripting, is about to be forwarded. */
  note({ name }: Command, request: Request): void {
    switch (name) {
      case 'eval': case 'eval_ro': return this.#add(() => this.#known.use(request.string(1)));
      case 'evalsha': case 'evalsha_ro': return this.#touch(request.string(1));
      case 'script|load': return this.#add(() => this.#known.load(request.string(2)));
      case 'script|flush': this.#known.clear();
    }
  }

  /** SCRIPT LOAD for each that `primary` may not know. */
  loadsFor(primary: string): ScriptLoads {
    if (primary === this.#knownAt) return NOTHING;
    const ofEval = this.#known.evictable();
    return { commands: [...ofEval, ...this.#known.loaded().slice(-LOADED_MAX)].map(loadCommand), ofEval: ofEval.length };
  }

  /** `primary` has answered to all of them. */
  toldTo(primary: string): void {
    this.#knownAt = primary;
  }

  /** `primary` cannot be reached: when it can be again, it may have forgotten. */
  lost(primary: string): void {
    if (this.#knownAt === primary) this.#knownAt = '';
  }

  #touch(sha: string): void {
    const script = this.#known.get(sha.toLowerCase());
    if (script !== undefined) this.#known.touch(script);
  }

  #add(add: () => unknown): void {
    try {
      add();
    } catch (error) {
      // The primary refuses it as well.
      if (!(error instanceof CommandError)) throw error;
    }
  }
}
