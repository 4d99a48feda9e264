/**
 * A replica's connection to the Redis that data is imported from: what a replica says to begin (PING, AUTH, REPLCONF, PSYNC),
 * and then bytes, as they are asked for. Knows nothing of what the bytes mean.
 */
import { once } from 'node:events';
import net from 'node:net';
import tls from 'node:tls';
import { OperationalError } from '../../shared/errors.ts';

export interface SourceAddress {
  readonly host: string;
  readonly port: number;
}

export interface LinkOptions extends SourceAddress {
  /** '' for the default user; used with a password only. */
  readonly user: string;
  readonly password: string;
  /** What the source is told of this node. */
  readonly listeningPort: number;
  /** Without a byte for so long the link is given up. */
  readonly timeoutMs: number;
  /** Null: without TLS. */
  readonly tls: tls.SecureContextOptions | null;
}

/** What PSYNC came to. */
export type SyncAnswer =
  | { readonly kind: 'full'; readonly streamId: string; readonly offset: number }
  /** `streamId` is '' if it stays what it was. */
  | { readonly kind: 'continue'; readonly streamId: string };

/** More is left to the kernel, and so to the source, until what is here has been taken. */
const QUEUED_BYTES_MAX = 1024 * 1024;
const LINE_BYTES_MAX = 4096;
const LF = 10;

export class SourceLink {
  /** When the last byte came. */
  lastReadMs = Date.now();
  bytesIn = 0;
  readonly #socket: net.Socket;
  #chunks: Buffer[] = [];
  #queuedBytes = 0;
  #ended: OperationalError | null = null;
  #wake: () => void = () => undefined;

  private constructor(socket: net.Socket) {
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.lastReadMs = Date.now();
      this.bytesIn += chunk.length;
      this.#chunks.push(chunk);
      this.#queuedBytes += chunk.length;
      if (this.#queuedBytes > QUEUED_BYTES_MAX) socket.pause();
      this.#wake();
    });
    const ended = (why: string) => (): void => this.#end(new OperationalError('SOURCE_GONE', why));
    socket.on('error', (error: Error) => this.#end(new OperationalError('SOURCE_GONE', `the connection to the source broke: ${error.message}`, error)));
    socket.on('close', ended('the source closed the connection'));
    socket.on('timeout', ended('the source is silent'));
  }

  /**
   * Connects and introduces itself.
   * @throws OperationalError SOURCE_UNREACHABLE, SOURCE_REFUSED (it wants a password, or another; its certificate is not accepted), SOURCE_UNKNOWN (what answers is no Redis), SOURCE_GONE
   */
  static async open(options: LinkOptions, stop: AbortSignal): Promise<SourceLink> {
    const { host, port, timeoutMs } = options;
    // Whether the certificate is good is looked at below; in whose name it is does not matter, as between Redis and its replicas.
    const socket = options.tls === null ? net.connect({ host, port, noDelay: true }) : tls.connect({ ...options.tls, host, port, rejectUnauthorized: false });
    socket.setNoDelay(true);
    const abort = (): void => { socket.destroy(); };
    stop.addEventListener('abort', abort, { once: true });
    socket.once('close', () => stop.removeEventListener('abort', abort));
    socket.setTimeout(timeoutMs);
    try {
      await Promise.race([once(socket, options.tls === null ? 'connect' : 'secureConnect'), once(socket, 'timeout').then(() => { throw new Error('time-out'); })]);
    } catch (error) {
      socket.destroy();
      throw new OperationalError('SOURCE_UNREACHABLE', `no server answers at ${host}:${port}: ${(error as Error).message}`, error as Error);
    }
    if (socket instanceof tls.TLSSocket && !socket.authorized) {
      socket.destroy();
      throw new OperationalError('SOURCE_REFUSED', `the source's certificate is refused: ${socket.authorizationError?.message ?? String(socket.authorizationError)}`);
    }
    const link = new SourceLink(socket);
    try {
      await link.#introduce(options);
    } catch (error) {
      link.close();
      throw error;
    }
    return link;
  }

  async #introduce({ user, password, listeningPort }: LinkOptions): Promise<void> {
    const pong = await this.ask('PING');
    if (!pong.startsWith('+') && !/^-(NOAUTH|NOPERM|ERR operation not permitted)/.test(pong)) throw refused('PING', pong);
    if (password !== '') {
      const answer = await this.ask('AUTH', ...(user === '' ? [] : [user]), password);
      if (!answer.startsWith('+')) throw refused('AUTH', answer);
    } else if (pong.startsWith('-')) throw new OperationalError('SOURCE_REFUSED', `the source wants a password: set masterauth (${pong.slice(1)})`);
    // What a source does not know of these it does without.
    await this.ask('REPLCONF', 'listening-port', String(listeningPort));
    await this.ask('REPLCONF', 'capa', 'eof', 'capa', 'psync2');
  }

  /**
   * Asks for the stream behind byte `offset` of stream `streamId`, or ('') for everything.
   * @throws OperationalError SOURCE_REFUSED, SOURCE_BUSY (later it may), SOURCE_GONE
   */
  async sync(streamId: string, offset: number): Promise<SyncAnswer> {
    const answer = await this.ask('PSYNC', ...(streamId === '' ? ['?', '-1'] : [streamId, String(offset + 1)]));
    const words = answer.split(' ');
    if (words[0] === '+FULLRESYNC' && words.length >= 3) return { kind: 'full', streamId: words[1]!, offset: Number(words[2]) };
    if (words[0] === '+CONTINUE') return { kind: 'continue', streamId: words[1] ?? '' };
    if (/^-(NOMASTERLINK|LOADING)/.test(answer)) throw new OperationalError('SOURCE_BUSY', `the source cannot give its data yet: ${answer.slice(1)}`);
    throw refused('PSYNC', answer);
  }

  /** Sends a command and returns its one-line reply. */
  ask(...words: string[]): Promise<string> {
    this.send(...words);
    return this.line();
  }

  /** Sends a command whose reply, if there is one, is read otherwise. */
  send(...words: string[]): void {
    this.#socket.write(`*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`);
  }

  /** Shows the source that this end is alive. */
  sendNewline(): void {
    this.#socket.write('\n');
  }

  /** The next line that is not empty: a source sends empty ones while it makes up its mind. */
  async line(): Promise<string> {
    let text = '';
    for (;;) {
      const chunk = await this.read();
      const end = chunk.indexOf(LF);
      text += chunk.toString('latin1', 0, end < 0 ? chunk.length : end);
      if (text.length > LINE_BYTES_MAX) throw new OperationalError('SOURCE_UNKNOWN', 'what answers is no Redis: its line does not end');
      if (end < 0) continue;
      this.unread(chunk.subarray(end + 1));
      text = text.replace(/\r$/, '');
      if (text === '') continue;
      if (!/^[+\-$:]/.test(text)) throw new OperationalError('SOURCE_UNKNOWN', `what answers is no Redis: it says ${JSON.stringify(text.slice(0, 60))}`);
      return text;
    }
  }

  /** The next bytes, at least one. @throws OperationalError SOURCE_GONE */
  async read(): Promise<Buffer> {
    while (this.#chunks.length === 0) {
      if (this.#ended !== null) throw this.#ended;
      await new Promise<void>((resolve) => { this.#wake = resolve; });
    }
    const chunk = this.#chunks.shift()!;
    this.#queuedBytes -= chunk.length;
    if (this.#queuedBytes < QUEUED_BYTES_MAX / 2 && this.#socket.isPaused()) this.#socket.resume();
    return chunk;
  }

  /** Puts bytes back, to be read next. */
  unread(bytes: Buffer): void {
    if (bytes.length === 0) return;
    this.#chunks.unshift(bytes);
    this.#queuedBytes += bytes.length;
  }

  close(): void {
    this.#end(new OperationalError('SOURCE_GONE', 'the connection to the source was closed'));
  }

  #end(why: OperationalError): void {
    this.#ended ??= why;
    this.#socket.destroy();
    this.#wake();
  }
}

function refused(command: string, answer: string): OperationalError {
  return new OperationalError('SOURCE_REFUSED', `the source refused ${command}: ${answer.slice(1)}`);
}
