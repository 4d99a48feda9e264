/** A TransactionLog in memory that commits at once, or when it is told to. */
import type { CommittedRecord, TransactionLog, TurnAwaited } from '../../src/txlog/transaction-log.ts';

export class ScriptedLog implements TransactionLog {
  readonly shardId = 'f'.repeat(40);
  readonly firstIndex = 1;
  lastIndex = 0;
  commitIndex = 0;
  readonly term = 1;
  readonly isLeader: boolean = true;
  readonly committedInTerm: boolean = true;
  inFlightBytes = 0;
  readonly leaseValid: boolean = true;
  isBusy = false;
  isAlone = true;
  awaited: TurnAwaited = 'by few';
  readonly blocks: Uint8Array[] = [];
  onCommit: (index: number) => void = () => undefined;
  onLeadership: () => void = () => undefined;
  onTruncated: (from: number) => void = () => undefined;
  onRoom: () => void = () => undefined;
  onFatal: (error: Error) => void = () => undefined;
  readonly #held: boolean;
  #appended: () => void = () => undefined;

  constructor(commits: 'at once' | 'held') {
    this.#held = commits === 'held';
  }

  lead(): Promise<number> {
    return Promise.resolve(0);
  }

  canAppend(): boolean {
    return true;
  }

  checksumAt(): Promise<number> {
    return Promise.resolve(0);
  }

  bytesSince(): number {
    return 0;
  }

  append(block: Uint8Array): number {
    this.blocks.push(Uint8Array.from(block));
    this.inFlightBytes += block.length;
    return ++this.lastIndex;
  }

  flush(): void {
    this.#appended();
    if (!this.#held && this.commitIndex < this.lastIndex) this.commit();
  }

  /** Resolves when record `index` has been appended. */
  async appended(index: number): Promise<void> {
    while (this.lastIndex < index) await new Promise<void>((resolve) => { this.#appended = resolve; });
  }

  commit(index = this.lastIndex): void {
    for (let i = this.commitIndex; i < index; i++) this.inFlightBytes -= this.blocks[i]!.length;
    this.commitIndex = index;
    this.onCommit(index);
  }

  async *read(): AsyncGenerator<never> {
    return;
  }

  follow(_from: number, _deliver: (record: CommittedRecord) => void): void {
    // Nothing is committed that was not executed here.
  }

  unfollow(): void {
    // As above.
  }

  setElectable(): void {
    // It leads already.
  }

  transferLeadership(): void {
    throw new Error('nobody else is there');
  }

  readIndex(): Promise<number> {
    return Promise.resolve(this.commitIndex);
  }

  trim(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
