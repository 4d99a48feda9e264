/** ACL LOG: recent denials on this node, similar ones as one entry. Rules of grouping are Redis's. */
import { Denial } from '../engine/acl/permission.ts';

export type DenialReason = 'command' | 'key' | 'channel' | 'auth';

export interface DenialEntry {
  readonly id: number;
  readonly reason: DenialReason;
  /** 'toplevel', 'multi' or 'lua'. */
  readonly context: string;
  /** The command, key or channel; of a failed authentication the command by which it was tried. */
  readonly object: string;
  readonly username: string;
  /** The client as CLIENT LIST shows it, when it was denied last. */
  clientInfo: string;
  count: number;
  /** ms since the epoch. */
  readonly createdAtMs: number;
  updatedAtMs: number;
}

export type NewDenial = Omit<DenialEntry, 'id' | 'count' | 'createdAtMs' | 'updatedAtMs'>;

/** Denials further apart are told apart. */
const GROUPING_MS = 60_000;
/** How many of the newest entries are looked at. */
const GROUPING_ENTRIES = 10;

export const DENIAL_REASONS: Readonly<Record<number, DenialReason>> = {
  [Denial.command]: 'command', [Denial.key]: 'key', [Denial.authentication]: 'auth', [Denial.channel]: 'channel',
};

export class AclLog {
  /** Newest first. */
  entries: DenialEntry[] = [];
  #entriesMax = 0;
  #nextId = 0;

  /** @param entriesMax acllog-max-len */
  configure(entriesMax: number): void {
    this.#entriesMax = entriesMax;
    this.#trim();
  }

  add(denial: NewDenial, nowMs: number): void {
    if (this.#entriesMax === 0) return;
    const at = this.entries.slice(0, GROUPING_ENTRIES).findIndex((entry) => entry.reason === denial.reason && entry.context === denial.context
      && entry.object === denial.object && entry.username === denial.username && Math.abs(nowMs - entry.updatedAtMs) <= GROUPING_MS);
    if (at < 0) {
      this.entries.unshift({ ...denial, id: this.#nextId++, count: 1, createdAtMs: nowMs, updatedAtMs: nowMs });
      this.#trim();
      return;
    }
    const [entry] = this.entries.splice(at, 1);
    this.entries.unshift(entry!);
    entry!.count++;
    entry!.clientInfo = denial.clientInfo;
    entry!.updatedAtMs = nowMs;
  }

  #trim(): void {
    if (this.entries.length > this.#entriesMax) this.entries.length = this.#entriesMax;
  }
}
