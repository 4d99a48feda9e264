/** A proxy before each member of a shard of processes: what one member sends to another can be stopped, in that direction alone. */
import { HANDSHAKE_HEAD_BYTES, decodeHello } from '../../src/replication/peers/handshake-messages.ts';
import { FaultyProxy } from './faulty-proxy.ts';

export class PeerProxies {
  readonly #proxies: FaultyProxy[] = [];

  /** For ShardOptions. */
  readonly reachedAt = async (peerPorts: readonly number[]): Promise<readonly number[]> => {
    for (const port of peerPorts) this.#proxies.push(await FaultyProxy.to(port));
    return this.#proxies.map(({ port }) => port);
  };

  /**
   * Of member `i`, whose id is `id`: nothing that it sends arrives any more ('out'), or nothing is sent to it ('in'), until `heal`.
   * Of two members either may have dialled the other: so each connection is taken for what it is.
   */
  isolate(i: number, id: string, direction: 'in' | 'out'): void {
    const other = direction === 'in' ? 'out' : 'in';
    for (const [at, proxy] of this.#proxies.entries()) {
      if (at === i) proxy.block(other);
      else proxy.block(direction, (first) => first.length > 0 && dialler(first) === id);
    }
  }

  heal(): void {
    for (const proxy of this.#proxies) proxy.resume();
  }

  async close(): Promise<void> {
    await Promise.all(this.#proxies.map((proxy) => proxy.close()));
  }
}

/** Member id in the hello with which a connection begins. */
function dialler(hello: Buffer): string {
  return decodeHello(hello.subarray(HANDSHAKE_HEAD_BYTES, HANDSHAKE_HEAD_BYTES + hello.readUInt16BE(0))).memberId;
}
