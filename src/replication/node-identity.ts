/**
 * Who this node is: a member id that is drawn at random with a new data directory and lost with it. So a node whose disk
 * was wiped can never be taken for the member that it was, whose votes and acknowledgements it does not remember.
 */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { OperationalError } from '../shared/errors.ts';
import { makeDurableDirectory, syncDirectory } from '../txlog/durable-directory.ts';
import type { MemberConfig, MemberRole } from '../txlog/raft/types.ts';

export interface NodeIdentity {
  /** 40 hexadecimal digits, as Redis's node ids. */
  readonly memberId: string;
  /** The shard that it belongs to; '' while it belongs to none. */
  readonly shardId: string;
  /** The configuration with which its log begins; null while it belongs to no shard. */
  readonly firstConfig: MemberConfig | null;
  /** Whether the log was there once: then it must be there, for it holds what this member promised. */
  readonly hasLog: boolean;
  /** The role that it was last started with and that the shard gave it; null before. */
  readonly reachedRole: MemberRole | null;
}

/** Where a node's identity is kept, durably: what the methods below have resolved for is found after a crash. */
export interface IdentityStore {
  readonly identity: NodeIdentity;
  /** This node is of that shard from now on. Its log is made after this. */
  joined(shardId: string, firstConfig: MemberConfig): Promise<void>;
  /**
   * The log was opened. @param created whether it was not there before
   * @throws OperationalError NODE_LOG_MISSING when it should have been: its votes and acknowledgements are forgotten.
   */
  logOpened(created: boolean): Promise<void>;
  /** The shard gave this node the role that it was started with. */
  roleReached(role: MemberRole): Promise<void>;
}

const FILE = 'node.json';
const ID = /^[0-9a-f]{40}$/;

export class IdentityFile implements IdentityStore {
  readonly #directory: string;
  identity: NodeIdentity;

  private constructor(directory: string, identity: NodeIdentity) {
    this.#directory = directory;
    this.identity = identity;
  }

  /**
   * Reads the identity in a data directory, or draws one.
   * @throws OperationalError NODE_IDENTITY when the file is damaged, NODE_DIRECTORY when the directory cannot be had or written to.
   */
  static async open(directory: string): Promise<IdentityFile> {
    await inDirectory(directory, () => makeDurableDirectory(directory));
    const path = join(directory, FILE);
    let text: string;
    try {
      text = readFileSync(path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw new OperationalError('NODE_IDENTITY', `${path}: ${(error as Error).message}`, error);
      const created = new IdentityFile(directory, { memberId: randomBytes(20).toString('hex'), shardId: '', firstConfig: null, hasLog: false, reachedRole: null });
      await created.#write();
      return created;
    }
    const found = parse(text);
    if (found === null) throw new OperationalError('NODE_IDENTITY', `${path} does not say who this node is: restore it, or start with an empty directory as a new member`);
    return new IdentityFile(directory, found);
  }

  async joined(shardId: string, firstConfig: MemberConfig): Promise<void> {
    this.identity = { ...this.identity, shardId, firstConfig };
    await this.#write();
  }

  async logOpened(created: boolean): Promise<void> {
    if (created && this.identity.hasLog) {
      throw new OperationalError('NODE_LOG_MISSING', `the transaction log of this member is gone from ${this.#directory}: restore it, or empty the whole directory to start as a new member`);
    }
    if (this.identity.hasLog) return;
    this.identity = { ...this.identity, hasLog: true };
    await this.#write();
  }

  async roleReached(reachedRole: MemberRole): Promise<void> {
    this.identity = { ...this.identity, reachedRole };
    await this.#write();
  }

  #write(): Promise<void> {
    return inDirectory(this.#directory, () => this.#replaceFile());
  }

  async #replaceFile(): Promise<void> {
    const path = join(this.#directory, FILE);
    const file = await open(`${path}.new`, 'w');
    try {
      await file.writeFile(`${JSON.stringify(this.identity)}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(`${path}.new`, path);
    await syncDirectory(this.#directory);
  }
}

/** Does what needs the data directory, of which operators know what it lacks. */
async function inDirectory(directory: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).errno === undefined) throw error;
    const why = `${directory} cannot be used as the data directory: ${(error as Error).message}. Let this process write to it, or name another directory by 'dir'`;
    throw new OperationalError('NODE_DIRECTORY', why, error);
  }
}

function parse(text: string): NodeIdentity | null {
  try {
    const { memberId, shardId, firstConfig, hasLog, reachedRole } = JSON.parse(text) as Partial<NodeIdentity>;
    if (!ID.test(memberId ?? '') || (shardId !== '' && (!ID.test(shardId ?? '') || firstConfig === null))) return null;
    return { memberId: memberId!, shardId: shardId!, firstConfig: firstConfig ?? null, hasLog: hasLog === true, reachedRole: reachedRole ?? null };
  } catch {
    return null;
  }
}
