/**
 * What this member last knew of the shard's users, in a file of its own. A member that starts has no data yet and would go by
 * its directives: it must not let anybody in meanwhile whom the shard does not know, nor turn away whom it does.
 */
import { readFileSync } from 'node:fs';
import { rename, rm, writeFile } from 'node:fs/promises';
import type { UserWords } from '../engine/acl/user.ts';
import { DEFAULT_USER, type UserMap } from '../engine/acl/users.ts';

export class UsersFile {
  readonly #path: string;
  readonly #onError: (error: Error) => void;
  /** What it is to hold: '' nothing; null: it does already. */
  #wanted: string | null = null;
  #isWriting = false;

  /** @param onError told when the file cannot be written: the next start will know less */
  constructor(path: string, onError: (error: Error) => void) {
    this.#path = path;
    this.#onError = onError;
  }

  /** What it holds; null when there is none that can be read. */
  read(): UserMap | null {
    try {
      const users = new Map(JSON.parse(readFileSync(this.#path, 'latin1')) as [string, UserWords][]);
      return users.has(DEFAULT_USER) ? users : null;
    } catch {
      return null;
    }
  }

  /** Holds these users from now on; an older state that is still to be written is skipped. */
  write(users: readonly (readonly [string, UserWords])[]): void {
    this.#want(JSON.stringify(users));
  }

  /** Holds nothing from now on. */
  remove(): void {
    this.#want('');
  }

  #want(text: string): void {
    this.#wanted = text;
    if (!this.#isWriting) void this.#writeAll();
  }

  async #writeAll(): Promise<void> {
    this.#isWriting = true;
    try {
      while (this.#wanted !== null) {
        const text = this.#wanted;
        this.#wanted = null;
        if (text === '') {
          await rm(this.#path, { force: true });
          continue;
        }
        const temporary = `${this.#path}.tmp`;
        await writeFile(temporary, text, { encoding: 'latin1', mode: 0o600 });
        await rename(temporary, this.#path);
      }
    } catch (error) {
      this.#onError(error as Error);
    }
    this.#isWriting = false;
  }
}
