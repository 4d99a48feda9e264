/**
 * What is driven: the commands of redis-benchmark's own tests by its names, and some of each other data type, with what has to be in the
 * keyspace before each.
 */

export interface Workload {
  readonly name: string;
  /** Arguments; redis-benchmark puts a number below the keyspace's size for each __rand_int__. */
  readonly command: readonly string[];
  readonly readOnly: boolean;
  /** Run first, not measured; `requests` says how many. */
  readonly prepare?: undefined | { readonly command: readonly string[]; readonly requests: 'as many' | 'keyspace' | number };
  /** Whether a run leaves the keyspace so that the next needs a new one. */
  readonly consumes: boolean;
}

const KEY = 'key:__rand_int__';
const MEMBER = 'element:__rand_int__';

/** Measured where nothing else is asked for. */
export const CORE_TESTS = ['SET', 'GET', 'INCR', 'LPUSH', 'RPOP', 'SADD', 'HSET', 'ZADD', 'LRANGE_100', 'MSET'];

/** All workloads with values of `valueBytes`. */
export function workloads(valueBytes: number): ReadonlyMap<string, Workload> {
  const value = 'x'.repeat(valueBytes);
  const fill = { command: ['SET', KEY, value], requests: 'keyspace' } as const;
  const tenKeys = Array.from({ length: 10 }, () => [KEY, value]).flat();
  const write = (name: string, ...command: string[]): Workload => ({ name, command, readOnly: false, consumes: false });
  const read = (name: string, command: string[], prepare: Workload['prepare']): Workload => ({ name, command, readOnly: true, prepare, consumes: false });
  const pop = (name: string, command: string[], filling: string[]): Workload => ({
    name, command, readOnly: false, prepare: { command: filling, requests: 'as many' }, consumes: true,
  });
  const list = { command: ['LPUSH', 'mylist', value], requests: 1000 } as const;
  const range = (last: number): Workload => read(`LRANGE_${last + 1}`, ['LRANGE', 'mylist', '0', String(last)], list);
  const stream = { command: ['XADD', 'mystream', '*', 'field', value], requests: 1000 } as const;
  // The numbers are integers of twelve digits, zeros in front. About ten places are near the one that is looked for.
  const geo = { command: ['GEOADD', 'mygeo', '__rand_int__e-3', '__rand_int__e-4', MEMBER], requests: 'keyspace' } as const;
  const bits = { command: ['SETBIT', 'bits:__rand_int__', '1000', '1'], requests: 'keyspace' } as const;
  const counted = { command: ['PFADD', 'myhll', MEMBER], requests: 'keyspace' } as const;
  const all: Workload[] = [
    read('PING', ['PING'], undefined),
    write('SET', 'SET', KEY, value),
    read('GET', ['GET', KEY], fill),
    write('INCR', 'INCR', 'counter:__rand_int__'),
    { ...write('LPUSH', 'LPUSH', 'mylist', value), consumes: true },
    { ...write('RPUSH', 'RPUSH', 'mylist', value), consumes: true },
    pop('LPOP', ['LPOP', 'mylist'], ['LPUSH', 'mylist', value]),
    pop('RPOP', ['RPOP', 'mylist'], ['LPUSH', 'mylist', value]),
    write('SADD', 'SADD', 'myset', MEMBER),
    write('HSET', 'HSET', 'myhash', MEMBER, value),
    pop('SPOP', ['SPOP', 'myset'], ['SADD', 'myset', MEMBER]),
    write('ZADD', 'ZADD', 'myzset', '__rand_int__', MEMBER),
    pop('ZPOPMIN', ['ZPOPMIN', 'myzset'], ['ZADD', 'myzset', '__rand_int__', MEMBER]),
    range(99), range(299), range(499), range(599),
    write('MSET', 'MSET', ...tenKeys),
    { ...write('XADD', 'XADD', 'mystream', '*', 'field', value), consumes: true },
    read('XRANGE_10', ['XRANGE', 'mystream', '-', '+', 'COUNT', '10'], stream),
    read('XREAD_10', ['XREAD', 'COUNT', '10', 'STREAMS', 'mystream', '0'], stream),
    write('GEOADD', ...geo.command),
    read('GEODIST', ['GEODIST', 'mygeo', MEMBER, MEMBER], geo),
    read('GEOSEARCH', ['GEOSEARCH', 'mygeo', 'FROMLONLAT', '50', '5', 'BYRADIUS', '20', 'km', 'COUNT', '10', 'ANY'], geo),
    write('SETBIT', ...bits.command),
    read('GETBIT', ['GETBIT', 'bits:__rand_int__', '1000'], bits),
    read('BITCOUNT', ['BITCOUNT', 'bits:__rand_int__'], bits),
    write('BITFIELD', 'BITFIELD', 'bits:__rand_int__', 'INCRBY', 'u8', '#100', '1'),
    write('PFADD', 'PFADD', 'myhll', MEMBER),
    read('PFCOUNT', ['PFCOUNT', 'myhll'], counted),
  ];
  return new Map(all.map((workload) => [workload.name, workload]));
}
