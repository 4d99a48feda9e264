/** An engine under test whose clients may wait: in BLPOP and its kin. */
import { expect } from 'vitest';
import { Session, type SessionHost } from '../../src/engine/session.ts';
import type { Reply } from '../../src/shared/reply.ts';
import { Request } from '../../src/shared/request.ts';
import { EngineRig } from './engine-rig.ts';
import { RecordingReply, type Value, parseReply } from './recording-reply.ts';

/** A connection that keeps the replies it gets late. */
export class Host implements SessionHost {
  readonly replies: Value[] = [];
  readonly raw: string[] = [];
  readonly #reply = new RecordingReply();
  beginReply(): Reply { return this.#reply; }
  dropReply(): void { /* What was written has been taken back. */ }
  endReply(): void {
    const text = this.#reply.take();
    this.raw.push(text);
    this.replies.push(parseReply(text));
  }
}

/** An engine with clients that wait. */
export class Waiting {
  readonly rig = new EngineRig();
  #next = 10;

  /** Has a new client run a command; its late replies come to its host. */
  client(line: string): Host {
    const host = new Host();
    const session = new Session(this.#next++, host);
    const request = Request.of(...line.split(' '));
    const command = this.rig.engine.table.resolve(request, this.rig.reply)!;
    this.rig.engine.execute(command, session, request, this.rig.reply);
    expect(this.rig.reply.take(), `${line} does not wait`).toBe('');
    return host;
  }

  effects(): string[] {
    return this.rig.effects().words.map((words) => words.join(' '));
  }
}
