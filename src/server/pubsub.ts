/**
 * Pub/Sub: who listens to which channels, patterns and shard channels on this node, and messages on their way.
 *
 * A message goes to the listeners of all members of the shard: to those here at once, to the others over the transport, at
 * most once as Redis promises. While writes are in flight it waits until they are committed (promise P2): what a client
 * publishes behind a write tells of it.
 */
import { invariant } from '../shared/errors.ts';
import { globMatchBytes } from '../shared/glob.ts';
import { latin1Bytes } from '../shared/request.ts';
import type { Waiter } from '../replication/commit-gate.ts';
import type { Connection } from './connection.ts';
import type { Server } from './server.ts';

export type ChannelKind = 'channel' | 'pattern' | 'shard';

/** Group of the transport's frames that carry messages. */
export const PUBSUB_GROUP = 'pubsub';
const KIND_CODES: readonly ChannelKind[] = ['channel', 'pattern', 'shard'];
const HEAD_BYTES = 5;

/** What one connection listens to. Names are latin1 strings. */
export class Subscriptions {
  readonly channel = new Set<string>();
  readonly pattern = new Set<string>();
  readonly shard = new Set<string>();

  /** As SUBSCRIBE and PSUBSCRIBE count: shard channels are counted by themselves. */
  count(kind: ChannelKind): number {
    return kind === 'shard' ? this.shard.size : this.channel.size + this.pattern.size;
  }

  get isEmpty(): boolean {
    return this.channel.size + this.pattern.size + this.shard.size === 0;
  }
}

interface Message {
  readonly kind: 'channel' | 'shard';
  readonly channel: string;
  readonly message: string;
}

/** A connection that listens, and the pattern by which it does, or null. */
interface Listener {
  readonly connection: Connection;
  readonly pattern: string | null;
}

interface HeldMessage extends Message {
  turn: number;
  /** Who listened when it was published. Who comes later does not hear it, and who has left by then does not either. */
  listeners: readonly Listener[] | null;
  /** Whether it is for this node's own listeners alone. */
  readonly isLocal: boolean;
}

export class PubSub implements Waiter {
  readonly #server: Server;
  readonly #listeners: Readonly<Record<ChannelKind, Map<string, Set<Connection>>>> = { channel: new Map(), pattern: new Map(), shard: new Map() };
  /** In the order of their turns. */
  #held: HeldMessage[] = [];

  constructor(server: Server) {
    this.#server = server;
  }

  // ---- Listening ----

  subscribe(connection: Connection, kind: ChannelKind, name: string): void {
    connection.subscriptions[kind].add(name);
    const listeners = this.#listeners[kind];
    const all = listeners.get(name);
    if (all === undefined) listeners.set(name, new Set([connection]));
    else all.add(connection);
  }

  unsubscribe(connection: Connection, kind: ChannelKind, name: string): void {
    connection.subscriptions[kind].delete(name);
    const all = this.#listeners[kind].get(name);
    all?.delete(connection);
    if (all?.size === 0) this.#listeners[kind].delete(name);
  }

  /** Ends everything that a connection listens to. */
  forget(connection: Connection): void {
    for (const kind of KIND_CODES) for (const name of [...connection.subscriptions[kind]]) this.unsubscribe(connection, kind, name);
  }

  /** Channels (or patterns) with listeners here. */
  names(kind: ChannelKind): string[] {
    return [...this.#listeners[kind].keys()];
  }

  /** Listeners of a channel here. */
  listeners(kind: ChannelKind, name: string): number {
    return this.#listeners[kind].get(name)?.size ?? 0;
  }

  // ---- Messages ----

  /** Whether nobody listens to anything here but shard channels. */
  get isIdle(): boolean {
    return this.#listeners.channel.size === 0 && this.#listeners.pattern.size === 0;
  }

  /** Sends a message to all listeners of the shard. Returns how many there are here. */
  publish(kind: 'channel' | 'shard', channel: string, message: string): number {
    this.#hold({ kind, channel, message, listeners: null, isLocal: false, turn: this.#server.member.lastTurn });
    return this.#count(kind, channel);
  }

  /** Sends this node's own listeners a message about what the command under way does to the data. */
  publishHere(channel: string, message: string): void {
    const { engine, gate, member } = this.#server;
    // The effect that it tells of may not be written yet: `turnEnded` knows whether there was one.
    this.#hold({ kind: 'channel', channel, message, listeners: null, isLocal: true, turn: member.role === 'primary' ? engine.turn : gate.lastPendingTurn });
  }

  #hold(held: HeldMessage): void {
    const { gate } = this.#server;
    const last = this.#held[this.#held.length - 1];
    if (last !== undefined && last.turn > held.turn) held.turn = last.turn;
    if (held.turn <= gate.committedTurn) {
      this.#send(held);
      return;
    }
    held.listeners = this.#listenersOf(held.kind, held.channel);
    this.#held.push(held);
    gate.wait(this, held.turn);
  }

  /** A turn is over: if no effects are left that the log has not, its messages wait for no more than what is in flight. */
  turnEnded(): void {
    const { engine, gate } = this.#server;
    if (engine.effectBytes > 0) return;
    const { lastPendingTurn } = gate;
    let isLowered = false;
    for (let i = this.#held.length - 1; i >= 0 && this.#held[i]!.turn > lastPendingTurn; i--) {
      this.#held[i]!.turn = lastPendingTurn;
      isLowered = true;
    }
    if (!isLowered) return;
    if (lastPendingTurn <= gate.committedTurn) this.release(gate.committedTurn);
    else gate.wait(this, lastPendingTurn);
  }

  /** A message that another member's client published. */
  receive(frame: Uint8Array): void {
    const kind = KIND_CODES[frame[0]!];
    const channelBytes = new DataView(frame.buffer, frame.byteOffset).getUint32(1);
    invariant(kind === 'channel' || kind === 'shard', 'a message of a kind that nobody publishes');
    const text = Buffer.from(frame.buffer, frame.byteOffset, frame.length);
    this.#deliver({
      kind, channel: text.toString('latin1', HEAD_BYTES, HEAD_BYTES + channelBytes), message: text.toString('latin1', HEAD_BYTES + channelBytes),
    });
  }

  /** A message of this node alone, to its own listeners. */
  tellHere(channel: string, message: string): void {
    this.#deliver({ kind: 'channel', channel, message });
  }

  release(turn: number): void {
    let n = 0;
    while (n < this.#held.length && this.#held[n]!.turn <= turn) n++;
    for (const held of this.#held.splice(0, n)) this.#send(held);
  }

  /** The writes that the messages tell of may never come about. */
  inDoubt(): void {
    this.#held = [];
  }

  #send(message: HeldMessage): void {
    const { node } = this.#server;
    this.#deliver(message, message.listeners ?? undefined);
    if (message.isLocal || node === null || node.network === null) return;
    const frame = frameOf(message);
    for (const { id } of node.membership.members) if (id !== node.memberId) node.network.send(id, PUBSUB_GROUP, frame);
    this.#server.flushNetwork();
  }

  #deliver({ kind, channel, message }: Message, listeners = this.#listenersOf(kind, channel)): void {
    for (const { connection, pattern } of listeners) {
      if (!(pattern === null ? connection.subscriptions[kind].has(channel) : connection.subscriptions.pattern.has(pattern))) continue;
      connection.push((reply) => {
        reply.push(pattern === null ? 3 : 4);
        reply.bulkString(pattern !== null ? 'pmessage' : kind === 'shard' ? 'smessage' : 'message');
        if (pattern !== null) reply.bulkString(pattern);
        reply.bulkString(channel);
        reply.bulkString(message);
      });
    }
  }

  #listenersOf(kind: 'channel' | 'shard', channel: string): readonly Listener[] {
    const out: Listener[] = [];
    for (const connection of this.#listeners[kind].get(channel) ?? []) out.push({ connection, pattern: null });
    if (kind === 'channel') this.#eachPattern(channel, (pattern, connection) => { out.push({ connection, pattern }); });
    return out;
  }

  #count(kind: 'channel' | 'shard', channel: string): number {
    let count = this.listeners(kind, channel);
    if (kind === 'channel') this.#eachPattern(channel, () => { count++; });
    return count;
  }

  #eachPattern(channel: string, visit: (pattern: string, connection: Connection) => void): void {
    const patterns = this.#listeners.pattern;
    if (patterns.size === 0) return;
    const bytes = latin1Bytes(channel);
    for (const [pattern, connections] of patterns) {
      const glob = latin1Bytes(pattern);
      if (!globMatchBytes(glob, 0, glob.length, bytes, 0, bytes.length)) continue;
      for (const connection of connections) visit(pattern, connection);
    }
  }
}

function frameOf({ kind, channel, message }: Message): Uint8Array {
  const frame = Buffer.allocUnsafe(HEAD_BYTES + channel.length + message.length);
  frame[0] = KIND_CODES.indexOf(kind);
  frame.writeUInt32BE(channel.length, 1);
  frame.write(channel, HEAD_BYTES, 'latin1');
  frame.write(message, HEAD_BYTES + channel.length, 'latin1');
  return frame;
}
