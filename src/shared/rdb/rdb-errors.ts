/** Errors of reading RDB data. Their codes are stable: RDB_DAMAGED, RDB_UNSUPPORTED, RDB_CHECKSUM. */
import { OperationalError } from '../errors.ts';
import { latin1Slice } from '../request.ts';

/** The bytes break a rule of the format. `what` is a clause: "a listpack leaves its bytes". */
export function rdbDamaged(what: string): OperationalError {
  return new OperationalError('RDB_DAMAGED', what);
}

/** The bytes may be in order, but hold what this program cannot hold. */
export function rdbUnsupported(what: string): OperationalError {
  return new OperationalError('RDB_UNSUPPORTED', what);
}

export function isRdbError(error: unknown): error is OperationalError {
  return error instanceof OperationalError && error.code.startsWith('RDB_');
}

const SHOWN_BYTES_MAX = 128;

/** Bytes for a message: quoted, printable, cut where they are many. */
export function quoteBytes(buf: Uint8Array, off: number, len: number): string {
  const text = latin1Slice(buf, off, off + Math.min(len, SHOWN_BYTES_MAX));
  const printable = text.replace(/[^ -!#-[\]-~]/g, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`);
  return len > SHOWN_BYTES_MAX ? `"${printable}…"` : `"${printable}"`;
}
