/**
 * `holdfast import redis://…`, or rediss://…: has a node follow a Redis, shows how far it is, and cuts over when both have the same: writes to
 * the source are paused by it, both are compared, and the node is told that the data is its own. What fails before that leaves
 * the source as it was.
 */
import { parseArgs } from 'node:util';
import { OperationalError } from '../shared/errors.ts';
import { ServerConnection } from './server-connection.ts';
import { TLS_OPTIONS, TLS_USAGE, type TlsValues, tlsOptions } from './tls-options.ts';

export const IMPORT_USAGE = `Usage: holdfast import redis[s]://[[USER]:PASSWORD@]HOST[:PORT] [--to HOST[:PORT]] [--stay]

Follows a running Redis (6 or later) or Valkey until the node has what it has. Then writes to the source are paused, both sides
are compared, and the node takes writes; the pause at the source ends by itself after --pause seconds, time for its clients to
come over. With rediss:// the source is spoken to by TLS, by the node too: that needs its tls-ca-cert-file or tls-ca-cert-dir
and, where the source wants one, its tls-client-cert-file and tls-client-key-file (or else tls-cert-file and tls-key-file).

      --to HOST:PORT    a node of Holdfast; default 127.0.0.1:6379
  -a, --pass PASSWORD   the node's password; default the environment's REDISCLI_AUTH
      --compare WHAT    at the cut-over: digest (of everything), sample (numbers of keys and some values), none; by default digest
                        for up to 200,000 keys, for neither side answers anybody else meanwhile, and sample for more
      --stay            do not cut over: say how it is done when the node follows
      --pause SECONDS   default 60
      --max-lag BYTES   cut over when no more of the stream is missing; default 1048576
      --tls             speak TLS with the node. Of this command's connections by TLS, to either side:
${TLS_USAGE} from the node
`;

const OPTIONS = {
  to: { type: 'string', default: '127.0.0.1:6379' },
  pass: { type: 'string', short: 'a' },
  compare: { type: 'string', default: 'by size' },
  stay: { type: 'boolean', default: false },
  pause: { type: 'string', default: '60' },
  'max-lag': { type: 'string', default: '1048576' },
  tls: { type: 'boolean', default: false },
  ...TLS_OPTIONS,
  help: { type: 'boolean', default: false },
} as const;

const POLL_MS = 200;
const LAST_POLL_MS = 5;
/** Keys whose values are compared where the source gives no digest. */
const SAMPLED_KEYS = 1000;
const BAR_CELLS = 30;
/** So often within its length the pause begins anew while the data is compared. */
const PAUSE_RENEWALS = 4;
/** With more keys a digest of all takes too long to wait for by default. */
const DIGESTED_KEYS_MAX = 200_000;
const COMPARISONS = new Set(['by size', 'digest', 'sample', 'none']);

interface Side {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly isSecure: boolean;
}

interface Wanted {
  readonly source: Side;
  readonly target: Side;
  readonly tls: TlsValues;
  readonly stay: boolean;
  readonly compare: string;
  readonly pauseMs: number;
  readonly maxLag: number;
}

/** Null for what cannot be meant. */
function parse(args: readonly string[]): Wanted | 'help' | null {
  try {
    const { values, positionals } = parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true });
    if (values.help) return 'help';
    if (positionals.length !== 1) return null;
    const url = new URL(positionals[0]!);
    const to = new URL(`redis://${values.to}`);
    const pauseMs = Number(values.pause) * 1000;
    const maxLag = Number(values['max-lag']);
    if ((url.protocol !== 'redis:' && url.protocol !== 'rediss:') || url.hostname === '' || !(pauseMs >= 1000) || !(maxLag >= 0) || !COMPARISONS.has(values.compare)) return null;
    const end = ({ hostname, port }: URL): { host: string; port: number } => ({ host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || '6379') });
    return {
      source: { ...end(url), user: decodeURIComponent(url.username), password: decodeURIComponent(url.password), isSecure: url.protocol === 'rediss:' },
      target: { ...end(to), user: '', password: values.pass ?? process.env.REDISCLI_AUTH ?? '', isSecure: values.tls },
      tls: values,
      stay: values.stay, compare: values.compare, pauseMs, maxLag,
    };
  } catch {
    return null;
  }
}

/** Runs the tool; resolves with the exit code: 1 when something is refused or differs, 2 for arguments that make no sense. */
export async function runImportTool(args: readonly string[]): Promise<number> {
  const wanted = parse(args);
  if (wanted === 'help') {
    process.stdout.write(IMPORT_USAGE);
    return 0;
  }
  if (wanted === null) {
    process.stderr.write(IMPORT_USAGE);
    return 2;
  }
  const open: ServerConnection[] = [];
  try {
    const source = await openSource(wanted);
    open.push(source);
    const target = await ServerConnection.open({ ...wanted.target, tls: wanted.target.isSecure ? tlsOptions(wanted.tls) : null }, 0);
    open.push(target);
    return await new ImportTool(wanted, source, target).run();
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
    process.stderr.write(`\nholdfast: ${error.message}\n`);
    return 1;
  } finally {
    for (const connection of open) connection.close();
  }
}

function openSource({ source, tls }: Wanted): Promise<ServerConnection> {
  return ServerConnection.open({ ...source, tls: source.isSecure ? tlsOptions({ ...tls, sni: undefined }) : null }, 0);
}

async function replication(connection: ServerConnection): Promise<ReadonlyMap<string, string>> {
  const info = String(await connection.send('INFO', 'replication'));
  return new Map([...info.matchAll(/^(\w+):(.*?)\r?$/gm)].map((line) => [line[1]!, line[2]!]));
}

class ImportTool {
  readonly #wanted: Wanted;
  readonly #source: ServerConnection;
  readonly #target: ServerConnection;
  #lineLength = 0;
  /** When the pause of the source's writes last began, at the latest. */
  #pausedAtMs = 0;

  constructor(wanted: Wanted, source: ServerConnection, target: ServerConnection) {
    this.#wanted = wanted;
    this.#source = source;
    this.#target = target;
  }

  async run(): Promise<number> {
    const { source, stay } = this.#wanted;
    await this.#checkEnds();
    if (source.password !== '') {
      await this.#target.send('CONFIG', 'SET', 'masteruser', source.user);
      await this.#target.send('CONFIG', 'SET', 'masterauth', source.password);
    }
    await this.#secureNode();
    await this.#target.send('REPLICAOF', source.host, String(source.port));
    await this.#follow();
    if (stay) {
      this.#say(`The node follows. To cut over: stop writes to ${source.host}:${source.port}, and send the node REPLICAOF NO ONE when its slave_repl_offset is the source's master_repl_offset.\n`);
      return 0;
    }
    return this.#cutOver();
  }

  /** Has the node speak TLS with the source, or not. */
  async #secureNode(): Promise<void> {
    try {
      await this.#target.send('CONFIG', 'SET', 'tls-replication', this.#wanted.source.isSecure ? 'yes' : 'no');
    } catch (error) {
      if (!(error instanceof OperationalError) || error.code !== 'SERVER_REFUSED') throw error;
      throw new OperationalError('NODE_WITHOUT_TLS', `the node cannot speak TLS with the source: set its tls-ca-cert-file (${error.message})`, error);
    }
  }

  async #checkEnds(): Promise<void> {
    const [source, target] = [await replication(this.#source), await replication(this.#target)];
    if (target.get('member_role') === undefined) throw new OperationalError('NOT_HOLDFAST', 'what answers at --to is no Holdfast: it cannot import');
    if (source.get('member_role') !== undefined) throw new OperationalError('NOT_REDIS', 'the source is a Holdfast: it has snapshots and members instead of a replication stream');
    if (source.get('role') !== 'master') throw new OperationalError('NOT_MASTER', 'the source is a replica: import from its primary, whose writes can be paused for the cut-over');
  }

  /** Until the node has all but a little of what the source has. */
  async #follow(): Promise<void> {
    let lastError = '';
    for (;;) {
      const [source, target] = [await replication(this.#source), await replication(this.#target)];
      const error = target.get('import_error') ?? '';
      if (error !== '' && error !== lastError) {
        // What an operator has to put right ends it; a broken connection does not.
        if (/refused|wants a password|no Redis/.test(error)) {
          await this.#target.send('REPLICAOF', 'NO', 'ONE');
          throw new OperationalError('IMPORT_REFUSED', error);
        }
        this.#say(`${error}; trying again\n`);
      }
      lastError = error;
      if (target.get('master_link_status') === 'up') {
        const lag = Math.max(0, Number(source.get('master_repl_offset')) - Number(target.get('slave_repl_offset')));
        this.#show(`following, ${lag} bytes behind`);
        if (lag <= this.#wanted.maxLag) return;
      } else this.#show(loadingText(target));
      await new Promise((resolve) => { setTimeout(resolve, POLL_MS); });
    }
  }

  async #cutOver(): Promise<number> {
    const { source, pauseMs } = this.#wanted;
    await this.#pause();
    const pausedAt = performance.now();
    try {
      await this.#inStep();
      this.#say(`In step ${Math.round(performance.now() - pausedAt)} ms after writes to the source were paused.\n`);
      const difference = await this.#whilePaused(() => this.#difference());
      if (difference !== '') throw new OperationalError('IMPORT_DIFFERS', `the data differs, and the node goes on following: ${difference}`);
      // A comparison may take longer than the pause lasts: what the source has taken by now, if anything, must be here too.
      await this.#pause();
      await this.#inStep();
      await this.#target.send('REPLICAOF', 'NO', 'ONE');
    } catch (error) {
      await this.#source.send('CLIENT', 'UNPAUSE');
      throw error;
    }
    this.#say(`The node takes writes: ${Math.round(performance.now() - pausedAt)} ms after the source stopped taking them.\n`);
    this.#say(`Writes to ${source.host}:${source.port} stay paused for ${Math.round((this.#pausedAtMs + pauseMs - performance.now()) / 1000)} s: bring its clients over now.\n`);
    return 0;
  }

  /** Writes to the source are paused from now on for as long as is wanted. */
  async #pause(): Promise<void> {
    const sentAtMs = performance.now();
    await this.#source.send('CLIENT', 'PAUSE', String(this.#wanted.pauseMs), 'WRITE');
    this.#pausedAtMs = sentAtMs;
  }

  /** Does `work` and has the pause begin anew now and then, over a connection of its own: `work` may wait long for an answer of the source. */
  async #whilePaused<T>(work: () => Promise<T>): Promise<T> {
    const { pauseMs } = this.#wanted;
    const connection = await openSource(this.#wanted);
    let renewing: Promise<unknown> | null = null;
    const timer = setInterval(() => {
      renewing ??= connection.send('CLIENT', 'PAUSE', String(pauseMs), 'WRITE').catch(() => undefined).finally(() => { renewing = null; });
    }, pauseMs / PAUSE_RENEWALS);
    try {
      return await work();
    } finally {
      clearInterval(timer);
      connection.close();
    }
  }

  /** Until the node has all that the source has, whose writes have just been paused. */
  async #inStep(): Promise<void> {
    const deadlineMs = this.#pausedAtMs + this.#wanted.pauseMs / 2;
    for (;;) {
      const [source, target] = [await replication(this.#source), await replication(this.#target)];
      if (target.get('master_link_status') === 'up' && target.get('slave_repl_offset') === source.get('master_repl_offset')) return;
      if (performance.now() > deadlineMs) throw new OperationalError('IMPORT_LATE', 'the node did not catch up while writes were paused: it goes on following');
      await new Promise((resolve) => { setTimeout(resolve, LAST_POLL_MS); });
    }
  }

  /** What is not the same on both sides, or ''. */
  async #difference(): Promise<string> {
    if (this.#wanted.compare === 'none') return '';
    if (this.#wanted.compare === 'sample' || (this.#wanted.compare === 'by size' && (await this.#keysOfSource()) > DIGESTED_KEYS_MAX)) return this.#differenceOfSample();
    const digest = async (connection: ServerConnection): Promise<string | null> => {
      try {
        return String(await connection.send('DEBUG', 'DIGEST'));
      } catch (error) {
        if (error instanceof OperationalError && error.code === 'SERVER_REFUSED') return null;
        throw error;
      }
    };
    const [expected, found] = await Promise.all([digest(this.#source), digest(this.#target)]);
    if (expected !== null && found !== null) {
      this.#say(`Digest of the source: ${expected}\nDigest of the node:   ${found}\n`);
      return expected === found ? '' : 'their digests are not the same';
    }
    this.#say('DEBUG DIGEST is not allowed on both sides: numbers of keys and a sample of values are compared.\n');
    return this.#differenceOfSample();
  }

  async #keysOfSource(): Promise<number> {
    const counts = [...String(await this.#source.send('INFO', 'keyspace')).matchAll(/keys=(\d+)/g)];
    return counts.reduce((sum, [, count]) => sum + Number(count), 0);
  }

  async #differenceOfSample(): Promise<string> {
    const keys = async (connection: ServerConnection): Promise<string> => String(await connection.send('INFO', 'keyspace')).replace(/,(avg_ttl|subexpiry)=\d+/g, '').replace(/^#.*\r\n/, '');
    const [expected, found] = [await keys(this.#source), await keys(this.#target)];
    if (expected.trim() !== found.trim()) return `keys of the source: ${expected.trim()}; of the node: ${found.trim()}`;
    for (let i = 0; i < SAMPLED_KEYS; i++) {
      const key = await this.#source.send('RANDOMKEY');
      if (key === null) return '';
      const name = String(key);
      for (const question of [['TYPE', name], ['PEXPIRETIME', name], ['DEBUG', 'DIGEST-VALUE', name], ['DUMP', name]]) {
        const [one, two] = [await quiet(this.#source, question), await quiet(this.#target, question)];
        if (question[0] !== 'DUMP' && one !== null && two !== null && one !== two) return `${question.join(' ')} is ${one} at the source and ${two} here`;
        if (question[0] === 'DUMP' && (one === 'null') !== (two === 'null')) return `key ${name} is there on one side only`;
      }
    }
    return '';
  }

  #show(text: string): void {
    if (!process.stdout.isTTY) return;
    process.stdout.write(`\r${text.padEnd(this.#lineLength)}`);
    this.#lineLength = text.length;
  }

  #say(text: string): void {
    if (this.#lineLength > 0) process.stdout.write('\n');
    this.#lineLength = 0;
    process.stdout.write(text);
  }
}

/** A reply as text, or null where the question is refused. */
async function quiet(connection: ServerConnection, question: readonly string[]): Promise<string | null> {
  try {
    return String(await connection.send(...question));
  } catch (error) {
    if (error instanceof OperationalError && error.code === 'SERVER_REFUSED') return null;
    throw error;
  }
}

function loadingText(target: ReadonlyMap<string, string>): string {
  if (target.get('master_sync_in_progress') !== '1') return 'connecting';
  const [done, total] = [Number(target.get('master_sync_read_bytes')), Number(target.get('master_sync_total_bytes'))];
  if (total === 0) return `loading: ${done} bytes`;
  const cells = Math.round((BAR_CELLS * done) / total);
  return `loading [${'#'.repeat(cells)}${'.'.repeat(BAR_CELLS - cells)}] ${((100 * done) / total).toFixed(1)} %`;
}
