/**
 * Client-side caching: who has read what, and telling them when it changes (CLIENT TRACKING).
 *
 * On the primary the news of a change waits until the change is committed (promise P2), and leaves before the reply of the
 * write that made it. On a replica it leaves when the change has been applied; that holds for reads forwarded to the
 * primary too, whose replies it never overtakes. Whenever this node's data may have missed changes (it lost the primary's
 * role, or loads anew) all caches are declared empty.
 */
import { type Command, Flag } from '../../engine/command.ts';
import type { ChangeListener } from '../../engine/keyspace/key-interest.ts';
import { keyIndexes } from '../../engine/key-extraction.ts';
import type { Session } from '../../engine/session.ts';
import type { Waiter } from '../../replication/commit-gate.ts';
import type { Reply } from '../../shared/reply.ts';
import { type Request, latin1Bytes, latin1Slice } from '../../shared/request.ts';
import type { Connection } from '../connection.ts';
import type { Server } from '../server.ts';
import { ClientTracking } from './client-tracking.ts';
import { TrackingTable } from './tracking-table.ts';

const CHANNEL = '__redis__:invalidate';
/** Keys that are given up at the end of a turn with too many, times the number of such turns in a row (as Redis does it). */
const EVICTED_A_TURN = 100;

interface News {
  /** Whose cache it concerns. */
  readonly connection: Connection;
  /** Null: every key. */
  readonly key: string | null;
}

/** What one turn changed. */
class Batch {
  turn: number;
  readonly news: News[] = [];
  /** Keys that expired or had to make room, by whose cache they concern. */
  readonly bySystem = new Map<Connection, string[]>();
  /** Changed keys by prefix, each with the id of the client that changed it last (0: none did). */
  readonly broadcast = new Map<string, Map<string, number>>();
  /** Length of `news` when all caches were last declared empty. */
  emptiedAt = -1;

  constructor(turn: number) {
    this.turn = turn;
  }
}

interface Prefix {
  readonly bytes: Uint8Array;
  readonly connections: Set<Connection>;
}

export interface TrackingOptions {
  readonly broadcast: boolean;
  readonly optIn: boolean;
  readonly optOut: boolean;
  readonly noLoop: boolean;
  readonly redirect: number;
  readonly prefixes: readonly string[];
}

export class Tracking implements Waiter, ChangeListener {
  /** tracking-table-max-keys; 0: as many as come. */
  keysMax = 0;
  readonly #server: Server;
  readonly #table = new TrackingTable(Math.floor(Math.random() * 2 ** 32));
  readonly #connections = new Set<Connection>();
  readonly #prefixes = new Map<string, Prefix>();
  /** Of turns that are not committed, oldest first. */
  #batches: Batch[] = [];
  /** What was applied of the log and is still to be told. */
  #applied: Batch | null = null;
  readonly #taken: number[] = [];
  #turnsOverMax = 0;

  constructor(server: Server) {
    this.#server = server;
  }

  /** Clients that track. */
  get clients(): number {
    return this.#connections.size;
  }

  get keys(): number {
    return this.#table.keys;
  }

  get items(): number {
    return this.#table.items;
  }

  get prefixes(): number {
    return this.#prefixes.size;
  }

  get memoryBytes(): number {
    return this.#table.memoryBytes;
  }

  // ---- Clients ----

  /** CLIENT TRACKING ON, with options that were checked. */
  enable(connection: Connection, options: TrackingOptions): void {
    const state = (connection.tracking ??= new ClientTracking(options.broadcast));
    state.optIn = options.optIn;
    state.optOut = options.optOut;
    state.noLoop = options.noLoop;
    state.redirect = options.redirect;
    state.redirectBroken = false;
    for (const prefix of options.prefixes) {
      state.prefixes.add(prefix);
      const known = this.#prefixes.get(prefix);
      if (known === undefined) this.#prefixes.set(prefix, { bytes: latin1Bytes(prefix), connections: new Set([connection]) });
      else known.connections.add(connection);
    }
    connection.session.tracksReads = state.tracksReads;
    this.#connections.add(connection);
    this.#server.engine.keyspace.interest.listen(this);
  }

  /** Ends a connection's tracking. Keys that it has read stay in the table until they change, as in Redis. */
  disable(connection: Connection): void {
    const state = connection.tracking;
    if (state === null) return;
    connection.tracking = null;
    connection.session.tracksReads = false;
    for (const prefix of state.prefixes) {
      const { connections } = this.#prefixes.get(prefix)!;
      connections.delete(connection);
      if (connections.size === 0) this.#prefixes.delete(prefix);
    }
    this.#connections.delete(connection);
    if (this.#connections.size > 0) return;
    this.#table.clear();
    this.#server.engine.keyspace.interest.listen(null);
  }

  // ---- Reads ----

  /** A command of a client that tracks begins: CLIENT CACHING holds for one command, or one transaction. */
  commandBegins(connection: Connection): void {
    const state = connection.tracking!;
    if (!state.caching || connection.session.queue !== null || state.forwardedQueue !== null) return;
    if (!connection.lastCommand.startsWith('client|')) state.caching = false;
  }

  /** A reading command of a client that tracks was run, by itself, in a transaction or in a script. */
  keysRead(command: Command, request: Request, session: Session): void {
    const state = this.#server.connections.get(session.id)?.tracking ?? null;
    // What a script reads are the keys of its commands, not those that it declares.
    if (state === null || !state.remembers || command.group === 'scripting' || (command.flags & Flag.pubsub) !== 0) return;
    const [only] = command.keys;
    if (command.keys.length === 1 && command.getKeys === null && 'index' in only!.begin && 'lastKey' in only.find && only.find.lastKey === 0) {
      this.#add(request, only.begin.index, session.id);
    } else for (const { index } of keyIndexes(command, request)) this.#add(request, index, session.id);
  }

  #add(request: Request, index: number, client: number): void {
    this.#table.add(request.buf, request.off[index]!, request.len[index]!, client);
  }

  /**
   * A command of a client that tracks is about to be forwarded to the primary. Its keys are noted before it can run there,
   * those of a transaction when it is sent and again when it runs.
   */
  forwarding(connection: Connection, command: Command, request: Request): void {
    const state = connection.tracking!;
    const { name } = command;
    const queue = state.forwardedQueue;
    if (name === 'multi') state.forwardedQueue ??= [];
    if (name === 'exec' || name === 'discard') {
      state.forwardedQueue = null;
      for (const key of queue ?? []) this.#table.add(latin1Bytes(key), 0, key.length, connection.id);
      return;
    }
    if (!state.remembers || (command.flags & Flag.pubsub) !== 0) return;
    // What a script reads is not known here: that it declares keys is all there is to go by.
    if ((command.flags & Flag.readonly) === 0 && command.group !== 'scripting') return;
    for (const { index } of keyIndexes(command, request)) {
      this.#add(request, index, connection.id);
      queue?.push(request.string(index));
    }
  }

  // ---- Changes ----

  keyChanged(buf: Uint8Array, off: number, len: number, bySystem: boolean): void {
    // Nobody may read before all is loaded, and then everything is news.
    if (this.#server.engine.importing?.phase === 'load') return;
    const actor = bySystem ? 0 : this.#server.engine.actor;
    let key: string | null = null;
    for (const [prefix, { bytes }] of this.#prefixes) {
      if (!startsWith(buf, off, len, bytes)) continue;
      const { broadcast } = this.#batch();
      let keys = broadcast.get(prefix);
      if (keys === undefined) broadcast.set(prefix, (keys = new Map()));
      keys.set((key ??= latin1Slice(buf, off, off + len)), actor);
    }
    if (this.#table.keys === 0) return;
    const taken = this.#taken;
    taken.length = 0;
    if (!this.#table.take(buf, off, len, taken)) return;
    for (const id of taken) {
      const connection = this.#server.connections.get(id);
      const state = connection?.tracking ?? null;
      if (state === null || state.broadcast || (state.noLoop && id === actor)) continue;
      key ??= latin1Slice(buf, off, off + len);
      const { news, bySystem: told } = this.#batch();
      if (!bySystem) news.push({ connection: connection!, key });
      else if (told.has(connection!)) told.get(connection!)!.push(key);
      else told.set(connection!, [key]);
    }
  }

  databaseReplaced(): void {
    this.#table.clear();
    const batch = this.#batch();
    // FLUSHALL empties one database after the other.
    if (batch.emptiedAt === batch.news.length) return;
    for (const connection of this.#connections) batch.news.push({ connection, key: null });
    batch.emptiedAt = batch.news.length;
  }

  /** Where news of a change made now belongs. */
  #batch(): Batch {
    const { engine, gate } = this.#server;
    if (engine.keyspace.isReplica || engine.keyspace.applying) {
      if (this.#applied === null) {
        this.#applied = new Batch(0);
        setImmediate(() => this.#tellApplied());
      }
      return this.#applied;
    }
    const last = this.#batches[this.#batches.length - 1];
    if (last?.turn === engine.turn) return last;
    const batch = new Batch(engine.turn);
    this.#batches.push(batch);
    gate.wait(this, batch.turn);
    return batch;
  }

  // ---- Telling ----

  release(turn: number): void {
    let n = 0;
    while (n < this.#batches.length && this.#batches[n]!.turn <= turn) n++;
    for (const batch of this.#batches.splice(0, n)) this.#tell(batch);
  }

  /** The changes may never come about. With the primary's role lost, `emptyAll` follows. */
  inDoubt(): void {
    this.#batches = [];
  }

  /**
   * Writes which keys of the client's had to go and were not told yet: messages that leave with the reply behind them.
   * @returns the turn that the reply must wait for; 0: none
   */
  tellBeforeReply(connection: Connection, reply: Reply): number {
    let turn = 0;
    if (connection.tracking!.redirect !== 0 || connection.proto !== 3 || connection.replyMode !== 'on') return turn;
    for (const batch of this.#batches) {
      const keys = batch.bySystem.get(connection);
      if (keys === undefined) continue;
      batch.bySystem.delete(connection);
      for (const key of keys) writeInvalidation(reply, [key]);
      ({ turn } = batch);
    }
    return turn;
  }

  #tellApplied(): void {
    const batch = this.#applied;
    this.#applied = null;
    if (batch !== null) this.#tell(batch);
  }

  #tell(batch: Batch): void {
    const told = new Set<Connection>();
    for (const { connection, key } of batch.news) this.#send(connection, key === null ? null : [key], told);
    for (const [connection, keys] of batch.bySystem) for (const key of keys) this.#send(connection, [key], told);
    for (const prefix of [...batch.broadcast.keys()].sort()) {
      const keys = batch.broadcast.get(prefix)!;
      const all = [...keys.keys()].sort();
      for (const connection of this.#prefixes.get(prefix)?.connections ?? []) {
        const wanted = connection.tracking!.noLoop ? all.filter((key) => keys.get(key) !== connection.id) : all;
        if (wanted.length > 0) this.#send(connection, wanted, told);
      }
    }
    // At once, so that it leaves before the writers' replies do.
    for (const connection of told) connection.output.flush();
  }

  /** Declares all caches empty: changes may have been missed. */
  emptyAll(): void {
    this.#table.clear();
    this.#batches = [];
    this.#applied = null;
    const told = new Set<Connection>();
    for (const connection of this.#connections) this.#send(connection, null, told);
    for (const connection of told) connection.output.flush();
  }

  /** Called at the end of each turn while anybody tracks, before its effects are taken: keeps the table within its bound. */
  endTurn(): void {
    this.#letGoOfNothing();
    const table = this.#table;
    if (this.keysMax === 0 || table.keys <= this.keysMax) {
      this.#turnsOverMax = 0;
      return;
    }
    const told = new Set<Connection>();
    for (let effort = EVICTED_A_TURN * ++this.#turnsOverMax; effort > 0 && table.keys > this.keysMax; effort--) {
      const taken = this.#taken;
      taken.length = 0;
      const key = table.evict(taken);
      for (const id of taken) {
        const connection = this.#server.connections.get(id);
        if (connection?.tracking?.broadcast === false) this.#send(connection, [key], told);
      }
    }
  }

  /** If the turn that ends changed nothing after all (it emptied what was empty), its news waits for no more than what is in flight. */
  #letGoOfNothing(): void {
    const last = this.#batches[this.#batches.length - 1];
    if (last === undefined) return;
    const { engine, gate } = this.#server;
    const { lastPendingTurn } = gate;
    if (engine.effectBytes > 0 || last.turn <= lastPendingTurn) return;
    last.turn = lastPendingTurn;
    if (lastPendingTurn <= gate.committedTurn) this.release(gate.committedTurn);
    else gate.wait(this, lastPendingTurn);
  }

  /** Replies of the primary that news had to wait for were passed on to the client. */
  repliesPassedOn(connection: Connection): void {
    const state = connection.tracking;
    if (state === null || state.deferred.length === 0) return;
    const deferred = state.deferred;
    state.deferred = [];
    const told = new Set<Connection>();
    for (const keys of deferred) this.#send(connection, keys, told);
  }

  /** @param told gets whom the message goes to. */
  #send(connection: Connection, keys: readonly string[] | null, told: Set<Connection>): void {
    const state = connection.tracking;
    if (state === null || connection.closed) return;
    // Behind the replies to what it has read: an older value must not come after the news.
    if (connection.upstream?.awaitsReads === true) {
      state.deferred.push(keys);
      return;
    }
    let target = connection;
    if (state.redirect !== 0) {
      const redirected = this.#server.connections.get(state.redirect);
      if (redirected === undefined || redirected.closing) {
        this.#redirectBroken(connection, state);
        told.add(connection);
        return;
      }
      target = redirected;
    }
    if (target.proto === 3) {
      target.push((reply) => { writeInvalidation(reply, keys); });
    } else if (state.redirect !== 0 && !target.subscriptions.isEmpty) {
      target.push((reply) => {
        reply.push(3);
        reply.bulkString('message');
        reply.bulkString(CHANNEL);
        writeKeys(reply, keys);
      });
    } else return;
    told.add(target);
  }

  #redirectBroken(connection: Connection, state: ClientTracking): void {
    state.redirectBroken = true;
    if (connection.proto !== 3) return;
    connection.push((reply) => {
      reply.push(2);
      reply.bulkString('tracking-redir-broken');
      reply.integer(state.redirect);
    });
  }
}

function writeInvalidation(reply: Reply, keys: readonly string[] | null): void {
  reply.push(2);
  reply.bulkString('invalidate');
  writeKeys(reply, keys);
}

function writeKeys(reply: Reply, keys: readonly string[] | null): void {
  if (keys === null) {
    reply.null();
    return;
  }
  reply.array(keys.length);
  for (const key of keys) reply.bulkString(key);
}

function startsWith(buf: Uint8Array, off: number, len: number, prefix: Uint8Array): boolean {
  if (prefix.length > len) return false;
  for (let i = 0; i < prefix.length; i++) if (buf[off + i] !== prefix[i]) return false;
  return true;
}
