/**
 * Keyspace events beside a real redis-server: every form of a command, the same commands to both, and what their listeners hear of each.
 * DIFFERENTIAL_SEED chooses others.
 */
import { once } from 'node:events';
import net from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { RespReader, toPlain } from '../../src/protocol/resp-reader.ts';
import { SeededRandom } from '../protocol/seeded-random.ts';
import { ServerRig } from '../server/server-rig.ts';
import { TestClient } from '../support/holdfast-process.ts';
import { RedisProcess, redisServerMissing } from '../support/redis-process.ts';
import { COMMAND_FORMS, type WeightedForm } from './command-forms.ts';
import { type Command, Generator } from './generator.ts';
import { showCommand } from './server-pair.ts';

const SEED = Number(process.env['DIFFERENTIAL_SEED'] ?? 20411);
const TIMES_EACH = 25;
const GENERATED = 3000;
const FAULTS_MAX = 40;
const MARKER = 'that was all';

/** A server's client, and its listener to all keyspace events. */
class Side {
  readonly #client: TestClient;
  readonly #listener: net.Socket;
  readonly #reader = new RespReader();
  #heard: string[] = [];
  #onMarker: () => void = () => undefined;

  private constructor(client: TestClient, listener: net.Socket) {
    this.#client = client;
    this.#listener = listener;
    listener.on('data', (bytes) => {
      this.#reader.push(bytes);
      for (let reply = this.#reader.next(); reply !== undefined; reply = this.#reader.next()) {
        const [kind, , channel, message] = toPlain(reply) as string[];
        if (kind !== 'pmessage') continue;
        if (channel === MARKER) this.#onMarker();
        else this.#heard.push(`${channel} ${message}`);
      }
    });
  }

  static async open(port: number, classes: string): Promise<Side> {
    const client = await TestClient.connect(port);
    expect(await client.send('CONFIG', 'SET', 'notify-keyspace-events', classes)).toBe('+OK');
    const listener = net.connect(port, '127.0.0.1');
    listener.write('PSUBSCRIBE *\r\n');
    const side = new Side(client, listener);
    await once(listener, 'data');
    return side;
  }

  /** Sends commands (a whole transaction, if one); what the listener heard of them. */
  async eventsOf(commands: readonly Command[]): Promise<string[]> {
    this.#heard = [];
    const all = new Promise<void>((resolve) => { this.#onMarker = resolve; });
    for (const command of commands) void this.#client.send(...command);
    await this.#client.send('PUBLISH', MARKER, '');
    await all;
    return this.#heard;
  }

  close(): void {
    this.#client.close();
    this.#listener.destroy();
  }
}

interface IntendedDifference {
  readonly reason: string;
  readonly commands: readonly string[];
  /** What is left to be compared. */
  readonly kept: (events: readonly string[]) => readonly string[];
}

const without = (event: RegExp) => (events: readonly string[]): readonly string[] => events.filter((line) => !event.test(line));

const INTENDED: readonly IntendedDifference[] = [
  {
    reason: 'redis-server looks for the keys once to find out what the ids mean and once to read, and tells of a miss each time.',
    commands: ['XREAD', 'XREADGROUP'], kept: without(/keymiss/),
  },
  { reason: 'What is refused for its options has not looked for its key here.', commands: ['XAUTOCLAIM', 'XCLAIM'], kept: without(/keymiss/) },
  {
    reason: 'Since 7.2 a consumer is there once it has asked for something; in 7.0 not before it was given something.',
    commands: ['XREADGROUP', 'XCLAIM', 'XAUTOCLAIM', 'XGROUP'], kept: without(/xgroup-createconsumer/),
  },
  {
    reason: 'A set has no order in which its members must be looked up, and the first weight that is no number ends it here.',
    commands: ['SORT', 'SORT_RO'], kept: without(/keymiss/),
  },
];

/** The events that must be the same, as text. */
function compared(commands: readonly Command[], events: readonly string[]): string {
  const names = commands.map(([name]) => name!.toUpperCase());
  let kept = events;
  for (const difference of INTENDED) if (difference.commands.some((name) => names.includes(name))) kept = difference.kept(kept);
  return kept.join();
}

describe.skipIf(redisServerMissing)(`events of every form of a command, from seed ${SEED}`, () => {
  let redis: RedisProcess;
  let rig: ServerRig;
  let sides: [redis: Side, holdfast: Side];
  let known: Set<string>;
  beforeAll(async () => {
    redis = await RedisProcess.start();
    rig = await ServerRig.start();
    sides = [await Side.open(redis.port, 'KEAmn'), await Side.open(rig.server.port, 'KEAmn')];
    known = new Set([...rig.server.engine.table.commands()].map(({ name }) => name.toUpperCase()));
  });
  afterAll(async () => {
    for (const side of sides) side.close();
    await redis.stop();
    await rig.stop();
  });

  async function compare(commands: readonly Command[], faults: string[]): Promise<void> {
    const [theirs, ours] = await Promise.all(sides.map((side) => side.eventsOf(commands)));
    // Each server has chosen other members.
    const popped = commands.filter(([name]) => name!.toUpperCase() === 'SPOP').map((command) => ['DEL', command[1] ?? '']);
    await Promise.all(sides.map((side) => side.eventsOf(popped)));
    if (compared(commands, theirs!) === compared(commands, ours!)) return;
    faults.push(`${commands.map(showCommand).join('\n')}\n  redis:    ${theirs!.join(', ')}\n  holdfast: ${ours!.join(', ')}`);
  }

  test('are the same, in the same order', async () => {
    const random = new SeededRandom(SEED);
    const generator = new Generator(random, known);
    const faults: string[] = [];
    for (let n = 0; n < GENERATED && faults.length < FAULTS_MAX; n++) await compare(generator.unit(), faults);
    for (const { form } of COMMAND_FORMS as readonly WeightedForm[]) {
      for (let n = 0; n < TIMES_EACH && faults.length < FAULTS_MAX; n++) {
        const command = form.expand(random);
        if (known.has(command[0]!)) await compare([command], faults);
      }
    }
    expect(faults.join('\n')).toBe('');
  }, 300_000);
});
