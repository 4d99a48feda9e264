/**
 * A job queue: a stream and one consumer group. Each job is handed to one worker; a worker that dies leaves it pending, and another claims it.
 * A job is done at least once: after a crash in the wrong moment, twice. What it does must bear that; its id is the same each time.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Database } from '../database.ts';

const GROUP = 'workers';
const FIELD = 'payload';
/** How long a worker waits for a new job before it looks whether others have left some. */
const BLOCK_MS = 500;
const RETRY_MS = 200;

export interface Job<Payload> {
  readonly id: string;
  readonly payload: Payload;
  /** From 1. */
  readonly attempt: number;
}

export interface QueueOptions {
  /** A job that was in hand for so long is taken for abandoned. Longer than any job takes; also the time after which a failed one is tried again. */
  readonly claimAfterMs: number;
  /** How often a job is tried before it is put aside. */
  readonly attemptsMax: number;
}

/** What a worker does. The job is done when this resolves; when it rejects, it is tried again. */
export type Handler<Payload> = (job: Job<Payload>) => Promise<void>;

interface Entry {
  readonly id: string;
  readonly message: Readonly<Record<string, string>>;
}

export class JobQueue<Payload> {
  readonly #database: Database;
  readonly #stream: string;
  readonly #failed: string;
  readonly #options: QueueOptions;

  private constructor(database: Database, name: string, options: QueueOptions) {
    this.#database = database;
    // The braces keep both streams in one slot, as a transaction needs in a cluster.
    this.#stream = `jobs:{${name}}`;
    this.#failed = `jobs:{${name}}:failed`;
    this.#options = options;
  }

  /** The queue of this name, made if need be. The payload is anything that JSON can hold. */
  static async open<Payload>(database: Database, name: string, options: QueueOptions): Promise<JobQueue<Payload>> {
    const queue = new JobQueue<Payload>(database, name, options);
    try {
      await database.xGroupCreate(queue.#stream, GROUP, '0', { MKSTREAM: true });
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith('BUSYGROUP')) throw error;
    }
    return queue;
  }

  /** Adds a job; when this returns its id, the job is durable. When it throws because the connection was lost, the job may be there or not. */
  async add(payload: Payload): Promise<string> {
    return this.#database.xAdd(this.#stream, '*', { [FIELD]: JSON.stringify(payload) });
  }

  /** Jobs that wait or are in hand, and jobs that were put aside. */
  async counts(): Promise<{ readonly open: number; readonly failed: number }> {
    const [open, failed] = await Promise.all([this.#database.xLen(this.#stream), this.#database.xLen(this.#failed)]);
    return { open, failed };
  }

  /**
   * Works as the worker of this name, one job at a time, until aborted: then the job in hand is finished. Goes on through lost connections.
   * The queue's connection belongs to the worker meanwhile, since waiting for jobs blocks it.
   */
  async work(worker: string, handle: Handler<Payload>, signal: AbortSignal): Promise<void> {
    let cursor = '0-0';
    while (!signal.aborted) {
      try {
        // Some of what others have in hand is looked at each time; the cursor gets round all of it.
        const { nextId, messages } = await this.#database.xAutoClaim(this.#stream, GROUP, worker, this.#options.claimAfterMs, cursor, { COUNT: 1 });
        cursor = nextId;
        for (const entry of messages) {
          if (entry !== null) await this.#retry(entry, handle);
        }
        // What was abandoned goes first: it is the oldest.
        if (messages.length > 0) continue;
        const fresh = await this.#database.xReadGroup(GROUP, worker, { key: this.#stream, id: '>' }, { COUNT: 1, BLOCK: BLOCK_MS });
        for (const entry of fresh?.[0]?.messages ?? []) await this.#attempt(entry, 1, handle);
      } catch (error) {
        // A job in hand whose end was not recorded stays pending, and is claimed by whoever comes first.
        console.error(`worker ${worker}: ${(error as Error).message}`);
        await delay(RETRY_MS, undefined, { signal }).catch(() => undefined);
      }
    }
  }

  async #retry(entry: Entry, handle: Handler<Payload>): Promise<void> {
    const [pending] = await this.#database.xPendingRange(this.#stream, GROUP, entry.id, entry.id, 1);
    // Its first worker was only slow, and has finished it by now.
    if (pending === undefined) return;
    if (pending.deliveriesCounter <= this.#options.attemptsMax) return this.#attempt(entry, pending.deliveriesCounter, handle);
    await this.#database.multi()
      .xAdd(this.#failed, '*', { ...entry.message, id: entry.id })
      .xAck(this.#stream, GROUP, entry.id).xDel(this.#stream, entry.id).exec();
  }

  async #attempt(entry: Entry, attempt: number, handle: Handler<Payload>): Promise<void> {
    try {
      await handle({ id: entry.id, payload: JSON.parse(entry.message[FIELD]!) as Payload, attempt });
    } catch (error) {
      console.error(`job ${entry.id}, attempt ${attempt}: ${(error as Error).message}`);
      return;
    }
    await this.#database.multi().xAck(this.#stream, GROUP, entry.id).xDel(this.#stream, entry.id).exec();
  }
}
