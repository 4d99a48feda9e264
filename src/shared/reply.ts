/**
 * What a command handler writes its reply to. The protocol's RESP writer implements it; handlers know nothing else of
 * the wire. A handler writes exactly one complete reply: an aggregate's header is followed by exactly that many replies.
 *
 * All strings are latin1 (one char, one byte). Where RESP2 has no such type, the writer falls back as Redis does
 * (a map becomes a flat array of twice the length, a double a bulk string, null a null bulk, …).
 */
export interface Reply {
  /** 2 or 3: what the connection negotiated by HELLO. */
  proto: 2 | 3;
  /** How many error replies have been written since the owner last set it to 0. */
  errors: number;
  /** Text of the last error written, without the leading '-'; for error statistics. */
  lastError: string;
  /** Whether more has been written than anybody will get: the reply is as good as lost, and its handler may leave out the rest. */
  readonly isFull: boolean;

  ok(): void;
  status(text: string): void;
  /** `text` starts with its code, without '-': "ERR syntax error". CR and LF in it become spaces. */
  error(text: string): void;
  /** An integer of at most 53 bits. */
  integer(value: number): void;
  /** An integer given as its decimal text, for values beyond 53 bits. */
  integerText(text: string): void;
  /** Bytes as a bulk string. */
  bulk(buf: Uint8Array, off: number, len: number): void;
  bulkString(text: string): void;
  /** RESP3 double; RESP2 bulk string. Formatted as Redis formats it (shortest form that reads back, inf, -inf, nan). */
  double(value: number): void;
  /** A double given as its text, for digits beyond those that `double` writes. */
  doubleText(text: string): void;
  boolean(value: boolean): void;
  /** RESP3 `_`; RESP2 `$-1`. */
  null(): void;
  /** RESP3 `_`; RESP2 `*-1`. */
  nullArray(): void;
  array(length: number): void;
  /** `pairs` pairs follow. RESP2: array of 2 × pairs. */
  map(pairs: number): void;
  /** RESP2: array. */
  set(length: number): void;
  /** RESP3: `pairs` pairs that describe the reply behind them. Not for RESP2. */
  attribute(pairs: number): void;
  /** RESP3 push; RESP2: array. */
  push(length: number): void;
  /** RESP3 verbatim string with a three-letter format ("txt"); RESP2 bulk string. */
  verbatim(format: string, text: string): void;
  /** RESP3 big number; RESP2 bulk string. */
  bigNumber(text: string): void;

  /** A position to come back to with `insert…` or `rewind`; valid until the handler returns. */
  mark(): number;
  /** Drops everything written since `mark`. */
  rewind(mark: number): void;
  /** Puts an aggregate header in front of what was written since `mark`, for lengths not known beforehand. */
  insertArray(mark: number, length: number): void;
  insertMap(mark: number, pairs: number): void;
  insertSet(mark: number, length: number): void;
}
