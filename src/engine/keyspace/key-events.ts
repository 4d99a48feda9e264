/**
 * Keyspace events: what happened to which key, told to whoever wants to know (notify-keyspace-events).
 *
 * Classes and events are named as Redis names them. Nobody is told while nobody wants to know: handlers look at `wanted` and
 * make nothing before. What is told may not be committed yet: the listener must not let it out before it is (promise P2).
 */

/** Classes of events, as bits, and the letters that notify-keyspace-events has for them. */
export const KeyEvent = {
  generic: 1 << 0,
  string: 1 << 1,
  list: 1 << 2,
  set: 1 << 3,
  hash: 1 << 4,
  sortedSet: 1 << 5,
  expired: 1 << 6,
  evicted: 1 << 7,
  stream: 1 << 8,
  module: 1 << 9,
  newKey: 1 << 10,
  keyMiss: 1 << 11,
} as const;

/** @param event Redis's name of it. The key's bytes are the caller's again when it returns. */
export type KeyEventListener = (event: string, db: number, buf: Uint8Array, off: number, len: number) => void;

export class KeyEvents {
  /** Classes that are wanted, as bits of KeyEvent; 0: none. */
  wanted = 0;
  listener: KeyEventListener = () => undefined;

  /** Something of a class has happened to a key. */
  tell(kind: number, event: string, db: number, buf: Uint8Array, off: number, len: number): void {
    if ((this.wanted & kind) !== 0) this.listener(event, db, buf, off, len);
  }

  /** Does `work`, of which nobody is told: keys come and go in it that were there before, or that nobody sees. */
  silently<T>(work: () => T): T {
    const { wanted } = this;
    this.wanted = 0;
    try {
      return work();
    } finally {
      this.wanted = wanted;
    }
  }
}
