/**
 * Keyspace notifications: events of the keyspace as messages on __keyspace@db__ and __keyevent@db__ channels.
 *
 * Each member tells its own subscribers of what happens to the data that it serves, as its own notify-keyspace-events says:
 * the primary once it is committed (promise P2), a replica as it applies the log, where an event has the name of the logged
 * effect, as on a replica of Redis. Nothing goes from member to member.
 */
import { latin1Slice } from '../shared/request.ts';
import { parseKeyEvents } from './config/key-event-classes.ts';
import type { Server } from './server.ts';

export class KeyEventChannels {
  readonly #server: Server;
  #bySpace = false;
  #byEvent = false;

  constructor(server: Server) {
    this.#server = server;
    server.engine.keyspace.events.listener = (event, db, buf, off, len) => this.#told(event, db, latin1Slice(buf, off, off + len));
  }

  /** Makes notify-keyspace-events take effect. */
  configure(text: string): void {
    const { kinds, bySpace, byEvent } = parseKeyEvents(text);
    this.#bySpace = bySpace;
    this.#byEvent = byEvent;
    this.#server.engine.keyspace.events.wanted = bySpace || byEvent ? kinds : 0;
  }

  #told(event: string, db: number, key: string): void {
    const { pubsub, loading } = this.#server;
    // What is loaded has happened before.
    if (loading || pubsub.isIdle) return;
    if (this.#bySpace) pubsub.publishHere(`__keyspace@${db}__:${key}`, event);
    if (this.#byEvent) pubsub.publishHere(`__keyevent@${db}__:${event}`, key);
  }
}
