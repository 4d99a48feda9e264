/**
 * maxmemory and maxmemory-clients: what they say to the engine's eviction, which commands are refused for want of memory,
 * and going on with what one command's turn did not bring to an end. Evictions are the primary's; the log tells the others.
 */
import { type Command, Flag } from '../engine/command.ts';
import { type EvictionPolicy, Room } from '../engine/eviction/eviction.ts';
import type { Session } from '../engine/session.ts';
import type { Config } from './config/config.ts';
import type { Connection } from './connection.ts';
import { clientBytes, memoryUse } from './memory-use.ts';
import type { Server } from './server.ts';

/** Counting what clients have buffered takes time for each of them: with a hundred it is done every millisecond, with more in proportion. */
const CONNECTIONS_A_MS = 100;
const COUNT_MS_MAX = 100;
/** A lower bound for all clients together would leave none. */
const CLIENTS_BYTES_MIN = 128 * 1024;
/** What ends a transaction is never refused for want of memory; all else in it might take memory without end. */
const ENDS_TRANSACTION = new Set(['exec', 'discard', 'quit', 'reset']);

/** Microseconds for one go, by Redis's rule: up to 10 in even steps, beyond by a factor each, 100 without end. */
function sliceUs(tenacity: number): number {
  if (tenacity <= 10) return 50 * tenacity;
  return tenacity < 100 ? Math.floor(500 * 1.15 ** (tenacity - 10)) : Infinity;
}

/** @param setting bytes, or a percentage of maxmemory @returns 0: no bound */
function clientsBound(setting: string, maxmemory: number): number {
  const bytes = setting.endsWith('%') ? (maxmemory * Number(setting.slice(0, -1))) / 100 : Number(setting);
  return bytes === 0 ? 0 : Math.max(CLIENTS_BYTES_MIN, bytes);
}

function needsMemory(command: Command, session: Session): boolean {
  if (session.queue === null) return (command.flags & Flag.denyoom) !== 0;
  if (command.name === 'exec') return session.queue.some((queued) => (queued.command.flags & Flag.denyoom) !== 0);
  return !ENDS_TRANSACTION.has(command.name);
}

export class MemoryLimit {
  evictedClients = 0;
  readonly #server: Server;
  /** Bytes that all clients together may have buffered; 0: no bound. */
  #clientsBytesMax = 0;
  #countedMs = 0;
  #roundDue = false;

  constructor(server: Server) {
    this.#server = server;
  }

  /** Takes the directives over. Too much in use is brought down from the next turn on. */
  configure(config: Config): void {
    const { access } = this.#server.engine.keyspace;
    const { eviction } = this.#server.engine;
    const maxBytes = config.number('maxmemory');
    eviction.policy = config.string('maxmemory-policy') as EvictionPolicy;
    eviction.samples = config.number('maxmemory-samples');
    eviction.sliceUs = sliceUs(config.number('maxmemory-eviction-tenacity'));
    access.lfuLogFactor = config.number('lfu-log-factor');
    access.lfuDecayMinutes = config.number('lfu-decay-time');
    this.#clientsBytesMax = clientsBound(config.string('maxmemory-clients'), maxBytes);
    if (maxBytes === eviction.maxBytes) return;
    eviction.maxBytes = maxBytes;
    eviction.isFull = false;
    this.#countedMs = 0;
    this.#goOn();
  }

  /** Makes room before a command. Ask only on a primary that has a bound. @returns whether the command may run. */
  admits(command: Command, session: Session): boolean {
    const { eviction } = this.#server.engine;
    eviction.isHeld = this.#isHeld;
    // Clients' buffers may have become less, or can be made so: that comes before taking data away.
    const isOver = eviction.usedBytes > eviction.maxBytes;
    if (isOver) this.#countClients();
    const startMs = isOver ? performance.now() : 0;
    const room = eviction.makeRoom();
    if (isOver) this.#took(performance.now() - startMs);
    if (room === Room.underWay) this.#goOn();
    return room !== Room.none || !needsMemory(command, session);
  }

  /** Called by the server's timer, every 10 ms or so, within a turn. */
  tick(): void {
    const { eviction } = this.#server.engine;
    if (this.#clientsBytesMax > 0 || eviction.maxBytes > 0) this.#countClients();
    this.#round();
  }

  /** CONFIG RESETSTAT. */
  resetStatistics(): void {
    this.evictedClients = 0;
    this.#server.engine.keyspace.evictedKeys = 0;
    this.#server.engine.eviction.resetStatistics();
  }

  /** Each key taken out is a log record's content, so a log that is behind is left to catch up first. */
  get #isHeld(): boolean {
    return this.#server.pausedForWrites || this.#server.pause.active;
  }

  #round(): void {
    const { engine, serving } = this.#server;
    if (!serving || engine.eviction.maxBytes === 0) return;
    engine.eviction.isHeld = this.#isHeld;
    const startMs = performance.now();
    if (engine.makeRoom() === Room.underWay) this.#goOn();
    this.#took(performance.now() - startMs);
  }

  #took(ms: number): void {
    this.#server.latency.add('eviction-cycle', ms * 1000, this.#server.nowMs);
  }

  /** Another go, once sockets have been read. */
  #goOn(): void {
    if (this.#roundDue) return;
    this.#roundDue = true;
    setImmediate(() => {
      this.#roundDue = false;
      if (this.#server.engine.eviction.maxBytes !== 0) this.#server.enterTurn(() => { this.#round(); });
    });
  }

  /** Counts what clients have buffered, unless that was done just now, and ends those that hold too much. */
  #countClients(): void {
    const server = this.#server;
    const { nowMs, connections } = server;
    const intervalMs = Math.min(COUNT_MS_MAX, connections.size / CONNECTIONS_A_MS);
    if (nowMs - this.#countedMs < intervalMs && nowMs >= this.#countedMs) return;
    this.#countedMs = nowMs;
    if (this.#clientsBytesMax > 0) this.#evictClients();
    server.engine.eviction.otherBytes = memoryUse(server).other;
  }

  /** Ends the connections that hold most, until all hold less than they may together. */
  #evictClients(): void {
    const server = this.#server;
    let total = 0;
    const evictable: { readonly connection: Connection; readonly bytes: number }[] = [];
    for (const connection of server.connections.values()) {
      const bytes = clientBytes(connection);
      total += bytes;
      if (!connection.noEvict && bytes > 0) evictable.push({ connection, bytes });
    }
    if (total < this.#clientsBytesMax) return;
    evictable.sort((a, b) => b.bytes - a.bytes);
    for (const { connection, bytes } of evictable) {
      if (total < this.#clientsBytesMax) return;
      server.log.notice(`Evicting client ${connection.address}, which holds ${bytes} bytes`);
      this.evictedClients++;
      total -= bytes;
      connection.close();
    }
  }
}
