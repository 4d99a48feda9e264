/** Redis's error texts, each once. What follows the code is what clients and tests compare: change nothing here lightly. */
import { CommandError } from '../shared/errors.ts';

export const READ_ONLY_REPLICA = new CommandError("READONLY You can't write against a read only replica.");
export const TOO_FEW_REPLICAS = new CommandError('NOREPLICAS Not enough good replicas to write.');
/** What a record of the log could not hold. */
export const tooLargeToLog = (bytesMax: number): string => `ERR what a command or a transaction writes may not be larger than ${bytesMax} bytes`;
export const TOO_MANY_ENDED = new CommandError('ERR more fields of this hash have just ended than can be taken out at once: try again later');
export const OUT_OF_MEMORY = new CommandError("OOM command not allowed when used memory > 'maxmemory'.");
export const WRONG_TYPE = new CommandError('WRONGTYPE Operation against a key holding the wrong kind of value');
export const SYNTAX = new CommandError('ERR syntax error');
export const NOT_INTEGER = new CommandError('ERR value is not an integer or out of range');
export const NOT_FLOAT = new CommandError('ERR value is not a valid float');
export const NO_SUCH_KEY = new CommandError('ERR no such key');
export const OUT_OF_RANGE = new CommandError('ERR index out of range');
export const OVERFLOW = new CommandError('ERR increment or decrement would overflow');
export const DECREMENT_OVERFLOW = new CommandError('ERR decrement would overflow');
export const NAN_OR_INFINITY = new CommandError('ERR increment would produce NaN or Infinity');
export const OFFSET_OUT_OF_RANGE = new CommandError('ERR offset is out of range');
export const STRING_TOO_LONG = new CommandError('ERR string exceeds maximum allowed size (proto-max-bulk-len)');
export const NOT_POSITIVE = new CommandError('ERR value is out of range, must be positive');
export const VALUE_OUT_OF_RANGE = new CommandError('ERR value is out of range');
export const SAME_OBJECT = new CommandError('ERR source and destination objects are the same');
export const INVALID_CURSOR = new CommandError('ERR invalid cursor');
export const DB_OUT_OF_RANGE = new CommandError('ERR DB index is out of range');
export const TIMEOUT_NEGATIVE = new CommandError('ERR timeout is negative');
export const TIMEOUT_NOT_FLOAT = new CommandError('ERR timeout is not a float or out of range');
export const TIMEOUT_NOT_INTEGER = new CommandError('ERR timeout is not an integer or out of range');
export const TIMEOUT_OUT_OF_RANGE = new CommandError('ERR timeout is out of range');
export const MULTI_NESTED = new CommandError('ERR MULTI calls can not be nested');
export const EXEC_WITHOUT_MULTI = new CommandError('ERR EXEC without MULTI');
export const DISCARD_WITHOUT_MULTI = new CommandError('ERR DISCARD without MULTI');
export const WATCH_IN_MULTI = new CommandError('ERR WATCH inside MULTI is not allowed');
export const EXEC_ABORTED = new CommandError('EXECABORT Transaction discarded because of previous errors.');
/** The error of an EXEC that is refused with `error`. */
export const execAbortedBecause = (error: string): string => `EXECABORT Transaction discarded because of: ${error}`;
export const HASH_NOT_INTEGER = new CommandError('ERR hash value is not an integer');
export const HASH_NOT_FLOAT = new CommandError('ERR hash value is not a float');
export const INCREMENT_INFINITE = new CommandError('ERR value is NaN or Infinity');
export const NUMKEYS_NOT_POSITIVE = new CommandError('ERR numkeys should be greater than 0');
export const TOO_FEW_KEYS = new CommandError("ERR Number of keys can't be greater than number of args");
export const LIMIT_NEGATIVE = new CommandError("ERR LIMIT can't be negative");
export const NOVALUES_ELSEWHERE = new CommandError('ERR NOVALUES option can only be used in HSCAN');
export const NOSCORES_ELSEWHERE = new CommandError('ERR NOSCORES option can only be used in ZSCAN');
export const COUNT_OUT_OF_RANGE = new CommandError('ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807');
export const LCS_NOT_STRINGS = new CommandError('ERR The specified keys must contain string values');
export const LCS_LENGTH_AND_INDEXES = new CommandError('ERR If you want both the length and indexes, please just use IDX.');
export const LCS_TOO_LARGE = new CommandError('ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len');
export const LCS_NO_MEMORY = new CommandError('ERR Insufficient memory, failed allocating transient memory for LCS');
export const LFU_NOT_TRACKED = new CommandError('ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust.');
export const IDLE_NOT_TRACKED = new CommandError('ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust.');
export const NOT_LISTPACK = new CommandError('ERR Not a listpack encoded object.');
export const NOT_HASHTABLE = new CommandError('ERR The value stored at the specified key is not represented using an hash table');
export const SORT_NOT_DOUBLE = new CommandError("ERR One or more scores can't be converted into double");
export const SORT_BY_DENIED = new CommandError('ERR BY option of SORT denied due to insufficient ACL permissions.');
export const SORT_GET_DENIED = new CommandError('ERR GET option of SORT denied due to insufficient ACL permissions.');
export const NX_WITH_XX = new CommandError('ERR XX and NX options at the same time are not compatible');
export const GT_LT_NX = new CommandError('ERR GT, LT, and/or NX options at the same time are not compatible');
export const INCR_ONE_PAIR = new CommandError('ERR INCR option supports a single increment-element pair');
export const SCORE_NAN = new CommandError('ERR resulting score is not a number (NaN)');
export const BOUND_NOT_FLOAT = new CommandError('ERR min or max is not a float');
export const BOUND_NOT_LEX = new CommandError('ERR min or max not valid string range item');
export const LIMIT_BY_RANK = new CommandError('ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX');
export const LEX_WITHSCORES = new CommandError('ERR syntax error, WITHSCORES not supported in combination with BYLEX');
export const WEIGHT_NOT_FLOAT = new CommandError('ERR weight value is not a float');
export const BUSY_KEY = new CommandError('BUSYKEY Target key name already exists.');
export const BAD_DUMP = new CommandError('ERR DUMP payload version or checksum are wrong');
export const BAD_DATA_FORMAT = new CommandError('ERR Bad data format');
export const RANK_ZERO = new CommandError("ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use negative to start from the end of the list");
export const COUNT_NEGATIVE = new CommandError("ERR COUNT can't be negative");
export const MAXLEN_NEGATIVE = new CommandError("ERR MAXLEN can't be negative");
export const COUNT_NOT_POSITIVE = new CommandError('ERR count should be greater than 0');

export const BIT_OFFSET = new CommandError('ERR bit offset is not an integer or out of range');
export const BIT_NOT_INTEGER = new CommandError('ERR bit is not an integer or out of range');
export const BITPOS_BIT = new CommandError('ERR The bit argument must be 1 or 0.');
export const BITOP_NOT_SOURCES = new CommandError('ERR BITOP NOT must be called with a single source key.');
export const BITFIELD_TYPE = new CommandError('ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.');
export const BITFIELD_OVERFLOW = new CommandError('ERR Invalid OVERFLOW type specified');
export const BITFIELD_RO_ONLY_GET = new CommandError('ERR BITFIELD_RO only supports the GET subcommand');
export const INVALID_STREAM_ID = new CommandError('ERR Invalid stream ID specified as stream command argument');
export const INVALID_START_ID = new CommandError('ERR invalid start ID for the interval');
export const INVALID_END_ID = new CommandError('ERR invalid end ID for the interval');
export const XADD_ZERO_ID = new CommandError('ERR The ID specified in XADD must be greater than 0-0');
export const XADD_SMALL_ID = new CommandError('ERR The ID specified in XADD is equal or smaller than the target stream top item');
export const XADD_EXHAUSTED = new CommandError('ERR The stream has exhausted the last possible ID, unable to add more items');
export const XADD_TOO_LARGE = new CommandError('ERR Elements are too large to be stored');
export const TRIM_STRATEGIES = new CommandError('ERR syntax error, MAXLEN and MINID options at the same time are not compatible');
export const TRIM_MAXLEN_NEGATIVE = new CommandError('ERR The MAXLEN argument must be >= 0.');
export const TRIM_LIMIT_NEGATIVE = new CommandError('ERR The LIMIT argument must be >= 0.');
export const TRIM_LIMIT_ALONE = new CommandError('ERR syntax error, LIMIT cannot be used without specifying a trimming strategy');
export const TRIM_LIMIT_EXACT = new CommandError('ERR syntax error, LIMIT cannot be used without the special ~ option');
export const TRIM_NO_STRATEGY = new CommandError('ERR syntax error, XTRIM must be called with a trimming strategy');
export const XSETID_BELOW_MAX_DELETED_GIVEN = new CommandError('ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id');
export const XSETID_BELOW_MAX_DELETED = new CommandError('ERR The ID specified in XSETID is smaller than current max_deleted_entry_id');
export const XSETID_BELOW_TOP = new CommandError('ERR The ID specified in XSETID is smaller than the target stream top item');
export const XSETID_ADDED_BELOW_LENGTH = new CommandError('ERR The entries_added specified in XSETID is smaller than the target stream length');
export const XSETID_ADDED_NEGATIVE = new CommandError('ERR entries_added must be positive');
export const XREAD_GROUP_OPTION = new CommandError('ERR The GROUP option is only supported by XREADGROUP. You called XREAD instead.');
export const XREAD_NOACK_OPTION = new CommandError('ERR The NOACK option is only supported by XREADGROUP. You called XREAD instead.');
export const XREAD_NEW_ID = new CommandError('ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> option.');
export const XREADGROUP_NO_GROUP = new CommandError('ERR Missing GROUP option for XREADGROUP');
export const XREADGROUP_LAST_ID = new CommandError('ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the history of this consumer by specifying a proper ID, or use the > ID to get new messages. The $ ID would just return an empty result set.');
export const XREADGROUP_TOP_ID = new CommandError('ERR The + ID is meaningless in the context of XREADGROUP: you want to read the history of this consumer by specifying a proper ID, or use the > ID to get new messages. The + ID would just return an empty result set.');
export const GROUP_EXISTS = new CommandError('BUSYGROUP Consumer Group name already exists');
export const GROUP_KEY_MISSING = new CommandError('ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM option to create an empty stream automatically.');
export const ENTRIESREAD_NEGATIVE = new CommandError('ERR value for ENTRIESREAD must be positive or -1');
export const XCLAIM_MIN_IDLE = new CommandError('ERR Invalid min-idle-time argument for XCLAIM');
export const XCLAIM_IDLE = new CommandError('ERR Invalid IDLE option argument for XCLAIM');
export const XCLAIM_TIME = new CommandError('ERR Invalid TIME option argument for XCLAIM');
export const XCLAIM_RETRYCOUNT = new CommandError('ERR Invalid RETRYCOUNT option argument for XCLAIM');
export const XAUTOCLAIM_MIN_IDLE = new CommandError('ERR Invalid min-idle-time argument for XAUTOCLAIM');
export const XAUTOCLAIM_COUNT = new CommandError('ERR COUNT must be > 0');
export const NOT_HYPERLOGLOG = new CommandError('WRONGTYPE Key is not a valid HyperLogLog string value.');
export const CORRUPTED_HYPERLOGLOG = new CommandError('INVALIDOBJ Corrupted HLL object detected');
export const PFDEBUG_NO_KEY = new CommandError('ERR The specified key does not exist');
export const PFDEBUG_NOT_SPARSE = new CommandError('ERR HLL encoding is not sparse');
export const UNSUPPORTED_UNIT = new CommandError('ERR unsupported unit provided. please use M, KM, FT, MI');
export const RADIUS_NOT_NUMERIC = new CommandError('ERR need numeric radius');
export const RADIUS_NEGATIVE = new CommandError('ERR radius cannot be negative');
export const BOX_NEGATIVE = new CommandError('ERR height or width cannot be negative');
export const POLYGON_VERTICES = new CommandError('ERR invalid number of vertices');
export const POLYGON_TOO_SMALL = new CommandError('ERR GEOSEARCH BYPOLYGON must have at least 3 vertices');
export const MEMBER_WITHOUT_PLACE = new CommandError('ERR could not decode requested zset member');
export const COUNT_MUST_BE_POSITIVE = new CommandError('ERR COUNT must be > 0');
export const ANY_WITHOUT_COUNT = new CommandError('ERR the ANY argument requires COUNT argument');
export const FIELDS_MISSING = new CommandError('ERR Mandatory argument FIELDS is missing or not at the right position');
export const FIELDS_NOT_POSITIVE = new CommandError('ERR Number of fields must be a positive integer');
export const NUMFIELDS_NOT_POSITIVE = new CommandError('ERR Parameter `numFields` should be greater than 0');
export const FIELDS_MISMATCH = new CommandError('ERR The `numfields` parameter must match the number of arguments');
export const FIELD_EXPIRE_NEGATIVE = new CommandError('ERR invalid expire time, must be >= 0');
export const INVALID_NUMKEYS = new CommandError('ERR invalid numkeys value');
export const KEY_VALUE_MISMATCH = new CommandError('ERR wrong number of key-value pairs');

export const INVALID_FIRST_DB = new CommandError('ERR invalid first DB index');
export const INVALID_SECOND_DB = new CommandError('ERR invalid second DB index');
export const NOT_INT32 = new CommandError('ERR value is out of range, value must between -2147483648 and 2147483647');
export const EXPIRE_NX_WITH_OTHERS = new CommandError('ERR NX and XX, GT or LT options at the same time are not compatible');
export const EXPIRE_GT_LT = new CommandError('ERR GT and LT options at the same time are not compatible');

/** That a stream or its group is missing, both given as latin1 strings. */
export function noSuchGroup(key: string, group: string, where = ''): CommandError {
  return new CommandError(`NOGROUP No such key '${key}' or consumer group '${group}'${where}`);
}

export function noSuchGroupForKey(key: string, group: string): CommandError {
  return new CommandError(`NOGROUP No such consumer group '${group}' for key name '${key}'`);
}

/** Of a container's subcommand whose arguments are none of its forms. */
export function badSubcommand(container: string, subcommand: string): CommandError {
  return new CommandError(`ERR unknown subcommand or wrong number of arguments for '${subcommand}'. Try ${container} HELP.`);
}

export function unsupportedOption(option: string): CommandError {
  return new CommandError(`ERR Unsupported option ${option}`);
}

export function unknownPfdebug(subcommand: string): CommandError {
  return new CommandError(`ERR Unknown PFDEBUG subcommand '${subcommand}'`);
}

export function boxNotNumeric(side: 'width' | 'height'): CommandError {
  return new CommandError(`ERR need numeric ${side}`);
}

/** @param command as the client wrote it. */
export function exactlyOneOf(options: string, command: string): CommandError {
  return new CommandError(`ERR exactly one of ${options} can be specified for ${command}`);
}

export function storeWithDetails(what: string): CommandError {
  return new CommandError(`ERR ${what} is not compatible with WITHDIST, WITHHASH and WITHCOORD options`);
}

export function invalidExpire(command: string): CommandError {
  return new CommandError(`ERR invalid expire time in '${command}' command`);
}

export function noInputKey(command: string): CommandError {
  return new CommandError(`ERR at least 1 input key is needed for '${command}' command`);
}

export function wrongArity(command: string): CommandError {
  return new CommandError(`ERR wrong number of arguments for '${command}' command`);
}
