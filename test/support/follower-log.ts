/** The log of a member that follows: records and answers of the leader come when the test says so. */
import { Request } from '../../src/shared/request.ts';
import { EffectWriter } from '../../src/engine/effects.ts';
import type { CommittedRecord } from '../../src/txlog/transaction-log.ts';
import { ScriptedLog } from './scripted-log.ts';

export class FollowerLog extends ScriptedLog {
  override readonly isLeader = false;
  override readonly committedInTerm = false;
  override readonly leaseValid = false;
  readonly #asked: ((index: number) => void)[] = [];
  #deliver: (record: CommittedRecord) => void = () => undefined;
  readonly #effects = new EffectWriter();

  constructor() {
    super('held');
  }

  override follow(_from: number, deliver: (record: CommittedRecord) => void): void {
    this.#deliver = deliver;
  }

  override readIndex(): Promise<number> {
    return new Promise((resolve) => { this.#asked.push(resolve); });
  }

  /** Questions for a read index that are open. */
  get questions(): number {
    return this.#asked.length;
  }

  /** The leader confirms all open questions, with the index through which it has committed. */
  confirm(index: number): void {
    for (const resolve of this.#asked.splice(0)) resolve(index);
  }

  /** The next record comes, committed: one effect. */
  deliver(...words: string[]): void {
    this.#effects.request(0, Request.of(...words));
    const index = ++this.lastIndex;
    this.commitIndex = index;
    this.#deliver({ index, block: this.#effects.take() });
    this.onCommit(index);
  }
}
