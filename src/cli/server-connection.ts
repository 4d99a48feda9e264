/** One connection of the command line tool to a node: a question, its answer, and so on. Holds no retries: the operator has them. */
import { connect, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectSecurely } from 'node:tls';
import { RespError, RespMap, RespReader, type RespValue, toPlain } from '../protocol/resp-reader.ts';
import { OperationalError } from '../shared/errors.ts';

export interface ServerAddress {
  readonly host: string;
  readonly port: number;
  /** '' for the default user. */
  readonly user: string;
  /** '' for none. */
  readonly password: string;
  /** Null: without TLS. */
  readonly tls: ConnectionOptions | null;
}

/** Longer than any operation takes on the server. */
const ANSWER_TIMEOUT_MS = 45_000;

/**
 * Text as people wrote it: what stands in replies is bytes, and the bytes are UTF-8. Maps become objects.
 */
function textOf(value: RespValue): unknown {
  if (value instanceof RespMap) return Object.fromEntries(value.pairs.map(([key, item]) => [String(textOf(key)), textOf(item)]));
  if (Array.isArray(value)) return value.map(textOf);
  const plain = toPlain(value);
  return typeof plain === 'string' ? Buffer.from(plain, 'latin1').toString() : plain;
}

function gone(): OperationalError {
  return new OperationalError('SERVER_GONE', 'the server closed the connection: whether it did what it was asked is not known');
}

interface Waiting {
  readonly resolve: (value: RespValue) => void;
  readonly reject: (error: Error) => void;
}

export class ServerConnection {
  readonly #socket: Socket;
  readonly #reader = new RespReader();
  #waiting: Waiting | null = null;

  /**
   * @param answerTimeoutMs 0: an answer may take as long as it will
   * @throws OperationalError SERVER_UNREACHABLE, or SERVER_REFUSED for a wrong password
   */
  static async open({ host, port, user, password, tls }: ServerAddress, answerTimeoutMs = ANSWER_TIMEOUT_MS): Promise<ServerConnection> {
    const socket = tls === null ? connect({ host, port }) : connectSecurely({ ...tls, host, port });
    await new Promise<void>((resolve, reject) => {
      let isReached = false;
      socket.once('connect', () => { isReached = true; });
      socket.once(tls === null ? 'connect' : 'secureConnect', resolve);
      socket.once('error', (error: NodeJS.ErrnoException) => {
        const why = isReached ? `TLS with ${host}:${port} failed: ${error.message}` : `no server answers at ${host}:${port} (${error.code ?? error.message})`;
        reject(new OperationalError('SERVER_UNREACHABLE', why, error));
      });
    });
    const connection = new ServerConnection(socket, answerTimeoutMs);
    try {
      if (password !== '') await connection.send(...(user === '' ? ['AUTH', password] : ['AUTH', user, password]));
      await connection.send('HELLO', '3');
    } catch (error) {
      connection.close();
      throw error;
    }
    return connection;
  }

  private constructor(socket: Socket, answerTimeoutMs: number) {
    this.#socket = socket;
    socket.on('data', (bytes) => {
      this.#reader.push(bytes);
      const value = this.#reader.next();
      if (value !== undefined) this.#settle((waiting) => waiting.resolve(value));
    });
    const lost = (): void => this.#settle((waiting) => waiting.reject(gone()));
    socket.on('error', lost);
    socket.on('close', lost);
    socket.setTimeout(answerTimeoutMs, () => socket.destroy());
  }

  /** @throws OperationalError SERVER_REFUSED with the text of an error reply, SERVER_GONE */
  async send(...args: readonly string[]): Promise<unknown> {
    const parts = args.map((arg) => `$${Buffer.byteLength(arg)}\r\n${arg}\r\n`);
    const value = await new Promise<RespValue>((resolve, reject) => {
      if (this.#socket.destroyed) {
        reject(gone());
        return;
      }
      this.#waiting = { resolve, reject };
      this.#socket.write(`*${args.length}\r\n${parts.join('')}`);
    });
    if (value instanceof RespError) throw new OperationalError('SERVER_REFUSED', value.message.replace(/^ERR /, ''));
    return textOf(value);
  }

  close(): void {
    this.#socket.destroy();
  }

  #settle(how: (waiting: Waiting) => void): void {
    const waiting = this.#waiting;
    this.#waiting = null;
    if (waiting !== null) how(waiting);
  }
}
