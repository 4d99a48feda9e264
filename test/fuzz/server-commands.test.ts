/**
 * Every command of a whole server, those of connections, users, scripts and operators too, over sockets and in pipelines: as many replies as
 * commands, each well-formed; and the log's records make the data that the server has.
 */
import { once } from 'node:events';
import net from 'node:net';
import { test } from 'vitest';
import { type Command, Flag } from '../../src/engine/command.ts';
import { RespPush, RespReader, type RespValue } from '../../src/protocol/resp-reader.ts';
import { encodeCommand } from '../protocol/real-redis.ts';
import type { SeededRandom } from '../protocol/seeded-random.ts';
import { ScriptRig } from '../scripting/script-rig.ts';
import { ServerRig } from '../server/server-rig.ts';
import { ScriptedLog } from '../support/scripted-log.ts';
import { ENGINES_GROWTH_BYTES_MAX, FUZZ_CHECK, FUZZ_TIMEOUT_MS, campaign } from './campaign.ts';
import { CommandMaker, shown } from './command-maker.ts';
import { assertAgreement } from './data-agreement.ts';

const PIPELINES_PER_ROUND = 60;
const UNITS_PER_PIPELINE_MAX = 20;
const CLIENTS = 4;
/** No pipeline takes so long. */
const REPLY_MS_MAX = 20_000;

/**
 * Whose replies are none, several, late (for ever, even), or the last; what reaches for other servers or stops this one. Those of them that belong to a
 * connection are tried by clients who do not count (dying-clients.test.ts).
 */
const NOT_COUNTED = new Set([
  'subscribe', 'unsubscribe', 'psubscribe', 'punsubscribe', 'ssubscribe', 'sunsubscribe', 'monitor', 'quit', 'client|reply', 'client|kill', 'client|pause',
  'shutdown', 'failover', 'replicaof', 'slaveof', 'migrate', 'debug|sleep', 'config|set', 'config|rewrite', 'acl|save', 'acl|load',
  // These want a whole node.
  'save', 'bgsave', 'bgrewriteaof', 'lastsave',
]);

function isCounted({ name, flags }: Command): boolean {
  return !NOT_COUNTED.has(name) && (flags & Flag.blocking) === 0;
}

class CountingClient {
  readonly socket: net.Socket;
  readonly #reader = new RespReader();
  readonly #replies: RespValue[] = [];
  #failure: Error | null = null;
  #wake: () => void = () => undefined;

  private constructor(socket: net.Socket) {
    this.socket = socket;
    socket.on('data', (bytes) => {
      try {
        this.#reader.push(bytes);
        for (let value = this.#reader.next(); value !== undefined; value = this.#reader.next()) if (!(value instanceof RespPush)) this.#replies.push(value);
      } catch (error) {
        this.#failure = error as Error;
      }
      this.#wake();
    });
    socket.on('error', (error) => { this.#failure = error; });
    socket.on('close', () => {
      this.#failure ??= new Error('the connection was closed');
      this.#wake();
    });
  }

  static async connect(port: number): Promise<CountingClient> {
    const socket = net.connect(port, '127.0.0.1');
    await once(socket, 'connect');
    return new CountingClient(socket);
  }

  /** Sends commands at once; resolves with their replies. */
  async pipeline(commands: readonly (readonly string[])[]): Promise<RespValue[]> {
    this.socket.write(Buffer.from(commands.map((words) => encodeCommand(...words)).join(''), 'latin1'));
    const deadline = setTimeout(() => {
      this.#failure = new Error(`only ${this.#replies.length} replies to ${commands.length} commands came`);
      this.#wake();
    }, REPLY_MS_MAX);
    while (this.#replies.length < commands.length) {
      if (this.#failure !== null) throw this.#failure;
      await new Promise<void>((resolve) => { this.#wake = resolve; });
    }
    clearTimeout(deadline);
    return this.#replies.splice(0);
  }
}

async function round(random: SeededRandom): Promise<void> {
  const log = new ScriptedLog('at once');
  const rig = await ServerRig.on(log, '--enable-debug-command', 'yes', '--databases', '4');
  const clients: CountingClient[] = [];
  try {
    const { engine } = rig.server;
    const replica = new ScriptRig(random.below(1e6));
    let applied = 0;
    const follow = async (): Promise<void> => {
      // What has just expired is logged when the turn ends.
      while (engine.effectBytes > 0) await new Promise((resolve) => { setImmediate(resolve); });
      for (; applied < log.blocks.length; applied++) replica.engine.applyEffects(log.blocks[applied]!);
    };
    const maker = new CommandMaker(random, engine.table.commands(), () => rig.server.nowMs, isCounted);
    for (let n = 0; n < CLIENTS; n++) clients.push(await CountingClient.connect(rig.server.port));
    for (let n = 0; n < PIPELINES_PER_ROUND; n++) {
      const commands = Array.from({ length: 1 + random.below(UNITS_PER_PIPELINE_MAX) }, () => maker.unit()).flat();
      const end = ['ECHO', `end ${n}`];
      try {
        const replies = await random.pick(clients).pipeline([...commands, ['RESET'], end]);
        if (FUZZ_CHECK) {
          await follow();
          assertAgreement(engine, replica.engine, () => new ScriptRig(3).engine);
        }
        if (replies.length !== commands.length + 2 || replies.at(-1) !== end[1]) throw new Error(`${replies.length} replies to ${commands.length + 2} commands`);
      } catch (error) {
        throw new Error(`${(error as Error).message}, in the pipeline of ${shown(commands)}`, { cause: error });
      }
    }
    await follow();
    assertAgreement(engine, replica.engine, () => new ScriptRig(3).engine);
  } finally {
    for (const { socket } of clients) socket.destroy();
    await rig.stop();
  }
}

test('commands of the server', async () => {
  await campaign('server commands', 4, round, { buffersGrowthMax: ENGINES_GROWTH_BYTES_MAX });
}, FUZZ_TIMEOUT_MS);
