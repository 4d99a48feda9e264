/** Questions for a read index (thesis §6.4) that have not been answered. One is asked for all who ask in one go. */
import { OperationalError } from '../shared/errors.ts';
import type { ReadAnswer } from './raft/types.ts';
import { TransactionLogError } from './transaction-log.ts';

interface Asker {
  readonly resolve: (index: number) => void;
  readonly reject: (error: Error) => void;
}

interface Question {
  readonly askedTick: number;
  readonly askers: readonly Asker[];
}

/** A question may get lost on its way to the leader: after so many ticks whoever asked is told so. */
const PATIENCE_TICKS = 10;

export class ReadQuestions {
  readonly #ask: (context: number) => void;
  readonly #open = new Map<number, Question>();
  #context = 0;
  /** Those for whom no question has been put yet: one that was put before they asked would not do. */
  #waiting: Asker[] = [];

  /** @param ask puts the question to the core, and sends it; throws OperationalError when there is nobody to ask. */
  constructor(ask: (context: number) => void) {
    this.#ask = ask;
  }

  ask(tick: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      if (this.#waiting.length === 1) queueMicrotask(() => this.#put(tick));
    });
  }

  #put(tick: number): void {
    const question = { askedTick: tick, askers: this.#waiting };
    this.#waiting = [];
    const context = this.#context++;
    this.#open.set(context, question);
    try {
      this.#ask(context);
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      this.#open.delete(context);
      this.#reject(question, new TransactionLogError('TXLOG_NOT_LEADER', error.message, error));
    }
  }

  answer(answers: readonly ReadAnswer[]): void {
    for (const { context, index } of answers) {
      const question = this.#open.get(context);
      if (question === undefined) continue;
      this.#open.delete(context);
      if (index >= 0) for (const { resolve } of question.askers) resolve(index);
      else this.#reject(question, lost());
    }
  }

  tick(tick: number): void {
    for (const [context, question] of this.#open) {
      if (tick - question.askedTick <= PATIENCE_TICKS) continue;
      this.#open.delete(context);
      this.#reject(question, lost());
    }
  }

  /** Nobody will answer any more. */
  end(error: Error): void {
    for (const [context, question] of this.#open) {
      this.#open.delete(context);
      this.#reject(question, error);
    }
  }

  #reject(question: Question, error: Error): void {
    for (const { reject } of question.askers) reject(error);
  }
}

function lost(): TransactionLogError {
  return new TransactionLogError('TXLOG_NOT_LEADER', 'no leader confirmed the read in time');
}
