/** What functions of the host's libraries make, as the engine counts it: a script that has them make too much is asked in time whether it may go on. */
import type { LuaEngine } from './lua-engine.ts';

/** What a value costs that is looked at or made, its bytes aside. */
export const VALUE_BYTES = 32;
/** The engine is told of so many bytes at once: most values are smaller than what it counts. */
const CHARGED_BYTES = 1024;

export class Toll {
  readonly #engine: LuaEngine;
  #bytes = 0;

  constructor(engine: LuaEngine) {
    this.#engine = engine;
  }

  /** @throws LuaKilled, if the script is to end */
  add(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes >= CHARGED_BYTES) this.#charge();
  }

  #charge(): void {
    const bytes = this.#bytes;
    this.#bytes = 0;
    this.#engine.charge(bytes);
  }
}
