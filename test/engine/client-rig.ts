/** Several clients of one engine under test, who may block and get late replies, each with the turn that the reply waits for. */
import type { Reply } from '../../src/shared/reply.ts';
import { Request } from '../../src/shared/request.ts';
import { Outcome } from '../../src/engine/engine.ts';
import { Session, type SessionHost } from '../../src/engine/session.ts';
import { EngineRig } from './engine-rig.ts';
import { RecordingReply, type Value, parseReply } from './recording-reply.ts';

/** What `line` returns of a client that waits. */
export const WAITS = 'waits';

export class Client implements SessionHost {
  readonly session: Session;
  /** Late replies. */
  readonly late: Value[] = [];
  /** For each late reply, the turn that must commit before it may leave. */
  readonly lateWaits: number[] = [];
  readonly #rig: EngineRig;
  readonly #reply = new RecordingReply();

  constructor(rig: EngineRig, id: number) {
    this.#rig = rig;
    this.session = new Session(id, this);
  }

  run(...words: string[]): Value {
    const { engine, reply } = this.#rig;
    const request = Request.of(...words);
    const command = engine.table.resolve(request, reply);
    if (command !== null && engine.execute(command, this.session, request, reply) === Outcome.blocked) return WAITS;
    return parseReply(reply.take());
  }

  line(text: string): Value {
    return this.run(...text.split(' '));
  }

  beginReply(): Reply {
    return this.#reply;
  }

  dropReply(): void {
    // What was written has been taken back.
  }

  endReply(waitFor: number): void {
    this.late.push(parseReply(this.#reply.take()));
    this.lateWaits.push(waitFor);
  }
}

export class ClientRig {
  readonly rig: EngineRig;
  #nextId = 10;

  constructor(seed = 1) {
    this.rig = new EngineRig(seed);
  }

  client(): Client {
    return new Client(this.rig, this.#nextId++);
  }

  /** As many new clients as lines, each having run one that made it wait. */
  waiting(...lines: string[]): Client[] {
    return lines.map((line) => {
      const client = this.client();
      const reply = client.line(line);
      if (reply !== WAITS) throw new Error(`${line} does not wait: ${JSON.stringify(reply)}`);
      return client;
    });
  }

  /** Effects of the turn, which ends, as lines. */
  effects(): string[] {
    return this.rig.effects().words.map((words) => words.join(' '));
  }

  passTime(ms: number): void {
    this.rig.engine.beginTurn(this.rig.engine.keyspace.nowMs + ms);
  }
}
