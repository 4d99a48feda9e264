/** Engines for simulated nodes. One whose node has ended serves again, emptied: engines are costly to make. */
import { EncodingLimits } from '../../src/engine/encoding-limits.ts';
import { Engine } from '../../src/engine/engine.ts';
import { RecordingReply } from '../engine/recording-reply.ts';
import { SeededRandom } from '../support/seeded-random.ts';

export class EnginePool {
  readonly #all: Engine[] = [];
  #free: Engine[] = [];
  #random = new SeededRandom(0);

  /** A run begins: those before are over, and nobody uses their engines any more. */
  begin(random: SeededRandom): void {
    this.#random = random;
    this.#free = [...this.#all];
  }

  /** An empty engine that nobody else has. */
  take(): Engine {
    const used = this.#free.pop();
    if (used !== undefined) {
      if (used.keyspace.size > 0 || used.effectBytes > 0) used.clear();
      used.setReplica(false);
      return used;
    }
    const engine = new Engine({
      databases: 1, hashSeed: 1, random: () => this.#random.next(), clockUs: () => 0, scratchReply: new RecordingReply(), limits: new EncodingLimits(),
    });
    this.#all.push(engine);
    return engine;
  }

  /** Nobody uses `engine` any more. */
  giveBack(engine: Engine): void {
    this.#free.push(engine);
  }
}
