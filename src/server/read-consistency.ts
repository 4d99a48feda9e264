/**
 * How current a replica's answers to a READONLY client must be (CLIENT READ-CONSISTENCY):
 *
 * - stale: whatever has been applied; never goes back (promise P3).
 * - after a token: not before everything that the token stands for is applied. CLIENT WRITE-TOKEN gives one for what was
 *   written before it, so a service reads its own writes, also those of another of its connections.
 * - linearizable: nothing that was acknowledged before the read was sent is missing. Costs a question to the leader, which
 *   is asked once for all reads that arrived before (thesis §6.4).
 */
import { OperationalError } from '../shared/errors.ts';
import type { Connection } from './connection.ts';
import type { Server } from './server.ts';

export type ReadMode = 'stale' | 'token' | 'linearizable';

/** What a question to the leader answers: reads that came up to a place in the connection's input may run at an index. */
interface Fence {
  readonly inputThrough: number;
  /** -1 until the leader has answered. */
  index: number;
}

export class ReadConsistency {
  mode: ReadMode = 'stale';
  /** For mode token: records through here must be applied. */
  token = 0;
  #fence: Fence | null = null;

  /** Whether a read that ends at offset `inputEnd` of the connection's input may run here now; if not, it is resumed when it may. */
  allows(server: Server, connection: Connection, inputEnd: number): boolean {
    const { appliedIndex } = server.member;
    if (this.mode === 'stale') return true;
    if (this.mode === 'token') return appliedIndex >= this.token;
    const fence = this.#fence;
    if (fence === null || (fence.index >= 0 && inputEnd > fence.inputThrough)) {
      this.#ask(server, connection);
      return false;
    }
    return fence.index >= 0 && appliedIndex >= fence.index;
  }

  #ask(server: Server, connection: Connection): void {
    const fence: Fence = { inputThrough: connection.bytesIn, index: -1 };
    this.#fence = fence;
    server.txlog.readIndex().then(
      (index) => {
        fence.index = index;
        connection.resume();
      },
      (error: unknown) => {
        if (!(error instanceof OperationalError)) throw error;
        // Nobody leads just now: asked again when the command is tried again.
        if (this.#fence === fence) this.#fence = null;
      },
    );
  }
}
