/**
 * The network between simulated nodes: frames, questions and streams take their time, get lost, overtake each other, and
 * do not pass links that are cut, in one direction or both. Each process has an Endpoint, which is its PeerNetwork.
 */
import { Duplex } from 'node:stream';
import type { FrameSlot, PeerAddress, PeerNetwork, PeerStatus, StreamHeader } from '../../src/replication/peers/peer-network.ts';
import type { PeerHandlers } from '../../src/replication/shard-node.ts';
import { OperationalError } from '../../src/shared/errors.ts';
import type { World } from './world.ts';

/** What the network knows of a process. */
export interface Host {
  readonly machine: string;
  readonly alive: boolean;
  /** Runs `work` in the process, now or when it is no longer stopped; never after its end. */
  deliver(work: () => void): void;
}

export class SimNetwork {
  readonly world: World;
  /** Share of the frames that get lost. */
  loss = 0;
  /** Whether frames between two members may overtake each other. */
  reorders = false;
  delayMaxMs = 5;
  readonly #cut = new Set<string>();
  readonly #endpoints = new Map<string, Endpoint>();

  constructor(world: World) {
    this.world = world;
  }

  /** The process at `machine` takes part from now on. */
  attach(host: Host, handlers: PeerHandlers): Endpoint {
    const endpoint = new Endpoint(this, host, handlers);
    this.#endpoints.set(host.machine, endpoint);
    return endpoint;
  }

  at(machine: string): Endpoint | undefined {
    const endpoint = this.#endpoints.get(machine);
    return endpoint?.host.alive === true ? endpoint : undefined;
  }

  withId(memberId: string): Endpoint | undefined {
    for (const endpoint of this.#endpoints.values()) if (endpoint.host.alive && endpoint.memberId === memberId) return endpoint;
    return undefined;
  }

  get endpoints(): Endpoint[] {
    return [...this.#endpoints.values()].filter(({ host }) => host.alive);
  }

  cut(from: string, to: string): void {
    this.#cut.add(`${from}>${to}`);
    // Now and then the silence is noticed.
    if (this.world.random.chance(0.5)) return;
    this.world.after(this.world.delay(100, 2000), () => {
      if (!this.isCut(from, to)) return;
      const [a, b] = [this.at(from), this.at(to)];
      if (a === undefined || b === undefined) return;
      a.host.deliver(() => a.handlers.onDown(b.memberId));
      b.host.deliver(() => b.handlers.onDown(a.memberId));
    });
  }

  heal(): void {
    this.#cut.clear();
  }

  isCut(from: string, to: string): boolean {
    return this.#cut.has(`${from}>${to}`);
  }

  get hasCuts(): boolean {
    return this.#cut.size > 0;
  }

  /** Carries `work` from one process to another; `lost` is called instead if it cannot arrive. */
  carry(from: Endpoint, to: Endpoint, work: () => void, lost: () => void = () => undefined): void {
    const { world } = this;
    let delayMs = world.delay(0.1, this.delayMaxMs);
    if (!world.calm && world.random.chance(0.01)) delayMs += world.random.next() * 300;
    const atMs = this.reorders ? world.nowMs + delayMs : from.orderedAtMs(to, world.nowMs + delayMs);
    world.after(atMs - world.nowMs, () => {
      if (!from.host.alive || !to.host.alive || this.isCut(from.host.machine, to.host.machine)) lost();
      else to.host.deliver(work);
    });
  }

  /** The process at an endpoint ended: the others notice that their connections broke. */
  ended(endpoint: Endpoint): void {
    for (const other of this.endpoints) {
      if (other === endpoint || !this.world.random.chance(0.7)) continue;
      this.world.after(this.world.delay(0.1, 50), () => other.host.deliver(() => other.handlers.onDown(endpoint.memberId)));
    }
    endpoint.breakStreams();
  }
}

export class Endpoint implements PeerNetwork {
  readonly host: Host;
  readonly handlers: PeerHandlers;
  clusterId: string;
  readonly #network: SimNetwork;
  #peers: ReadonlyMap<string, PeerAddress> = new Map();
  #queue: { readonly to: string; readonly group: string; readonly frame: Uint8Array }[] = [];
  readonly #lastAtMs = new Map<string, number>();
  readonly #streams = new Set<SimStream>();

  constructor(network: SimNetwork, host: Host, handlers: PeerHandlers) {
    this.#network = network;
    this.host = host;
    this.handlers = handlers;
    this.clusterId = handlers.clusterId;
  }

  get memberId(): string {
    return this.handlers.memberId;
  }

  /** When something that would arrive at `atMs` does, if nothing overtakes what was sent before. */
  orderedAtMs(to: Endpoint, atMs: number): number {
    const ordered = Math.max(atMs, this.#lastAtMs.get(to.memberId) ?? 0);
    this.#lastAtMs.set(to.memberId, ordered);
    return ordered;
  }

  setPeers(peers: ReadonlyMap<string, PeerAddress>): void {
    this.#peers = peers;
  }

  setClusterId(clusterId: string): void {
    this.clusterId = clusterId;
  }

  send(to: string, group: string, frame: Uint8Array): boolean {
    this.#queue.push({ to, group, frame: Uint8Array.from(frame) });
    return true;
  }

  reserve(to: string, group: string, bytes: number): FrameSlot | null {
    const frame = new Uint8Array(bytes);
    this.#queue.push({ to, group, frame });
    return { buffer: frame, at: 0 };
  }

  flush(): void {
    const queue = this.#queue;
    if (queue.length === 0) return;
    this.#queue = [];
    const { world, loss } = this.#network;
    for (const { to, group, frame } of queue) {
      const target = this.#network.withId(to);
      if (target === undefined || !this.host.alive || target.clusterId !== this.clusterId || world.random.chance(loss)) continue;
      this.#network.carry(this, target, () => target.handlers.onFrame(this.memberId, group, frame, false));
    }
  }

  openStream(to: string, kind: string, header: StreamHeader): Promise<Duplex> {
    const target = this.#network.withId(to);
    if (target === undefined) return Promise.reject(new OperationalError('PEER_NOT_CONNECTED', `member ${to} is not connected`));
    return new Promise((resolve, reject) => {
      this.#network.carry(this, target, () => {
        const [here, there] = [new SimStream(this.#network, this, target), new SimStream(this.#network, target, this)];
        here.join(there);
        // Refused before anybody had it here: then it is never handed out.
        here.on('error', () => undefined);
        this.#streams.add(here);
        target.#streams.add(there);
        target.handlers.onStream(kind, this.memberId, header, there);
        this.#network.carry(target, this, () => (here.errored === null ? resolve(here) : reject(here.errored)), () => reject(down(to)));
      }, () => reject(down(to)));
    });
  }

  breakStreams(): void {
    for (const stream of this.#streams) stream.breakOther();
  }

  ask(to: string, group: string, kind: string, body: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    return this.#ask(this.#network.withId(to), group, kind, body, timeoutMs);
  }

  askAddress(address: PeerAddress, group: string, kind: string, body: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    return this.#ask(this.#network.at(address.host), group, kind, body, timeoutMs);
  }

  #ask(target: Endpoint | undefined, group: string, kind: string, body: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    if (target === undefined) return Promise.reject(new OperationalError('PEER_NOT_CONNECTED', 'nobody is there'));
    const { world } = this.#network;
    return new Promise((resolve, reject) => {
      world.after(timeoutMs, () => this.host.deliver(() => reject(new OperationalError('PEER_TIMEOUT', 'no answer came in time'))));
      this.#network.carry(this, target, () => {
        const joined = this.clusterId !== '' && this.clusterId === target.clusterId;
        if (!joined && !target.handlers.joinKinds.includes(kind)) {
          this.#network.carry(target, this, () => reject(new OperationalError('PEER_CLUSTER', 'of another cluster')));
          return;
        }
        target.handlers.onAsk(this.memberId, group, kind, body, joined).then(
          (answer) => this.#network.carry(target, this, () => resolve(answer)),
          (error: unknown) => {
            if (!(error instanceof OperationalError)) world.fail(error);
            this.#network.carry(target, this, () => reject(error as Error));
          },
        );
      });
    });
  }

  peers(): PeerStatus[] {
    return [...this.#peers].map(([id, address]) => {
      const target = this.#network.withId(id);
      const { machine } = this.host;
      const connected = target !== undefined && !this.#network.isCut(machine, target.host.machine) && !this.#network.isCut(target.host.machine, machine);
      return { id, address, connected, joining: false, rttMs: 1, bytesIn: 0, bytesOut: 0, queueBytes: 0, formatVersion: 1, lastError: '' };
    });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

function down(to: string): OperationalError {
  return new OperationalError('PEER_DOWN', `the connection to ${to} broke`);
}

/** One end of a stream between two processes. */
class SimStream extends Duplex {
  readonly #network: SimNetwork;
  readonly #from: Endpoint;
  readonly #to: Endpoint;
  #other: SimStream | null = null;
  #ended = false;

  constructor(network: SimNetwork, from: Endpoint, to: Endpoint) {
    super({ autoDestroy: true });
    this.#network = network;
    this.#from = from;
    this.#to = to;
  }

  join(other: SimStream): void {
    this.#other = other;
    other.#other = this;
  }

  /** This end's process is gone: nothing happens here any more, and the other end hears of it. */
  breakOther(): void {
    const other = this.#other!;
    this.#network.world.after(1, () => other.#from.host.deliver(() => other.destroy(down(this.#from.memberId))));
  }

  override _read(): void {
    // What arrives is pushed.
  }

  override _write(chunk: Uint8Array, _encoding: string, done: (error?: Error | null) => void): void {
    const bytes = Uint8Array.from(chunk);
    const other = this.#other!;
    this.#network.carry(this.#from, this.#to, () => {
      if (!other.destroyed) other.push(Buffer.from(bytes));
      this.#network.world.after(0.1, () => this.#from.host.deliver(() => done()));
    }, () => this.#lost());
  }

  override _final(done: (error?: Error | null) => void): void {
    const other = this.#other!;
    this.#ended = true;
    this.#network.carry(this.#from, this.#to, () => { if (!other.destroyed) other.push(null); }, () => this.#lost());
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    const other = this.#other;
    if (other !== null && !this.#ended && !other.destroyed) {
      this.#network.carry(this.#from, this.#to, () => other.destroy(error ?? down(this.#from.memberId)));
    }
    done(error);
  }

  #lost(): void {
    const other = this.#other!;
    this.#from.host.deliver(() => this.destroy(down(this.#to.memberId)));
    other.#from.host.deliver(() => other.destroy(down(this.#from.memberId)));
  }
}
