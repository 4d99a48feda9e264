/**
 * Numbers of the RDB format: what opens an entry, how strings are encoded, which versions there are. Facts follow Redis's
 * rdb.h and Valkey's; nothing here reads or writes.
 */

/** The version that is written: Redis 7.0's, which every later Redis and Valkey loads. */
export const RDB_VERSION_WRITTEN = 10;

/** The version that is written where fields of hashes end by themselves: Redis 7.4's, the first that has them. */
export const RDB_VERSION_WITH_FIELD_TIMES = 12;

/** Versions 1 to 12 are Redis's (to 7.4), 80 is Valkey's own. */
export function isKnownRdbVersion(version: number): boolean {
  return (version >= 1 && version <= 12) || version === 80;
}

/** From this version on a file ends with a checksum. */
export const RDB_VERSION_WITH_CHECKSUM = 5;

export const RdbType = {
  string: 0,
  list: 1,
  set: 2,
  /** Scores as text. */
  zset: 3,
  hash: 4,
  /** Scores as doubles. */
  zset2: 5,
  moduleV1: 6,
  module: 7,
  hashZipmap: 9,
  listZiplist: 10,
  setIntset: 11,
  zsetZiplist: 12,
  hashZiplist: 13,
  listQuicklist: 14,
  stream: 15,
  hashListpack: 16,
  zsetListpack: 17,
  listQuicklist2: 18,
  stream2: 19,
  setListpack: 20,
  stream3: 21,
  hashMetadataPreGa: 22,
  hashListpackExPreGa: 23,
  hashMetadata: 24,
  hashListpackEx: 25,
} as const;

/** Bytes that stand where an entry's type may stand. */
export const RdbOpcode = {
  slotInfo: 244,
  function: 245,
  functionPreGa: 246,
  moduleAux: 247,
  idle: 248,
  freq: 249,
  aux: 250,
  resizeDb: 251,
  expireTimeMs: 252,
  expireTime: 253,
  selectDb: 254,
  eof: 255,
} as const;

/** The two top bits of a length. */
export const LENGTH_6 = 0;
export const LENGTH_14 = 1;
export const LENGTH_32 = 0x80;
export const LENGTH_64 = 0x81;
/** Not a length but a string in a form of its own; the form is in the low six bits. */
export const LENGTH_ENCODED = 3;

export const StringForm = { int8: 0, int16: 1, int32: 2, lzf: 3 } as const;

/** Containers of a node of a quicklist, version 2. */
export const QuicklistNode = { plain: 1, packed: 2 } as const;

/** Flags of an entry in a node of a stream. */
export const StreamEntryFlag = { deleted: 1, sameFields: 2 } as const;

/** Length bytes that stand for a score without text, in the first form of sorted sets. */
export const ScoreText = { nan: 253, positiveInfinity: 254, negativeInfinity: 255 } as const;

/** What an entry of a type that cannot be loaded is, for people; undefined for a number that no known version has. */
export function unsupportedTypeName(type: number): string | undefined {
  switch (type) {
    case RdbType.moduleV1: case RdbType.module: return "a module's value";
    default: return undefined;
  }
}
