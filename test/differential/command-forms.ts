/** The commands that are generated: how often, relative to each other, and in which forms. A new command is a line here. */
import { MAKERS } from './arguments.ts';
import { Form } from './grammar.ts';

const FORMS: readonly (readonly [number, string])[] = [
  // Strings
  [12, 'SET <str> <value> {NX | XX | GET | KEEPTTL | EX <seconds-any> | PX <ms-any> | EXAT <stamp-far> | PXAT <stamp-ms-far>}'],
  [10, 'GET <str>'], [2, 'SETNX <str> <value>'], [1, 'SETEX <str> <seconds-any> <value>'], [1, 'PSETEX <str> <ms-any> <value>'], [2, 'GETSET <str> <value>'],
  [2, 'GETDEL <str>'], [3, 'GETEX <str> {EX <seconds-any> | PX <ms-any> | EXAT <stamp-any> | PXAT <stamp-ms-any> | PERSIST}'], [2, 'STRLEN <str>'],
  [5, 'APPEND <str> <value>'], [3, 'SETRANGE <str> <offset> <value>'], [3, 'GETRANGE <str> <index> <index>'], [1, 'SUBSTR <str> <index> <index>'],
  [3, 'MGET <str>+ <key>'], [3, '(MSET | MSETNX) (<str> <value>)+'], [4, '(INCR | DECR) <str>'], [4, '(INCRBY | DECRBY) <str> <int>'],
  [4, 'INCRBYFLOAT <str> <float>'], [1, 'LCS <str> <str> {LEN | IDX | MINMATCHLEN <count> | WITHMATCHLEN}'],
  // Bits
  [4, 'SETBIT <bits> <offset> <bit>'], [2, 'GETBIT <bits> <offset>'], [3, 'BITCOUNT <bits> [<index> <index> [(BYTE | BIT)]]'],
  [3, 'BITPOS <bits> <bit> [<index> [<index> [(BYTE | BIT)]]]'], [2, 'BITOP (AND | OR | XOR | NOT) <bits> <bits>+'],
  [3, 'BITFIELD <bits> {GET <bit-type> <bit-offset> | SET <bit-type> <bit-offset> <int> | INCRBY <bit-type> <bit-offset> <int> | OVERFLOW (WRAP | SAT | FAIL)}'],
  [1, 'BITFIELD_RO <bits> (GET <bit-type> <bit-offset>)+'],
  // Hashes
  [10, 'HSET <hash> (<field> <value>)+'], [1, 'HSET <hash> <many-fields>'], [2, 'HMSET <hash> (<field> <value>)+'], [2, 'HSETNX <hash> <field> <value>'],
  [5, 'HGET <hash> <field>'], [3, 'HMGET <hash> <field>+'], [4, 'HGETALL <hash>'], [2, '(HKEYS | HVALS | HLEN) <hash>'], [4, 'HDEL <hash> <field>+'],
  [2, '(HEXISTS | HSTRLEN) <hash> <field>'], [4, 'HINCRBY <hash> <field> <int>'], [3, 'HINCRBYFLOAT <hash> <field> <float>'],
  [2, 'HRANDFIELD <hash> [<any-count> [WITHVALUES]]'], [2, 'HSCAN <hash> 0 COUNT 100000 [MATCH <pattern>]'],
  // Sets
  [10, 'SADD <set> <member>+'], [1, 'SADD <set> <many-members>'], [5, 'SREM <set> <member>+'], [3, 'SISMEMBER <set> <member>'], [2, 'SMISMEMBER <set> <member>+'],
  [4, '(SMEMBERS | SCARD) <set>'], [3, 'SMOVE <set> <set> <member>'], [2, 'SRANDMEMBER <set> [<any-count>]'], [2, 'SPOP <set> [<count>]'],
  [4, '(SINTER | SUNION | SDIFF) <set>+'], [3, '(SINTERSTORE | SUNIONSTORE | SDIFFSTORE) <set> <set>+'], [2, 'SINTERCARD <sets> [LIMIT <count>]'],
  [2, 'SSCAN <set> 0 COUNT 100000 [MATCH <pattern>]'],
  // Lists
  [10, '(LPUSH | RPUSH) <list> <element>+'], [1, 'RPUSH <list> <many-members>'], [2, '(LPUSHX | RPUSHX) <list> <element>+'], [6, '(LPOP | RPOP) <list> [<count>]'],
  [2, 'LLEN <list>'], [5, 'LRANGE <list> <index> <index>'], [2, 'LINDEX <list> <index>'], [3, 'LSET <list> <index> <element>'],
  [3, 'LINSERT <list> (BEFORE | AFTER) <member> <element>'], [3, 'LREM <list> <index> <member>'], [2, 'LTRIM <list> <index> <index>'],
  [2, 'LPOS <list> <member> {RANK <index> | COUNT <count> | MAXLEN <count>}'], [2, 'RPOPLPUSH <list> <list>'], [3, 'LMOVE <list> <list> (LEFT | RIGHT) (LEFT | RIGHT)'],
  [2, 'LMPOP <lists> (LEFT | RIGHT) [COUNT <count>]'], [0.3, '(BLPOP | BRPOP) <list>+ 0.01'], [0.2, 'BLMOVE <list> <list> (LEFT | RIGHT) (LEFT | RIGHT) 0.01'], [0.2, 'BRPOPLPUSH <list> <list> 0.01'],
  [0.2, 'BLMPOP 0.01 <lists> (LEFT | RIGHT) [COUNT <count>]'],
  // Sorted sets
  [10, 'ZADD <zset> {NX | XX | GT | LT | CH} (<score> <member>)+'], [1, 'ZADD <zset> <many-scores>'], [2, 'ZADD <zset> {XX | CH} INCR <score> <member>'],
  [4, 'ZINCRBY <zset> <score> <member>'], [4, 'ZREM <zset> <member>+'], [2, 'ZCARD <zset>'], [3, 'ZSCORE <zset> <member>'], [2, 'ZMSCORE <zset> <member>+'],
  [3, '(ZRANK | ZREVRANK) <zset> <member>'], [2, 'ZCOUNT <zset> <score-bound> <score-bound>'],
  [5, 'ZRANGE <zset> <index> <index> {REV | WITHSCORES | LIMIT <index> <index>}'], [3, 'ZRANGE <zset> <score-bound> <score-bound> BYSCORE {REV | WITHSCORES | LIMIT <index> <index>}'],
  [2, 'ZREVRANGE <zset> <index> <index> [WITHSCORES]'],
  [2, '(ZRANGEBYSCORE | ZREVRANGEBYSCORE) <zset> <score-bound> <score-bound> {WITHSCORES | LIMIT <index> <index>}'],
  [2, 'ZREMRANGEBYSCORE <zset> <score-bound> <score-bound>'],
  [2, 'ZREMRANGEBYRANK <zset> <index> <index>'], [2, '(ZPOPMIN | ZPOPMAX) <zset> [<count>]'],
  [1, 'ZRANDMEMBER <zset> [<any-count> [WITHSCORES]]'], [3, '(ZUNION | ZINTER) <zsets> {WEIGHTS <weight> <weight> | AGGREGATE (SUM | MIN | MAX) | WITHSCORES}'],
  [2, '(ZUNIONSTORE | ZINTERSTORE) <zset> <zsets> {WEIGHTS <weight> | AGGREGATE (SUM | MIN | MAX)}'], [2, 'ZDIFF <zsets> [WITHSCORES]'], [1, 'ZDIFFSTORE <zset> <zsets>'],
  [1, 'ZINTERCARD <zsets> [LIMIT <count>]'], [1, 'ZRANGESTORE <zset> <zset> <index> <index> [REV]'], [1, 'ZRANGESTORE <zset> <zset> <score-bound> <score-bound> BYSCORE'],
  [2, 'ZMPOP <zsets> (MIN | MAX) [COUNT <count>]'], [0.3, '(BZPOPMIN | BZPOPMAX) <zset>+ 0.01'], [0.2, 'BZMPOP 0.01 <zsets> (MIN | MAX) [COUNT <count>]'],
  [2, 'ZSCAN <zset> 0 COUNT 100000 [MATCH <pattern>]'], [0.5, 'ZINTERSTORE <zset> 2 <zset> <set>'], [0.5, 'ZUNION 2 <set> <zset> WITHSCORES'],
  // Sorted sets by member
  [4, 'ZADD <lex> {NX | XX | CH} (0 <member>)+'], [0.5, 'ZADD <lex> <many-zeros>'], [1, 'ZREM <lex> <member>+'], [2, 'ZLEXCOUNT <lex> <lex-bound> <lex-bound>'],
  [2, 'ZRANGE <lex> <lex-bound> <lex-bound> BYLEX {REV | LIMIT <index> <index>}'], [2, '(ZRANGEBYLEX | ZREVRANGEBYLEX) <lex> <lex-bound> <lex-bound> [LIMIT <index> <index>]'],
  [1, 'ZREMRANGEBYLEX <lex> <lex-bound> <lex-bound>'], [1, 'ZRANGESTORE <lex> <lex> <lex-bound> <lex-bound> BYLEX {REV | LIMIT <index> <index>}'],
  // Streams
  [7, 'XADD <stream> [NOMKSTREAM] [MAXLEN [=] <count>] (<id> | <open-id>) (<field> <value>)+'], [3, 'XADD <stream> <next-id> name <value> size <value>'],
  [1, 'XADD <stream> (MAXLEN | MINID) ~ <count> [LIMIT <count>] <id> <field> <value>'], [2, 'XLEN <stream>'],
  [3, '(XRANGE | XREVRANGE) <stream> <loose-id> <loose-id> [COUNT <count>]'], [1, 'XDEL <stream> <id>+'], [1, 'XTRIM <stream> (MAXLEN <count> | MINID <id>)'],
  [1, 'XTRIM <stream> (MAXLEN | MINID) ~ <count> [LIMIT <count>]'], [2, 'XREAD [COUNT <count>] STREAMS <stream> (<id> | $)'],
  [1, 'XREAD [COUNT <count>] [BLOCK 5] STREAMS <stream> <stream> <id> <id>'],
  [2, 'XGROUP CREATE <stream> <group> ($ | 0 | <id>) [MKSTREAM] [ENTRIESREAD <count>]'], [1, 'XGROUP SETID <stream> <group> ($ | <id>) [ENTRIESREAD <count>]'],
  [0.5, 'XGROUP (DESTROY <stream> <group> | DELCONSUMER <stream> <group> <consumer> | CREATECONSUMER <stream> <group> <consumer> | HELP)'],
  [4, 'XREADGROUP GROUP <group> <consumer> [COUNT <count>] [NOACK] STREAMS <stream> (> | <id>)'], [0.3, 'XREADGROUP GROUP <group> <consumer> BLOCK 5 STREAMS <stream> <stream> > >'],
  [2, 'XACK <stream> <group> <id>+'], [1, 'XPENDING <stream> <group>'], [2, 'XPENDING <stream> <group> [IDLE 0] <loose-id> <loose-id> <count> [<consumer>]'],
  [2, 'XCLAIM <stream> <group> <consumer> 0 <id>+ {JUSTID | FORCE | RETRYCOUNT <count> | LASTID <id> | IDLE 0}'],
  [2, 'XAUTOCLAIM <stream> <group> <consumer> 0 <loose-id> {COUNT <count> | JUSTID}'], [0.5, 'XSETID <stream> <next-id> {ENTRIESADDED 100}'],
  [2, 'XINFO (STREAM <stream> | GROUPS <stream> | CONSUMERS <stream> <group> | HELP)'],
  // HyperLogLog, geo. Not STOREDIST: the last digit of a distance is a matter of the C library.
  [3, 'PFADD <hll> <member>+'], [1, 'PFADD <hll> <many-members>'], [2, 'PFCOUNT <hll>+'], [1, 'PFMERGE <hll> <hll>+'], [0.3, 'PFDEBUG (ENCODING | DECODE) <hll>'],
  [3, 'GEOADD <geo> {NX | XX | CH} (<lon> <lat> <member>)+'], [1, 'GEOADD <geo> <many-places>'], [1, 'GEODIST <geo> <member> <member> [<unit>]'], [1, '(GEOPOS | GEOHASH) <geo> <member>+'],
  [2, 'GEOSEARCH <geo> (FROMMEMBER <member> | FROMLONLAT <lon> <lat>) (BYRADIUS <radius> <unit> | BYBOX <radius> <radius> <unit>) {ASC | DESC | COUNT <count> | COUNT <count> ANY | WITHCOORD | WITHDIST | WITHHASH}'],
  [1, 'GEOSEARCHSTORE <geo> <geo> (FROMMEMBER <member> | FROMLONLAT <lon> <lat>) (BYRADIUS <radius> <unit> | BYBOX <radius> <radius> <unit>) {ASC | DESC | COUNT <count>}'],
  [1, '(GEORADIUS | GEORADIUS_RO) <geo> <lon> <lat> <radius> <unit> {WITHDIST | WITHHASH | WITHCOORD | COUNT <count> | ASC | DESC}'],
  [1, '(GEORADIUSBYMEMBER | GEORADIUSBYMEMBER_RO) <geo> <member> <radius> <unit> {WITHDIST | COUNT <count> | ASC | DESC}'],
  [0.5, '(GEORADIUS <geo> <lon> <lat> | GEORADIUSBYMEMBER <geo> <member>) <radius> <unit> {STORE <geo> | COUNT <count> | ASC}'],
  // Any key
  [6, '(DEL | UNLINK | EXISTS | TOUCH) <key>+'], [4, 'TYPE <key>'], [2, '(RENAME | RENAMENX) <key> <key>'], [2, 'COPY <key> <key> {DB <good-db> | REPLACE}'],
  [1, 'MOVE <key> <db>'], [3, 'EXPIRE <key> <seconds-any> {NX | XX | GT | LT}'], [2, 'PEXPIRE <key> <ms-any> {NX | XX | GT | LT}'], [2, 'EXPIREAT <key> <stamp-any> {NX | XX | GT | LT}'],
  [2, 'PEXPIREAT <key> <stamp-ms-any> {NX | XX | GT | LT}'], [3, '(TTL | PTTL | EXPIRETIME | PEXPIRETIME) <key>'], [2, 'PERSIST <key>'], [2, 'OBJECT ENCODING <key>'],
  [2, '(RESTORE | RESTORE-ASKING) <key> (0 | 0 | <stamp-ms-far>) <payload> {REPLACE | ABSTTL | IDLETIME 10}'],
  [1, 'KEYS <pattern>'], [1, 'SCAN 0 COUNT 100000 {MATCH <pattern> | TYPE <type>}'], [1, 'DBSIZE'], [0.5, 'RANDOMKEY'], [0.1, '(FLUSHDB | FLUSHALL) [(ASYNC | SYNC | <value>)]'],
  [0.1, 'SWAPDB <db> <db>'], [1, 'SELECT <db>'], [2, 'SORT (<list> | <set> | <zset>) {ALPHA | DESC | ASC | LIMIT <index> <index> | BY str:* | GET # | GET str:*}'],
  [1, 'SORT <list> {ALPHA | DESC} STORE <list>'], [1, 'SORT_RO <list> {ALPHA | DESC | LIMIT <index> <index>}'],
  // Connection and transactions; MULTI ... EXEC are made as a whole by the generator
  [1, 'WATCH <key>+'], [0.5, 'UNWATCH'], [0.2, '(EXEC | DISCARD)'], [1, 'ECHO <value>'], [0.5, 'PING [<value>]'], [0.3, '(PUBLISH | SPUBLISH) channel <value>'], [0.3, 'NOSUCHCOMMAND <value>'],
  [0.3, 'PUBSUB (CHANNELS | NUMSUB <value> | NUMPAT | SHARDCHANNELS <pattern> | SHARDNUMSUB <value> | HELP)'], [0.2, 'AUTH <value>'],
  [0.3, 'CLIENT (GETNAME | SETNAME <member> | UNBLOCK 999999 | NO-EVICT ON | GETREDIR | REPLY ON | KILL ID 999999)'],
  // Scripts and functions
  [2, '(EVAL | EVAL_RO) <script> (0 | 1 <str> | 1 <str> <value> | 1 <key> <member>)'], [0.3, '(EVALSHA | EVALSHA_RO) <value> 1 <str>'],
  [0.5, 'EVALSHA d8f2fad9f8e86a53d2a6ebd960b33c4972cacc37 1 <str>'], [0.5, 'SCRIPT (LOAD <script> | EXISTS d8f2fad9f8e86a53d2a6ebd960b33c4972cacc37 <value> | FLUSH | FLUSH SYNC | KILL)'],
  [0.5, 'FUNCTION (LOAD <library> | LOAD REPLACE <library> | DELETE two | FLUSH | KILL | LIST LIBRARYNAME none)'], [1, '(FCALL | FCALL_RO) (f | g | none) (0 | 1 <str> <value> | 1 <list> <value>)'],
  // The server
  [0.2, 'CONFIG (GET set-max-intset-entries | GET list-compress-depth | SET nosuch <value> | SET zset-max-listpack-value -1 | RESETSTAT)'],
  [0.2, 'COMMAND (GETKEYS GET <key> | GETKEYS MSET <key> 1 <key> 2 | GETKEYS EVAL x 1 <key> | GETKEYSANDFLAGS LMOVE <key> <key> LEFT LEFT)'],
  [0.2, '(SLOWLOG (RESET | HELP) | LATENCY (RESET | HISTORY command | LATEST) | MODULE LIST | PFSELFTEST)'],
  [0.2, 'ACL (WHOAMI | USERS | CAT | DRYRUN default (GET | DEL) <key>)'],
  // Cluster mode, which is off
  [0.3, 'CLUSTER (INFO | SLOTS | SHARDS | NODES | MYID | HELP | RESET | FOO | (KEYSLOT | REPLICAS | SLOTS) <key>)'], [0.1, 'ASKING'],
];

export interface WeightedForm {
  readonly weight: number;
  readonly form: Form;
}

export const COMMAND_FORMS: readonly WeightedForm[] = FORMS.map(([weight, text]) => ({ weight, form: new Form(text, MAKERS) }));
