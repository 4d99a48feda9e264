/** Everything that is in the databases, read by commands, to compare what replies alone would not have shown. */
import { RespError, type RespValue } from '../../src/protocol/resp-reader.ts';
import { canonical } from './comparison.ts';
import type { Command } from './generator.ts';
import type { Session } from './server-pair.ts';

/** Databases that the generated commands use. */
const DATABASES = ['0', '1', '2'];

const READ: Readonly<Record<string, (key: string) => Command>> = {
  string: (key) => ['GET', key],
  list: (key) => ['LRANGE', key, '0', '-1'],
  set: (key) => ['SORT', key, 'ALPHA'],
  zset: (key) => ['ZRANGE', key, '0', '-1', 'WITHSCORES'],
  hash: (key) => ['HGETALL', key],
  stream: (key) => ['XRANGE', key, '-', '+'],
};

export interface ContentDifference {
  readonly db: string;
  readonly key: string;
  readonly redis: string;
  readonly holdfast: string;
}

/** Keys whose type, content or having a time to live differ. Leaves the session in database 0. */
export async function compareContents(session: Session): Promise<ContentDifference[]> {
  const [theirs, ours] = await session.both([['DEBUG', 'DIGEST']]);
  if (!(ours[0] instanceof RespError) && canonical(ours[0]!) === canonical(theirs[0]!)) return [];
  const differences: ContentDifference[] = [];
  let hasSignedZero = false;
  for (const db of DATABASES) {
    const [redisKeys, holdfastKeys] = (await session.both([['SELECT', db], ['KEYS', '*']])).map((replies) => replies[1] as string[]) as [string[], string[]];
    for (const key of new Set([...redisKeys, ...holdfastKeys])) {
      const { redis, holdfast, signedZero } = await read(session, key);
      hasSignedZero ||= signedZero;
      if (redis !== holdfast) differences.push({ db, key, redis, holdfast });
    }
  }
  await session.both([['SELECT', '0']]);
  if (differences.length === 0 && !hasSignedZero && !(ours[0] instanceof RespError)) {
    differences.push({ db: '', key: 'DEBUG DIGEST alone', redis: canonical(theirs[0]!), holdfast: canonical(ours[0]!) });
  }
  return differences;
}

interface Content {
  readonly redis: string;
  readonly holdfast: string;
  /** Whether redis-server has a score of -0, which is 0 here: it shows in the digest. */
  readonly signedZero: boolean;
}

async function read(session: Session, key: string): Promise<Content> {
  const [types] = await session.both([['TYPE', key]]);
  const type = canonical(types[0]!).slice(1);
  const command = READ[type] ?? ((name: string): Command => ['DUMP', name]);
  const replies = await session.both([['TYPE', key], command(key), ['EXPIRETIME', key], ['DEBUG', 'DIGEST-VALUE', key]]);
  const theirs = replies[0][1]!;
  const signedZero = type === 'zset' && Array.isArray(theirs) && theirs.some((item, i) => i % 2 === 1 && item === '-0');
  const [redis, holdfast] = replies.map(([was, content, expires, digest]) => (
    `${canonical(was!)} ${text(type, content!)} ${expires === -1 ? 'stays' : 'expires'} ${digest instanceof RespError || signedZero ? '' : canonical(digest!)}`
  ));
  return { redis: redis!, holdfast: holdfast!, signedZero };
}

function text(type: string, content: RespValue): string {
  if (!Array.isArray(content)) return canonical(content);
  // redis-server 7.0 writes a score with seventeen digits.
  if (type === 'zset') return content.map((item, i) => (i % 2 === 0 || !Number.isFinite(Number(item)) ? canonical(item) : String(Number(item) + 0))).join(' ');
  // Among strings that are the same up to a NUL redis-server's SORT has no order.
  if (type === 'set') return content.map(canonical).sort().join(' ');
  if (type !== 'hash') return canonical(content);
  return content.map((field, i) => (i % 2 === 0 ? `${canonical(field)}: ${canonical(content[i + 1]!)}` : '')).sort().join(' ');
}
