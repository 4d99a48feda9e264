/**
 * Sizes up to which collections keep their small encodings. Names and defaults are those of redis.conf; the server's
 * CONFIG SET changes the fields.
 */
export class EncodingLimits {
  hashMaxListpackEntries = 128;
  hashMaxListpackValue = 64;
  setMaxIntsetEntries = 512;
  setMaxListpackEntries = 128;
  setMaxListpackValue = 64;
  zsetMaxListpackEntries = 128;
  zsetMaxListpackValue = 64;
  /** Positive: entries a page; -1 to -5: 4, 8, 16, 32, 64 KiB a page. */
  listMaxListpackSize = -2;
  listCompressDepth = 0;
  /** Bytes and entries of a stream's node; 0: no bound. */
  streamNodeMaxBytes = 4096;
  streamNodeMaxEntries = 100;
  /** Longer HyperLogLogs take the dense form. */
  hllSparseMaxBytes = 3000;
  /** proto-max-bulk-len: the longest string value. */
  protoMaxBulkLen = 512 * 1024 * 1024;
}
