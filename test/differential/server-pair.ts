/** A redis-server and a Holdfast that get the same commands on the same kinds of connection, and the comparison of what they answer. */
import { once } from 'node:events';
import net from 'node:net';
import { RespError, RespReader, RespStatus, type RespValue, toPlain } from '../../src/protocol/resp-reader.ts';
import { HoldfastProcess } from '../support/holdfast-process.ts';
import { RedisProcess } from '../support/redis-process.ts';
import { canonical, chosen, sameReply } from './comparison.ts';
import type { Command } from './generator.ts';
import { intended } from './intended-differences.ts';

export interface Difference {
  /** Place of the command among those that were run. */
  readonly at: number;
  readonly command: Command;
  readonly redis: string;
  readonly holdfast: string;
}

const ANSWER_WITHIN_MS = 20_000;

/** One connection to one server: sends commands as one write and gathers the replies. */
class Connection {
  readonly #socket: net.Socket;
  readonly #reader = new RespReader();
  readonly #name: string;
  #replies: RespValue[] = [];
  #wanted = 0;
  #done: () => void = () => undefined;
  #failed: (error: Error) => void = () => undefined;

  private constructor(name: string, socket: net.Socket) {
    this.#name = name;
    this.#socket = socket;
    socket.on('data', (bytes) => {
      this.#reader.push(bytes);
      for (let reply = this.#reader.next(); reply !== undefined; reply = this.#reader.next()) this.#replies.push(reply);
      if (this.#replies.length >= this.#wanted) this.#done();
    });
    socket.on('error', () => undefined);
    socket.on('close', () => this.#failed(new Error(`${this.#name} closed the connection`)));
  }

  static async open(name: string, port: number): Promise<Connection> {
    const socket = net.connect(port, '127.0.0.1');
    await once(socket, 'connect');
    return new Connection(name, socket);
  }

  /** Replies to all commands. @throws Error naming the first command that was left without one. */
  async exchange(commands: readonly Command[]): Promise<RespValue[]> {
    this.#replies = [];
    this.#wanted = commands.length;
    const answered = new Promise<void>((resolve, reject) => {
      this.#done = resolve;
      this.#failed = reject;
    });
    const timer = setTimeout(() => this.#failed(new Error(`${this.#name} did not answer in time`)), ANSWER_WITHIN_MS);
    this.#socket.write(commands.map((words) => `*${words.length}\r\n${words.map((word) => `$${word.length}\r\n${word}\r\n`).join('')}`).join(''), 'latin1');
    try {
      await answered;
    } catch (error) {
      throw new Error(`${(error as Error).message}; unanswered: ${showCommand(commands[this.#replies.length] ?? [])}`, { cause: error });
    } finally {
      clearTimeout(timer);
    }
    return this.#replies;
  }

  close(): void {
    this.#socket.destroy();
  }
}

/** A command as one line for people. */
export function showCommand(command: Command): string {
  return command.map((word) => (/^[\x21-\x7e]{1,60}$/.test(word) && !/["\\]/.test(word) ? word : JSON.stringify(word))).join(' ');
}

/** Two connections that are used alike, and what is queued in their transaction. */
export class Session {
  readonly name: string;
  readonly #redis: Connection;
  readonly #holdfast: Connection;
  #queued: Command[] = [];

  constructor(name: string, redis: Connection, holdfast: Connection) {
    this.name = name;
    this.#redis = redis;
    this.#holdfast = holdfast;
  }

  /** Replies of both, without a comparison. */
  async both(commands: readonly Command[]): Promise<[redis: RespValue[], holdfast: RespValue[]]> {
    return Promise.all([this.#redis.exchange(commands), this.#holdfast.exchange(commands)]);
  }

  /** Runs commands on both; returns the replies that differ and are not meant to. */
  async run(commands: readonly Command[]): Promise<Difference[]> {
    const differences: Difference[] = [];
    for (let from = 0; from < commands.length;) {
      let to = from;
      while (to < commands.length && !isPop(commands[to]!)) to++;
      if (to > from) {
        const batch = commands.slice(from, to);
        const [redis, holdfast] = await this.both(batch);
        for (const [i, command] of batch.entries()) this.#compare(from + i, command, redis[i]!, holdfast[i]!, differences);
      }
      if (to < commands.length) await this.#pop(to, commands[to]!, differences);
      from = to + 1;
    }
    return differences;
  }

  #compare(at: number, command: Command, redis: RespValue, holdfast: RespValue, differences: Difference[]): void {
    const name = command[0]!.toUpperCase();
    if (redis instanceof RespStatus && redis.text === 'QUEUED') this.#queued.push(command);
    const queued = this.#queued;
    if (name === 'EXEC' || name === 'DISCARD' || (name === 'MULTI' && redis instanceof RespStatus)) this.#queued = [];
    if (name === 'EXEC' && Array.isArray(redis) && Array.isArray(holdfast) && redis.length === holdfast.length && redis.length === queued.length) {
      for (const [i, inner] of queued.entries()) this.#compare(at, inner, redis[i]!, holdfast[i]!, differences);
      return;
    }
    if (sameReply(command, redis, holdfast) || intended(command, redis, holdfast) !== null) return;
    differences.push({ at, command, redis: canonical(redis), holdfast: canonical(holdfast) });
  }

  /** SPOP chooses at random: each server's choice must have been in the set, and is then taken from the other's as well. */
  async #pop(at: number, command: Command, differences: Difference[]): Promise<void> {
    const key = command[1]!;
    const [before] = await this.both([['SMEMBERS', key]]);
    const members = before[0] instanceof RespError ? [] : (toPlain(before[0]!) as string[]);
    const [redis, holdfast] = await this.both([command]);
    this.#compare(at, command, redis[0]!, holdfast[0]!, differences);
    const ours = chosen(holdfast[0]!);
    const strangers = ours.filter((member) => !members.includes(member));
    if (strangers.length > 0) differences.push({ at, command, redis: 'a choice of the members', holdfast: `not members: ${strangers.map((member) => JSON.stringify(member)).join()}` });
    const gone = [...new Set([...ours, ...chosen(redis[0]!)])];
    // Written anew, the set has the encoding of its members, not of the way that the choice took.
    if (gone.length > 0) await this.both([['SREM', key, ...gone], ['SUNIONSTORE', key, key]]);
  }

  /** Out of any transaction, nothing watched, database 0. */
  async reset(): Promise<void> {
    await this.both([['DISCARD'], ['UNWATCH'], ['SELECT', '0']]);
    this.#queued = [];
  }

  close(): void {
    this.#redis.close();
    this.#holdfast.close();
  }
}

function isPop(command: Command): boolean {
  return command[0]!.toUpperCase() === 'SPOP' && command.length > 1;
}

export class ServerPair {
  readonly sessions: readonly Session[];
  /** Commands in upper case that both servers have. */
  readonly commands: ReadonlySet<string>;
  readonly #redis: RedisProcess;
  readonly #holdfast: HoldfastProcess;

  private constructor(redis: RedisProcess, holdfast: HoldfastProcess, sessions: Session[], commands: Set<string>) {
    this.#redis = redis;
    this.#holdfast = holdfast;
    this.sessions = sessions;
    this.commands = commands;
  }

  /** Both servers with a session for each of RESP2 and RESP3. */
  static async start(): Promise<ServerPair> {
    // Which commands are slow is a matter of chance.
    const alike = ['--slowlog-log-slower-than', '-1'];
    const redis = await RedisProcess.start('--enable-debug-command', 'yes', ...alike);
    const holdfast = await HoldfastProcess.start(...alike);
    const sessions: Session[] = [];
    for (const version of ['2', '3']) {
      const session = new Session(`RESP${version}`, await Connection.open('redis-server', redis.port), await Connection.open('Holdfast', holdfast.port));
      await session.both([['HELLO', version]]);
      sessions.push(session);
    }
    const [theirs, ours] = await sessions[0]!.both([['COMMAND', 'LIST']]);
    const known = new Set(toPlain(ours[0]!) as string[]);
    const commands = (toPlain(theirs[0]!) as string[]).filter((name) => known.has(name)).map((name) => name.toUpperCase());
    return new ServerPair(redis, holdfast, sessions, new Set(commands));
  }

  /** Both servers empty, all sessions as new. */
  async reset(): Promise<void> {
    for (const session of this.sessions) await session.reset();
    await this.sessions[0]!.both([['FLUSHALL']]);
  }

  /** What Holdfast printed, for the report of a crash. */
  get output(): string {
    return this.#holdfast.output;
  }

  async stop(): Promise<void> {
    for (const session of this.sessions) session.close();
    await this.#redis.stop();
    await this.#holdfast.remove();
  }
}
