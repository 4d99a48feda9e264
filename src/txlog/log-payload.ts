/**
 * The data of a log entry as the members of a group exchange it: two bytes in front of a block say which format version a
 * reader needs and what the block is. (The version of a record in a store is that store's own affair.)
 */
import { OperationalError } from '../shared/errors.ts';

/** Newest version that this program reads, and the one it writes. */
const PAYLOAD_VERSION = 1;
const HEADER_BYTES = 2;

const EFFECTS = 1;
const IDENTITY = 2;
const SHARD_ID = /^[0-9a-f]{40}$/;

export const NO_BLOCK: Uint8Array = new Uint8Array(0);

/** A copy of `block` with its header. */
export function effectsPayload(block: Uint8Array): Uint8Array {
  // From the pool, where it is small: a buffer of its own for each turn keeps the garbage collector busy.
  const data = Buffer.allocUnsafe(HEADER_BYTES + block.length);
  data[0] = PAYLOAD_VERSION;
  data[1] = EFFECTS;
  data.set(block, HEADER_BYTES);
  return data;
}

/** What stands first in a new log: whose log it is. */
export function identityPayload(shardId: string): Uint8Array {
  if (!SHARD_ID.test(shardId)) throw new OperationalError('TXLOG_BAD_SHARD_ID', `a shard id has 40 hexadecimal digits: ${shardId}`);
  return Uint8Array.of(PAYLOAD_VERSION, IDENTITY, ...Buffer.from(shardId, 'latin1'));
}

/** The shard id if `data` is an identity, else null. */
export function identityOf(data: Uint8Array): string | null {
  return data[0] === PAYLOAD_VERSION && data[1] === IDENTITY ? Buffer.from(data.subarray(HEADER_BYTES)).toString('latin1') : null;
}

/**
 * The effects in the data of a `normal` entry; NO_BLOCK if it carries none. Throws OperationalError TXLOG_FORMAT when it needs
 * a version or is of a type that this program does not know: it must stop rather than leave out what it cannot read.
 */
export function effectsOf(data: Uint8Array, index: number): Uint8Array {
  const version = data[0];
  const type = data[1];
  if (version === PAYLOAD_VERSION && type === EFFECTS) return data.subarray(HEADER_BYTES);
  if (version === PAYLOAD_VERSION && type === IDENTITY) return NO_BLOCK;
  const needs = `log record ${index} needs record format ${version}, type ${type}; this program knows format ${PAYLOAD_VERSION}: upgrade it`;
  throw new OperationalError('TXLOG_FORMAT', needs);
}
