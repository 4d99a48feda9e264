/**
 * The scripts that clients have had the primary load through this node, and those that it has loaded as primary. Its clients do
 * not notice when another member becomes primary, and go on by EVALSHA: before the first of them does, the next primary is told
 * of the scripts. Whether it takes them is between it and the client on whose stream they come.
 */
import type { Command } from '../engine/command.ts';
import type { EvalScripts } from '../scripting/eval-scripts.ts';
import { CommandError } from '../shared/errors.ts';
import { latin1Bytes, type Request } from '../shared/request.ts';

/** Clients that send ever new texts to EVAL do not call them by their SHA-1: the newest so many are told. */
const SCRIPTS_MAX = 500;

export class ForwardedScripts {
  readonly #known: EvalScripts;
  /** Member id of the primary that knows them; '': nobody may be trusted to. */
  #knownAt = '';

  constructor(known: EvalScripts) {
    this.#known = known;
  }

  /** `command`, which is of scripting, is about to be forwarded. */
  note({ name }: Command, request: Request): void {
    if (name === 'eval' || name === 'eval_ro') this.#add(request.string(1));
    else if (name === 'script|load') this.#add(request.string(2));
    else if (name === 'script|flush') this.#known.clear();
  }

  /** SCRIPT LOAD for each that `primary` may not know. */
  loadsFor(primary: string): Uint8Array[] {
    if (primary === this.#knownAt) return [];
    return [...this.#known.bodies()].slice(-SCRIPTS_MAX).map((body) => latin1Bytes(`*3\r\n$6\r\nSCRIPT\r\n$4\r\nLOAD\r\n$${body.length}\r\n${body}\r\n`));
  }

  /** `primary` has answered to all of them. */
  toldTo(primary: string): void {
    this.#knownAt = primary;
  }

  /** `primary` cannot be reached: when it can be again, it may have forgotten. */
  lost(primary: string): void {
    if (this.#knownAt === primary) this.#knownAt = '';
  }

  #add(body: string): void {
    try {
      this.#known.load(body);
    } catch (error) {
      // The primary refuses it as well.
      if (!(error instanceof CommandError)) throw error;
    }
  }
}
