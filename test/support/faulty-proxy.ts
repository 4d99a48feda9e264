/**
 * A TCP proxy whose network can be broken by hand: bytes held back in one direction or both, delayed, connections cut or refused.
 * What is held is delivered later, as TCP does after a partition that was short enough; nothing is ever lost within a connection.
 */
import net from 'node:net';

/** Seen from whoever connected to the proxy. */
export type Direction = 'out' | 'in';

/** Carries bytes of one connection in one direction. */
class Pipe {
  readonly #from: net.Socket;
  readonly #to: net.Socket;
  readonly #delayMs: () => number;
  #held = false;
  /** Pieces that are delayed, in order; null is the end. */
  readonly #late: { readonly dueMs: number; readonly piece: Buffer | null }[] = [];
  #timer: NodeJS.Timeout | null = null;
  bytes = 0;

  /** @param onFirst called with the first piece before it is carried */
  constructor(from: net.Socket, to: net.Socket, delayMs: () => number, onFirst: (piece: Buffer) => void) {
    this.#from = from;
    this.#to = to;
    this.#delayMs = delayMs;
    from.once('data', onFirst);
    from.on('data', (piece) => this.#carry(piece));
    from.on('end', () => this.#carry(null));
    to.on('drain', () => {
      if (!this.#held) from.resume();
    });
  }

  #carry(piece: Buffer | null): void {
    const delayMs = this.#delayMs();
    if (delayMs === 0 && this.#late.length === 0 && !this.#held) this.#deliver(piece);
    else {
      this.#late.push({ dueMs: performance.now() + delayMs, piece });
      this.#schedule();
    }
  }

  #deliver(piece: Buffer | null): void {
    if (piece === null) {
      this.#to.end();
      return;
    }
    this.bytes += piece.length;
    if (!this.#to.write(piece)) this.#from.pause();
  }

  #schedule(): void {
    if (this.#timer !== null || this.#held || this.#late.length === 0) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      while (!this.#held && this.#late.length > 0 && this.#late[0]!.dueMs <= performance.now()) this.#deliver(this.#late.shift()!.piece);
      this.#schedule();
    }, Math.max(0, this.#late[0]!.dueMs - performance.now()));
  }

  hold(held: boolean): void {
    this.#held = held;
    if (held) this.#from.pause();
    else {
      this.#from.resume();
      this.#schedule();
    }
  }

  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#late.length = 0;
  }
}

interface Connection {
  /** What the client said first; empty before that. */
  first: Buffer;
  readonly client: net.Socket;
  readonly target: net.Socket;
  readonly pipes: Record<Direction, Pipe>;
}

export class FaultyProxy {
  readonly port: number;
  /** How long each piece is on its way, in each direction. */
  delayMs = 0;
  /** Connections made so far. */
  accepted = 0;
  readonly #server: net.Server;
  readonly #connections = new Set<Connection>();
  /** Whose bytes are held, by what the client said first; null: nobody's. */
  readonly #held: Record<Direction, ((first: Buffer) => boolean) | null> = { out: null, in: null };
  #refusing = false;

  private constructor(server: net.Server, targetPort: () => number) {
    this.#server = server;
    this.port = (server.address() as net.AddressInfo).port;
    server.on('connection', (client) => this.#connect(client, targetPort()));
  }

  /** @param targetPort asked at each connection: the target may move. */
  static async to(targetPort: number | (() => number)): Promise<FaultyProxy> {
    const server = net.createServer({ allowHalfOpen: true, noDelay: true });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(0, '127.0.0.1', resolve);
    });
    return new FaultyProxy(server, typeof targetPort === 'number' ? () => targetPort : targetPort);
  }

  #connect(client: net.Socket, targetPort: number): void {
    this.accepted++;
    if (this.#refusing) {
      client.destroy();
      return;
    }
    const target = net.connect({ port: targetPort, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
    const delayMs = (): number => this.delayMs;
    const begun = (piece: Buffer): void => {
      connection.first = piece;
      this.#holdIfDue(connection);
    };
    const pipes = { out: new Pipe(client, target, delayMs, begun), in: new Pipe(target, client, delayMs, () => undefined) };
    const connection: Connection = { first: Buffer.alloc(0), client, target, pipes };
    this.#connections.add(connection);
    this.#holdIfDue(connection);
    for (const socket of [client, target]) {
      socket.on('error', () => this.#drop(connection));
      socket.on('close', () => this.#drop(connection));
    }
  }

  #isHeld(direction: Direction, { first }: Connection): boolean {
    return this.#held[direction]?.(first) ?? false;
  }

  #holdIfDue(connection: Connection): void {
    for (const direction of ['out', 'in'] as const) if (this.#isHeld(direction, connection)) connection.pipes[direction].hold(true);
  }

  #drop(connection: Connection): void {
    // A side that is held must not notice: a network that is gone does not tell.
    if (this.#isHeld('out', connection) || this.#isHeld('in', connection) || !this.#connections.delete(connection)) return;
    connection.pipes.out.close();
    connection.pipes.in.close();
    connection.client.destroy();
    connection.target.destroy();
  }

  get connections(): number {
    return this.#connections.size;
  }

  /** Bytes delivered so far on connections that are open. */
  bytes(direction: Direction): number {
    let bytes = 0;
    for (const { pipes } of this.#connections) bytes += pipes[direction].bytes;
    return bytes;
  }

  /**
   * Nothing goes through in this direction, or in either, until `resume`; connections stay open, new ones hang.
   * @param whose by what the client said first: only those connections; by default all
   */
  block(direction: Direction | 'both' = 'both', whose: (first: Buffer) => boolean = () => true): void {
    for (const each of ['out', 'in'] as const) if (direction === each || direction === 'both') this.#held[each] = whose;
    for (const connection of this.#connections) this.#holdIfDue(connection);
  }

  /** Ends `block` and `refuse`; what was held is delivered. */
  resume(): void {
    this.#refusing = false;
    this.#held.out = null;
    this.#held.in = null;
    for (const connection of this.#connections) {
      connection.pipes.out.hold(false);
      connection.pipes.in.hold(false);
      if (connection.client.destroyed || connection.target.destroyed) this.#drop(connection);
    }
  }

  /** Breaks all connections. New ones are taken. */
  cut(): void {
    for (const { client, target, pipes } of this.#connections) {
      pipes.out.close();
      pipes.in.close();
      client.resetAndDestroy();
      target.resetAndDestroy();
    }
    this.#connections.clear();
  }

  /** Breaks all connections and every new one, until `resume`. */
  refuse(): void {
    this.#refusing = true;
    this.cut();
  }

  async close(): Promise<void> {
    this.refuse();
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
  }
}
