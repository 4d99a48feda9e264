/** CLIENT TRACKING as one connection has it. */

export class ClientTracking {
  /** Told of every change of keys with its prefixes, whatever it has read. */
  readonly broadcast: boolean;
  optIn = false;
  optOut = false;
  /** Not told of its own changes. */
  noLoop = false;
  /** CLIENT CACHING was given for the command, or the transaction, that comes next. */
  caching = false;
  /** Id of the client that gets the messages; 0: this one. */
  redirect = 0;
  /** That client was found gone. */
  redirectBroken = false;
  /** Latin1 strings. */
  readonly prefixes = new Set<string>();
  /** Keys read by a transaction that is being forwarded to the primary; null outside of one. */
  forwardedQueue: string[] | null = null;
  /** Messages (the keys; null: all) that wait behind replies that are still to come from the primary. */
  deferred: (readonly string[] | null)[] = [];

  constructor(broadcast: boolean) {
    this.broadcast = broadcast;
  }

  /** Whether keys of reading commands are to be remembered, CLIENT CACHING aside. */
  get tracksReads(): boolean {
    return !this.broadcast;
  }

  /** Whether what the command under way reads is to be remembered. */
  get remembers(): boolean {
    return this.optIn ? this.caching : !(this.optOut && this.caching);
  }
}
