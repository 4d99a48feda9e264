/**
 * REPLICAOF: the data of a running Redis, followed into this shard's own log while the Redis goes on being used.
 *
 * Runs at the primary. The source's RDB is loaded entry by entry and its stream is run command by command; what they change
 * goes to the log as any write's effects do, and how far the source's stream is goes with them in the same record. So another
 * member that becomes primary asks the source for exactly what is missing. Until a first load is complete nobody may read:
 * a part is never served as the whole.
 */
import { USERS_AUX } from '../../engine/acl/users.ts';
import type { ImportState } from '../../engine/import-state.ts';
import { EntryEffects } from '../../engine/rdb/entry-effects.ts';
import { LoadState, RdbLoader } from '../../engine/rdb/rdb-loader.ts';
import type { Waiter } from '../../replication/commit-gate.ts';
import { UNBLOCKED_BY_DEMOTION } from '../../replication/member.ts';
import { isRdbError } from '../../shared/rdb/rdb-errors.ts';
import { OperationalError, invariant } from '../../shared/errors.ts';
import type { Server } from '../server.ts';
import { sourceTlsContext } from '../tls-settings.ts';
import { type SourceAddress, SourceLink } from './source-link.ts';
import { SourceStream } from './source-stream.ts';

/** The source hears that often where this end is; between attempts to reach it as much time passes. */
const EVERY_MS = 1000;
/** So long, in ms, does the import have the thread at a time. */
const SLICE_MS = 3;
const ENTRIES_A_STEP = 100;
const MARK_BYTES = 40;

/** What INFO shows of the work. */
export interface ImportProgress {
  /** connect: it is not reached; handshake; sync: its RDB comes; up: its stream does. */
  link: 'connect' | 'handshake' | 'sync' | 'up';
  /** Bytes of the RDB: those read, and all (0: the source does not say). */
  loadedBytes: number;
  totalBytes: number;
  /** Why the last attempt ended, or ''. */
  error: string;
  downSinceMs: number;
  fullSyncs: number;
  continuations: number;
}

/** One run of the import: from when this member may do it until it may not any more, or is told something else. */
class Run {
  readonly stop = new AbortController();
  link: SourceLink | null = null;
  loader: RdbLoader | null = null;
}

export class Importer implements Waiter {
  readonly progress: ImportProgress = { link: 'connect', loadedBytes: 0, totalBytes: 0, error: '', downSinceMs: Date.now(), fullSyncs: 0, continuations: 0 };
  readonly #server: Server;
  #run: Run | null = null;
  /** Turns that are not committed, with the offset that the data then has. */
  #offsets: { readonly turn: number; readonly offset: number }[] = [];
  #committedOffset = 0;
  #resume: () => void = () => undefined;

  constructor(server: Server) {
    this.#server = server;
  }

  get lastReadMs(): number {
    return this.#run?.link?.lastReadMs ?? 0;
  }

  // ---- What the operator says ----

  /** REPLICAOF host port, as part of a command's turn. */
  begin({ host, port }: SourceAddress): void {
    const { engine } = this.#server;
    this.halt();
    const half = engine.importing?.phase === 'load';
    engine.blocking.unblockAll(UNBLOCKED_BY_DEMOTION);
    this.#log({ host, port, phase: half ? 'load' : 'connect', streamId: '', offset: 0, db: 0 });
    this.#lookAnew();
    this.resume();
  }

  /** REPLICAOF NO ONE: the data is this shard's own from now on; a part of a source's data is thrown away. */
  end(): void {
    const { engine } = this.#server;
    const half = engine.importing?.phase === 'load';
    this.halt();
    if (half) {
      this.#server.log.warning('The import ends before all was there: the part is thrown away');
      this.#empty();
    }
    this.#log(null);
    this.#lookAnew();
  }

  // ---- This member's role ----

  /** Goes on with the import that the log speaks of: this member is primary. */
  resume(): void {
    const { importing } = this.#server.engine;
    if (importing === null || this.#run !== null) return;
    this.#committedOffset = importing.offset;
    const run = (this.#run = new Run());
    this.progress.error = '';
    void this.#follow(run);
  }

  /** Stops at once, between two entries or commands: this member is not primary any more, or is told so. */
  halt(): void {
    const run = this.#run;
    if (run === null) return;
    this.#run = null;
    run.loader?.abandon();
    run.loader = null;
    run.stop.abort();
    run.link?.close();
    this.#offsets = [];
    this.#down('');
    this.#resume();
  }

  // ---- Attempts ----

  async #follow(run: Run): Promise<void> {
    const server = this.#server;
    for (;;) {
      try {
        await this.#attempt(run);
      } catch (error) {
        if (!(error instanceof OperationalError)) throw error;
        run.loader?.abandon();
        run.loader = null;
        run.link?.close();
        if (this.#run !== run) return;
        if (error.message !== this.progress.error) server.log.warning(`Import from ${this.#name()}: ${error.message}`);
        this.#down(error.message);
        // What cannot be repeated will not be repeated the next time either; a new look at everything may get over it.
        if (error.code === 'SOURCE_COMMAND' || isRdbError(error)) this.#forgetStream();
      }
      if (this.#run !== run) return;
      await new Promise<void>((resolve) => {
        this.#resume = resolve;
        setTimeout(resolve, EVERY_MS);
      });
      if (this.#run !== run) return;
    }
  }

  #name(): string {
    const { importing } = this.#server.engine;
    return importing === null ? 'nowhere' : `${importing.host}:${importing.port}`;
  }

  async #attempt(run: Run): Promise<void> {
    const { config, engine, port } = this.#server;
    const { host, port: sourcePort, streamId, offset, phase } = engine.importing!;
    const link = (run.link = await SourceLink.open({
      host, port: sourcePort, user: config.string('masteruser'), password: config.string('masterauth'), listeningPort: port, timeoutMs: config.number('repl-timeout') * 1000,
      tls: sourceTlsContext(config),
    }, run.stop.signal));
    this.#mustRun(run);
    this.progress.link = 'handshake';
    const answer = await link.sync(phase === 'follow' ? streamId : '', offset);
    this.#mustRun(run);
    if (answer.kind === 'full') {
      this.progress.fullSyncs++;
      await this.#load(run, link, answer.streamId, answer.offset);
    } else {
      this.progress.continuations++;
      if (answer.streamId !== '' && answer.streamId !== streamId) this.#server.enterTurn(() => this.#log({ ...engine.importing!, streamId: answer.streamId }));
    }
    this.progress.link = 'up';
    this.progress.error = '';
    this.#server.log.notice(`Import from ${this.#name()}: following at offset ${engine.importing!.offset}`);
    await this.#stream(run, link);
  }

  // ---- The whole ----

  async #load(run: Run, link: SourceLink, streamId: string, offset: number): Promise<void> {
    const { engine } = this.#server;
    const { progress } = this;
    const header = await link.line();
    this.#mustRun(run);
    if (!header.startsWith('$')) throw new OperationalError('SOURCE_UNKNOWN', `the source sends ${header.slice(0, 60)} where its data should begin`);
    // Without a disk the source does not know the length: it ends with a mark that it tells beforehand.
    const mark = header.startsWith('$EOF:') ? header.slice('$EOF:'.length) : null;
    progress.link = 'sync';
    progress.loadedBytes = 0;
    progress.totalBytes = mark === null ? Number(header.slice(1)) : 0;
    this.#server.log.notice(`Import from ${this.#name()}: loading everything${mark === null ? `, ${progress.totalBytes} bytes` : ''}`);
    this.#server.enterTurn(() => {
      this.#empty();
      this.#log({ ...engine.importing!, phase: 'load', streamId: '', offset: 0, db: 0 });
    });
    const effects = new EntryEffects(engine, engine.loadedEffects);
    const loader = (run.loader = new RdbLoader(engine, { onLoaded: effects }));
    const alive = setInterval(() => link.sendNewline(), EVERY_MS);
    try {
      await this.#loadRdb(run, link, loader, mark);
    } finally {
      clearInterval(alive);
    }
    run.loader = null;
    this.#server.enterTurn(() => {
      this.#log({ ...engine.importing!, phase: 'follow', streamId, offset, db: 0 });
      this.#lookAnew();
    });
    this.#server.log.notice(`Import from ${this.#name()}: loaded ${loader.keys} keys`);
    if (loader.aux.has(USERS_AUX)) this.#server.log.warning(`Import from ${this.#name()}: its data names users; they were passed over`);
  }

  async #loadRdb(run: Run, link: SourceLink, loader: RdbLoader, mark: string | null): Promise<void> {
    const { progress } = this;
    let left = mark === null ? progress.totalBytes : Infinity;
    for (let state: number = LoadState.input; state !== LoadState.done;) {
      if (left === 0) loader.finish();
      else {
        const chunk = await link.read();
        this.#mustRun(run);
        const bytes = chunk.length > left ? chunk.subarray(0, left) : chunk;
        link.unread(chunk.subarray(bytes.length));
        left -= bytes.length;
        progress.loadedBytes += bytes.length;
        loader.feed(bytes);
        state = LoadState.more;
        while (state === LoadState.more) state = await this.#slice(run, () => this.#loadSome(loader));
        if (state === LoadState.done && mark !== null) link.unread(bytes.subarray(bytes.length - loader.unreadBytes));
        continue;
      }
      state = await this.#slice(run, () => this.#loadSome(loader));
    }
    if (mark !== null) await this.#expectMark(run, link, mark);
    else if (left > 0 || loader.unreadBytes > 0) throw new OperationalError('RDB_DAMAGED', "bytes follow the end of the source's data");
  }

  #loadSome(loader: RdbLoader): number {
    const { engine } = this.#server;
    const endMs = performance.now() + SLICE_MS;
    let state: number = LoadState.more;
    engine.keyspace.events.silently(() => {
      while (state === LoadState.more && performance.now() < endMs) state = loader.step(ENTRIES_A_STEP);
    });
    return state;
  }

  async #expectMark(run: Run, link: SourceLink, mark: string): Promise<void> {
    let found = '';
    while (found.length < MARK_BYTES) {
      const chunk = await link.read();
      this.#mustRun(run);
      const bytes = chunk.subarray(0, MARK_BYTES - found.length);
      link.unread(chunk.subarray(bytes.length));
      found += bytes.toString('latin1');
    }
    if (found !== mark) throw new OperationalError('RDB_DAMAGED', "the source's data does not end where it should");
  }

  // ---- The stream ----

  async #stream(run: Run, link: SourceLink): Promise<void> {
    const { engine } = this.#server;
    const { offset, db } = engine.importing!;
    const stream = new SourceStream(engine, offset, db);
    this.#committedOffset = offset;
    const acknowledge = (): void => link.send('REPLCONF', 'ACK', String(this.#committedOffset));
    acknowledge();
    const acks = setInterval(acknowledge, EVERY_MS);
    try {
      for (;;) {
        stream.feed(await link.read());
        this.#mustRun(run);
        while (await this.#slice(run, () => this.#runSome(stream)));
        if (stream.wantsAck) acknowledge();
        stream.wantsAck = false;
      }
    } finally {
      clearInterval(acks);
    }
  }

  /** Runs commands of the stream; what they did and where the stream is then go into one record. */
  #runSome(stream: SourceStream): boolean {
    const { engine } = this.#server;
    const endMs = performance.now() + SLICE_MS;
    const { offset } = stream;
    try {
      return stream.run(() => performance.now() < endMs);
    } finally {
      if (stream.offset !== offset) {
        this.#log({ ...engine.importing!, offset: stream.offset, db: stream.db });
        this.#noteOffset(stream.offset);
      }
    }
  }

  #noteOffset(offset: number): void {
    const { turn } = this.#server.engine;
    if (this.#offsets[this.#offsets.length - 1]?.turn === turn) this.#offsets.pop();
    this.#offsets.push({ turn, offset });
    this.#server.gate.wait(this, turn);
  }

  /** What the source is told to be here is committed. */
  release(turn: number): void {
    while (this.#offsets.length > 0 && this.#offsets[0]!.turn <= turn) this.#committedOffset = this.#offsets.shift()!.offset;
    this.#resume();
  }

  inDoubt(): void {
    this.#offsets = [];
  }

  // ---- Inside ----

  /** Does a piece of work in a turn, and lets others have theirs; waits first while the log is behind. */
  async #slice<T>(run: Run, work: () => T): Promise<T> {
    const server = this.#server;
    while (server.pausedForWrites || server.member.handingOver || server.handover.state !== 'no-failover') {
      await new Promise<void>((resolve) => {
        this.#resume = resolve;
        setTimeout(resolve, 10);
      });
      this.#mustRun(run);
    }
    let result!: T;
    server.enterTurn(() => { result = work(); });
    await new Promise<void>((resolve) => { setImmediate(resolve); });
    this.#mustRun(run);
    return result;
  }

  #mustRun(run: Run): void {
    if (this.#run !== run) throw new OperationalError('IMPORT_ENDED', 'the import was ended');
  }

  #down(error: string): void {
    if (this.progress.link === 'up' || this.progress.link === 'sync') this.progress.downSinceMs = Date.now();
    this.progress.link = 'connect';
    this.progress.error = error;
  }

  /** The next attempt begins with everything. What is here stays readable until then. */
  #forgetStream(): void {
    const { engine } = this.#server;
    if (engine.importing?.phase !== 'follow') return;
    this.#server.enterTurn(() => this.#log({ ...engine.importing!, phase: 'connect', streamId: '', offset: 0, db: 0 }));
  }

  #empty(): void {
    const { engine } = this.#server;
    engine.keyspace.flushAll();
    engine.functions.mark();
    engine.functions.clear();
    const effects = engine.loadedEffects;
    effects.begin(0, 1);
    effects.text('FLUSHALL');
    effects.begin(0, 2);
    effects.text('FUNCTION');
    effects.text('FLUSH');
  }

  #log(state: ImportState | null): void {
    const { member, engine } = this.#server;
    invariant(member.role === 'primary', 'only a primary imports');
    engine.logImport(state);
  }

  /** Whoever reads from now on sees something else than before, of every key. */
  #lookAnew(): void {
    const { keyspace } = this.#server.engine;
    for (const db of keyspace.databases) keyspace.hazards.markDb(db.number);
    this.#server.tracking.databaseReplaced();
  }
}
