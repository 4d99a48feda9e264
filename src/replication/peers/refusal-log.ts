/** Tells of those who were turned away at the door, and not so often that they could fill a disk. */
import type { OperationalError } from '../../shared/errors.ts';

const REPEATED_AFTER_MS = 10_000;
const REMEMBERED_MAX = 256;

interface Kind {
  toldMs: number;
  untold: number;
}

export class RefusalLog {
  readonly #warn: (message: string) => void;
  readonly #nowMs: () => number;
  readonly #kinds = new Map<string, Kind>();

  constructor(warn: (message: string) => void, nowMs: () => number) {
    this.#warn = warn;
    this.#nowMs = nowMs;
  }

  add(address: string, error: OperationalError): void {
    // Connections that just end are no attempts: health checks do so.
    if (error.code === 'PEER_DOWN' || error.code === 'PEER_CLOSED') return;
    const nowMs = this.#nowMs();
    const key = `${error.code} ${address}`;
    const kind = this.#kinds.get(key);
    if (kind !== undefined && nowMs - kind.toldMs < REPEATED_AFTER_MS) {
      kind.untold++;
      return;
    }
    const more = kind !== undefined && kind.untold > 0 ? `, and ${kind.untold} more like it since` : '';
    this.#warn(`A connection from ${address} to the port for members was turned away: ${error.message} (${error.code})${more}`);
    if (this.#kinds.size >= REMEMBERED_MAX) this.#kinds.clear();
    this.#kinds.set(key, { toldMs: nowMs, untold: 0 });
  }
}
