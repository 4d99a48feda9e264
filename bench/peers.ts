/**
 * The network between members by itself: round trips of small frames between two processes over loopback, one at a time with
 * pauses (idle), one at a time without, and many on their way at once. Beside it bare sockets that send back what comes, which
 * is what the machine and Node can do at all.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import net from 'node:net';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { PeerTransportOptions } from '../src/replication/peers/peer-network.ts';
import { PeerTransport } from '../src/replication/peers/peer-transport.ts';
import { number, runBenchmark } from './options.ts';
import { progress, writeReport } from './report.ts';
import { figure, median, percentile, table } from './statistics.ts';

const USAGE = `npm run bench:peers -- [options]
  --rounds 5           runs of each kind, in turn; the median counts
  --frames 20000       round trips of a run without pauses; a tenth of them with pauses
  --frame-bytes 150    length of a frame
  --outstanding 128    frames on their way at once in the last kind
  --json PATH          where the figures go (default: bench/results/)`;

const GROUP = 'f'.repeat(40);
const HOST = '127.0.0.1';

function optionsOf(memberId: string, onFrame: PeerTransportOptions['onFrame'], onUp: () => void): PeerTransportOptions {
  return {
    memberId, clusterId: GROUP, listen: [{ host: HOST, port: 0 }], secret: 'benchmark', tls: null, formatVersion: 1, joinKinds: [], onFrame, onUp,
    onDown: () => undefined,
    onAsk: () => Promise.reject(new Error('nobody asks')),
    onStream: () => undefined,
    notice: () => undefined,
    warn: progress,
  };
}

/** The other process: sends back what comes, at the end of each turn. */
async function echo(): Promise<void> {
  let flushing = false;
  const transport: PeerTransport = await PeerTransport.listen(optionsOf('n2', (from, group, frame) => {
    transport.send(from, group, frame);
    if (flushing) return;
    flushing = true;
    setImmediate(() => {
      flushing = false;
      transport.flush();
    });
  }, () => undefined));
  const bare = net.createServer({ noDelay: true }, (socket) => socket.on('data', (piece) => socket.write(piece)));
  bare.listen(0, HOST, () => process.send!([transport.port, (bare.address() as net.AddressInfo).port]));
  process.once('disconnect', () => process.exit(0));
}

interface Run {
  readonly p50Us: number;
  readonly p99Us: number;
  readonly perSecond: number;
  readonly cpuUs: number;
}

/** Somebody who sends frames and is told of each that comes back. */
interface Line {
  send(): void;
  flush(): void;
}

function bareLine(port: number, frameBytes: number, returned: () => void): Promise<Line> {
  const frame = Buffer.alloc(frameBytes, 'x');
  let queued = 0;
  let bytes = 0;
  const socket = net.connect({ host: HOST, port, noDelay: true });
  socket.on('data', (piece) => {
    for (bytes += piece.length; bytes >= frameBytes; bytes -= frameBytes) returned();
  });
  const line: Line = {
    send: () => { queued++; },
    flush: () => {
      if (queued > 0) socket.write(queued === 1 ? frame : Buffer.concat(new Array<Buffer>(queued).fill(frame)));
      queued = 0;
    },
  };
  return new Promise((resolve) => socket.once('connect', () => resolve(line)));
}

async function peerLine(port: number, frameBytes: number, returned: () => void): Promise<Line> {
  const frame = Buffer.alloc(frameBytes, 'x');
  let up = (): void => undefined;
  const connected = new Promise<void>((resolve) => {
    up = resolve;
  });
  const transport = await PeerTransport.listen(optionsOf('n1', returned, () => up()));
  transport.setPeers(new Map([['n2', { host: HOST, port }]]));
  await connected;
  return { send: () => { transport.send('n2', GROUP, frame); }, flush: () => transport.flush() };
}

class Pinger {
  #line: Line | null = null;
  readonly #sentMs: number[] = [];
  #head = 0;
  #samples: number[] = [];
  #left = 0;
  #pauses = false;
  #done = (): void => undefined;

  static async over(make: (returned: () => void) => Promise<Line>): Promise<Pinger> {
    const pinger = new Pinger();
    pinger.#line = await make(() => pinger.#returned());
    return pinger;
  }

  async run(frames: number, outstanding: number, pauses: boolean): Promise<Run> {
    this.#samples = [];
    this.#left = frames;
    this.#pauses = pauses;
    const cpu = process.cpuUsage();
    const beganMs = performance.now();
    const done = new Promise<void>((resolve) => {
      this.#done = resolve;
    });
    for (let i = 0; i < outstanding; i++) this.#send();
    this.#line!.flush();
    await done;
    const elapsedMs = performance.now() - beganMs;
    const { user, system } = process.cpuUsage(cpu);
    return {
      p50Us: percentile(this.#samples, 0.5) * 1000, p99Us: percentile(this.#samples, 0.99) * 1000, perSecond: frames / elapsedMs * 1000,
      cpuUs: (user + system) / frames,
    };
  }

  #send(): void {
    this.#left--;
    this.#sentMs.push(performance.now());
    this.#line!.send();
  }

  #returned(): void {
    this.#samples.push(performance.now() - this.#sentMs[this.#head++]!);
    if (this.#head === this.#sentMs.length) {
      this.#sentMs.length = 0;
      this.#head = 0;
      if (this.#left <= 0) {
        this.#done();
        return;
      }
    }
    if (this.#left <= 0) return;
    if (this.#pauses) setTimeout(() => this.#sendNow(), 2);
    else this.#sendLater();
  }

  #sendNow(): void {
    this.#send();
    this.#line!.flush();
  }

  /** With the others of this turn. */
  #sendLater(): void {
    this.#send();
    if (this.#sentMs.length - this.#head === 1) this.#line!.flush();
    else setImmediate(() => this.#line!.flush());
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      rounds: { type: 'string', default: '5' }, frames: { type: 'string', default: '20000' }, 'frame-bytes': { type: 'string', default: '150' },
      outstanding: { type: 'string', default: '128' }, json: { type: 'string' }, help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(USAGE);
    return;
  }
  const options = {
    rounds: number('rounds', values.rounds), frames: number('frames', values.frames), frameBytes: number('frame-bytes', values['frame-bytes']),
    outstanding: number('outstanding', values.outstanding),
  };
  const child = fork(fileURLToPath(import.meta.url), ['echo']);
  const [[peerPort, barePort]] = await once(child, 'message') as [[number, number]];
  const pingers = {
    members: await Pinger.over((returned) => peerLine(peerPort, options.frameBytes, returned)),
    'bare sockets': await Pinger.over((returned) => bareLine(barePort, options.frameBytes, returned)),
  };
  const kinds: Record<string, () => Promise<Run>> = {};
  for (const [name, pinger] of Object.entries(pingers)) {
    kinds[`idle, ${name}`] = () => pinger.run(Math.ceil(options.frames / 10), 1, true);
    kinds[`back to back, ${name}`] = () => pinger.run(options.frames, 1, false);
    kinds[`${options.outstanding} outstanding, ${name}`] = () => pinger.run(options.frames * 10, options.outstanding, false);
  }
  const runs: Record<string, Run[]> = {};
  for (let round = 0; round <= options.rounds; round++) {
    for (const [kind, run] of Object.entries(kinds)) {
      const result = await run();
      // The first round warms up.
      if (round > 0) (runs[kind] ??= []).push(result);
    }
    progress(`${round}/${options.rounds}`);
  }
  child.disconnect();
  const rows = Object.entries(runs).map(([kind, of]) => {
    const middle = (pick: (run: Run) => number): number => median(of.map(pick));
    return [kind, figure(middle((run) => run.p50Us), 1), figure(middle((run) => run.p99Us), 1), figure(middle((run) => run.perSecond)), figure(middle((run) => run.cpuUs), 1)];
  });
  console.log(`${table([['round trips', 'p50 µs', 'p99 µs', 'per second', 'CPU µs each'], ...rows])}\n\n${options.frameBytes}-byte frames, loopback. Medians of ${options.rounds}.`);
  console.log(`Written to ${writeReport('peers', values.json, [], options, runs)}`);
}

if (process.argv[2] === 'echo') void echo();
else runBenchmark(main);
