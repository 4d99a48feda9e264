/** Members with a transport each, in one process, that note whatever happens to them. */
import type { Duplex } from 'node:stream';
import { vi } from 'vitest';
import type { PeerTransportOptions, StreamHeader } from '../../../src/replication/peers/peer-network.ts';
import { PeerTransport } from '../../../src/replication/peers/peer-transport.ts';

export const CLUSTER = 'c'.repeat(40);
export const OTHER_CLUSTER = 'd'.repeat(40);
/** Short, and long enough for two busy cores. */
export const TIMING = { handshakeMaxMs: 3000, backoffMinMs: 5, backoffMaxMs: 50, pingAfterMs: 50, silenceMaxMs: 2000 };

export interface NotedFrame {
  readonly from: string;
  readonly group: string;
  readonly text: string;
}

export interface NotedStream {
  readonly kind: string;
  readonly from: string;
  readonly header: StreamHeader;
  readonly stream: Duplex;
}

/** Waits for something that has no event of its own. */
export function until(condition: () => boolean): Promise<void> {
  return vi.waitFor(() => {
    if (!condition()) throw new Error(`still not so: ${condition.toString()}`);
  }, { timeout: 20_000, interval: 5 });
}

export class Member {
  readonly id: string;
  readonly transport: PeerTransport;
  readonly frames: NotedFrame[];
  readonly streams: NotedStream[];
  /** '+n2' when n2 came up, '-n2' when it went down. */
  readonly events: string[];
  readonly warnings: string[];

  private constructor(id: string, transport: PeerTransport, notes: Pick<Member, 'frames' | 'streams' | 'events' | 'warnings'>) {
    this.id = id;
    this.transport = transport;
    ({ frames: this.frames, streams: this.streams, events: this.events, warnings: this.warnings } = notes);
  }

  static async start(id: string, options: Partial<PeerTransportOptions> = {}): Promise<Member> {
    const notes: Pick<Member, 'frames' | 'streams' | 'events' | 'warnings'> = { frames: [], streams: [], events: [], warnings: [] };
    const transport = await PeerTransport.listen({
      memberId: id,
      clusterId: CLUSTER,
      listen: [{ host: '127.0.0.1', port: 0 }],
      secret: 'open sesame',
      tls: null,
      formatVersion: 1,
      joinKinds: ['join'],
      onFrame: (from, group, frame) => notes.frames.push({ from, group, text: Buffer.from(frame).toString('latin1') }),
      onUp: (peer) => notes.events.push(`+${peer}`),
      onDown: (peer) => notes.events.push(`-${peer}`),
      onAsk: () => new Promise(() => undefined),
      onStream: (kind, from, header, stream) => notes.streams.push({ kind, from, header, stream }),
      notice: () => undefined,
      warn: (message) => notes.warnings.push(message),
      ...options,
      timing: { ...TIMING, ...options.timing },
    });
    members.push(transport);
    return new Member(id, transport, notes);
  }

  get port(): number {
    return this.transport.port;
  }

  /** Names the others as peers: themselves, or a port (of a proxy, say) by which they are reached. */
  knows(others: readonly (Member | { readonly id: string; readonly port: number })[]): void {
    this.transport.setPeers(new Map(others.map(({ id, port }) => [id, { host: '127.0.0.1', port }])));
  }

  status(id: string): ReturnType<PeerTransport['peers']>[number] | undefined {
    return this.transport.peers().find((peer) => peer.id === id);
  }

  isConnected(id: string): boolean {
    return this.status(id)?.connected === true;
  }

  sendNow(to: string, text: string, group = 'g'): boolean {
    const sent = this.transport.send(to, group, Buffer.from(text, 'latin1'));
    this.transport.flush();
    return sent;
  }

  texts(): string[] {
    return this.frames.map((frame) => frame.text);
  }
}

const members: PeerTransport[] = [];

/** To be called after each test. */
export async function closeMembers(): Promise<void> {
  await Promise.all(members.splice(0).map((transport) => transport.close()));
}

/** Two members that are connected, n1 and n2. */
export async function pair(options1: Partial<PeerTransportOptions> = {}, options2: Partial<PeerTransportOptions> = {}): Promise<[Member, Member]> {
  const n1 = await Member.start('n1', options1);
  const n2 = await Member.start('n2', options2);
  // One after the other: if both dial at the same time one connection may replace another.
  n1.knows([n2]);
  await until(() => n1.isConnected('n2') && n2.isConnected('n1'));
  n2.knows([n1]);
  return [n1, n2];
}
