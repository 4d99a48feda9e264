/**
 * CLIENT TRACKING beside a real redis-server: the same generated steps of several clients to both; replies and messages must be
 * the same for each client, in the same order. TRACKING_SEED chooses which, TRACKING_STEPS how many.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { HoldfastProcess } from '../support/holdfast-process.ts';
import { PushClient } from '../support/push-client.ts';
import { RedisProcess, redisServerMissing } from '../support/redis-process.ts';
import { SeededRandom } from '../support/seeded-random.ts';

const SEED = Number(process.env['TRACKING_SEED'] ?? 20261126);
const STEPS = Number(process.env['TRACKING_STEPS'] ?? 600);
const CLIENTS = 6;
/** This one only listens, in RESP2; messages of others are redirected to it. */
const EAR = CLIENTS - 1;

const KEYS = ['a', 'b', 'ab', 'user:1', 'user:2', 'x'];

/** A command. `$ear` stands for the id of the client that listens. */
function command(random: SeededRandom, tracking: boolean): string {
  const key = (): string => random.pick(KEYS);
  if (tracking) {
    return random.pick([
      'CLIENT TRACKING ON', 'CLIENT TRACKING ON NOLOOP', 'CLIENT TRACKING ON OPTIN', 'CLIENT TRACKING ON OPTOUT', 'CLIENT TRACKING ON BCAST', 'CLIENT TRACKING ON BCAST NOLOOP PREFIX a',
      'CLIENT TRACKING ON BCAST PREFIX user: PREFIX b', 'CLIENT TRACKING ON REDIRECT $ear', 'CLIENT TRACKING ON BCAST REDIRECT $ear PREFIX x', 'CLIENT TRACKING OFF', 'CLIENT TRACKING OFF',
      'CLIENT CACHING YES', 'CLIENT CACHING NO', 'CLIENT TRACKINGINFO', 'CLIENT TRACKING ON OPTIN OPTOUT', 'CLIENT TRACKING ON BCAST OPTIN', 'CLIENT TRACKING ON PREFIX a',
      'CLIENT TRACKING ON BCAST PREFIX us', 'CLIENT TRACKING ON REDIRECT $ear REDIRECT $ear', 'CLIENT TRACKING ON REDIRECT 99999999', 'HELLO 3', 'RESET', 'CLIENT CACHING MAYBE',
    ]);
  }
  return random.pick([
    `GET ${key()}`, `GET ${key()}`, `MGET ${key()} ${key()}`, `EXISTS ${key()}`, `STRLEN ${key()}`, `TTL ${key()}`, `GETRANGE ${key()} 0 1`, 'EVAL_RO return(redis.call("get",KEYS[1])) 1 a',
    `SET ${key()} ${random.below(9)}`, `SET ${key()} ${random.below(9)}`, `MSET ${key()} 1 ${key()} 2`, `DEL ${key()}`, `INCR ${key()}`, `APPEND ${key()} 1`, `EXPIRE ${key()} 1000`, `PERSIST ${key()}`,
    `RENAME ${key()} ${key()}`, `COPY ${key()} ${key()} REPLACE`, `GETDEL ${key()}`, `UNLINK ${key()} ${key()}`, `SETRANGE ${key()} 0 7`, `EVAL return(redis.call("set",KEYS[1],"5")) 1 ${key()}`,
    'MULTI', 'EXEC', 'EXEC', 'DISCARD', 'PING',
  ]);
}

class Side {
  readonly clients: PushClient[] = [];
  ear = 0;
  readonly #port: number;

  constructor(port: number) {
    this.#port = port;
  }

  async open(): Promise<void> {
    for (let i = 0; i < CLIENTS; i++) this.clients.push(await PushClient.connect(this.#port));
    this.ear = Number(await this.clients[EAR]!.line('CLIENT ID'));
    await this.clients[EAR]!.line('SUBSCRIBE __redis__:invalidate');
    for (const [i, client] of this.clients.entries()) {
      if (i !== EAR && i % 2 === 0) await client.line('HELLO 3');
    }
    // Holdfast forgets what was read when nobody tracks any more; Redis does not. Somebody always does.
    await this.clients[0]!.line('CLIENT TRACKING ON BCAST PREFIX never-there');
  }

  /** The reply, and what each client was told. */
  async step(client: number, line: string): Promise<string[]> {
    const reply = await this.clients[client]!.line(line.replaceAll('$ear', String(this.ear)));
    const out = [this.#show(reply)];
    // That all is gone is said once, where Redis says it after each of several flushes in one transaction.
    for (const each of this.clients) out.push(this.#show(await each.told()).replace(/(\["invalidate",null\]|\["message","__redis__:invalidate",null\])(,\1)+/g, '$1'));
    return out;
  }

  #show(value: unknown): string {
    return JSON.stringify(value, (_key, item: unknown) => (item instanceof Object && 'message' in item ? `-${String(item.message)}` : item))
      .replaceAll(`"redirect",${this.ear}`, '"redirect",$ear').replace(/"(version|id)",[^\]]*/g, '"$1"');
  }

  close(): void {
    for (const client of this.clients) client.close();
  }
}

describe.skipIf(redisServerMissing)(`${STEPS} steps of clients that track, from seed ${SEED}, beside redis-server`, () => {
  let redis: RedisProcess;
  let holdfast: HoldfastProcess;
  const sides: Side[] = [];

  beforeAll(async () => {
    redis = await RedisProcess.start();
    holdfast = await HoldfastProcess.start();
  });
  afterAll(async () => {
    for (const side of sides) side.close();
    await redis.stop();
    await holdfast.remove();
  });

  test('replies and messages are the same', async () => {
    const random = new SeededRandom(SEED);
    const [one, two] = [new Side(redis.port), new Side(holdfast.port)];
    sides.push(one, two);
    await one.open();
    await two.open();
    const history: string[] = [];
    let messages = 0;
    for (let n = 0; n < STEPS; n++) {
      const client = 1 + random.below(CLIENTS - 2);
      const steps = [command(random, random.chance(0.2))];
      // Redis declares caches empty for an empty database too.
      if (random.chance(0.02)) steps.push('SET a 1', random.pick(['FLUSHDB', 'FLUSHALL']));
      for (const line of steps) {
        history.push(`${client}: ${line}`);
        const [expected, got] = [await one.step(client, line), await two.step(client, line)];
        expect(got, `seed ${SEED}, step ${n}, the last steps:\n${history.slice(-30).join('\n')}`).toEqual(expected);
        messages += expected.slice(1).filter((told) => told !== '[]').length;
      }
    }
    expect(messages).toBeGreaterThan(STEPS / 20);
  });
});
