/** What is driven: the commands of redis-benchmark's own tests, with what has to be in the keyspace before each. */

export interface Workload {
  readonly name: string;
  /** Arguments; redis-benchmark puts a number below the keyspace's size for each __rand_int__. */
  readonly command: readonly string[];
  readonly readOnly: boolean;
  /** Run first, not measured; `requests` says how many. */
  readonly prepare?: { readonly command: readonly string[]; readonly requests: 'as many' | 'keyspace' | number };
  /** Whether a run leaves the keyspace so that the next needs a new one. */
  readonly consumes: boolean;
}

const KEY = 'key:__rand_int__';
const MEMBER = 'element:__rand_int__';

/** All workloads with values of `valueBytes`, by redis-benchmark's names. */
export function workloads(valueBytes: number): ReadonlyMap<string, Workload> {
  const value = 'x'.repeat(valueBytes);
  const fill = { command: ['SET', KEY, value], requests: 'keyspace' } as const;
  const tenKeys = Array.from({ length: 10 }, () => [KEY, value]).flat();
  const all: Workload[] = [
    { name: 'SET', command: ['SET', KEY, value], readOnly: false, consumes: false },
    { name: 'GET', command: ['GET', KEY], readOnly: true, prepare: fill, consumes: false },
    { name: 'INCR', command: ['INCR', 'counter:__rand_int__'], readOnly: false, consumes: false },
    { name: 'LPUSH', command: ['LPUSH', 'mylist', value], readOnly: false, consumes: true },
    { name: 'RPOP', command: ['RPOP', 'mylist'], readOnly: false, prepare: { command: ['LPUSH', 'mylist', value], requests: 'as many' }, consumes: true },
    { name: 'SADD', command: ['SADD', 'myset', MEMBER], readOnly: false, consumes: false },
    { name: 'HSET', command: ['HSET', 'myhash', MEMBER, value], readOnly: false, consumes: false },
    { name: 'ZADD', command: ['ZADD', 'myzset', '__rand_int__', MEMBER], readOnly: false, consumes: false },
    {
      name: 'LRANGE_100', command: ['LRANGE', 'mylist', '0', '99'], readOnly: true,
      prepare: { command: ['LPUSH', 'mylist', value], requests: 1000 }, consumes: false,
    },
    { name: 'MSET', command: ['MSET', ...tenKeys], readOnly: false, consumes: false },
  ];
  return new Map(all.map((workload) => [workload.name, workload]));
}
