/** An engine under test: commands as words in, replies as plain values out, effects collected, everything checked. */
import { EncodingLimits } from '../../src/engine/encoding-limits.ts';
import { Engine } from '../../src/engine/engine.ts';
import { Bytes, EntryType } from '../../src/engine/memory/entries.ts';
import { HASH_END } from '../../src/engine/memory/hash-index.ts';
import { Session } from '../../src/engine/session.ts';
import { SLOT_COUNT } from '../../src/shared/hash.ts';
import { formatDouble } from '../../src/shared/number-text.ts';
import { Request, latin1Slice } from '../../src/shared/request.ts';
import { RecordingReply, type Value, parseReply } from './recording-reply.ts';

/** Numbers in [0, 1) from a seed (mulberry32). */
export function randomOf(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

export class EngineRig {
  readonly limits = new EncodingLimits();
  readonly engine: Engine;
  readonly session = new Session(1, null);
  readonly reply: RecordingReply;

  constructor(seed = 1, proto: 2 | 3 = 2, clockUs: () => number = () => 0) {
    this.reply = new RecordingReply(proto);
    this.engine = new Engine({
      databases: 4, hashSeed: seed * 7919, poison: true, random: randomOf(seed), clockUs,
      scratchReply: new RecordingReply(proto), limits: this.limits,
    });
    this.engine.beginTurn(1_700_000_000_000);
  }

  /** Runs a command and returns its reply as RESP text. */
  raw(...words: (string | number)[]): string {
    const request = Request.of(...words.map(String));
    const command = this.engine.table.resolve(request, this.reply);
    if (command !== null) this.engine.execute(command, this.session, request, this.reply);
    return this.reply.take();
  }

  /** Runs a command and returns its reply as a plain value. */
  run(...words: (string | number)[]): Value {
    return parseReply(this.raw(...words));
  }

  /** Runs a command given as words between spaces. */
  line(text: string): Value {
    return this.run(...text.split(' '));
  }

  /** OBJECT ENCODING of a collection. */
  encoding(key: string): string | null {
    const { keyspace, types } = this.engine;
    const ref = keyspace.databases[0]!.peek(Request.of(key).buf, 0, key.length);
    return ref === 0 ? null : types.collection(keyspace.entries.type(ref))!.encoding(ref);
  }

  /** Ends the turn: its effects as lists of words, and the block that holds them. */
  effects(): { words: string[][]; block: Uint8Array | null } {
    const taken = this.engine.takeEffects();
    const block = taken === null ? null : Uint8Array.from(taken);
    const words: string[][] = [];
    this.engine.commit(this.engine.turn - 1);
    if (block !== null) {
      let at = 0;
      const varint = (): number => {
        let value = 0;
        for (let shift = 0; ; shift += 7) {
          const b = block[at++]!;
          value += (b & 127) * 2 ** shift;
          if (b < 128) return value;
        }
      };
      while (at < block.length) {
        varint();
        words.push(Array.from({ length: varint() }, () => {
          const len = varint();
          at += len;
          return latin1Slice(block, at - len, at);
        }));
      }
    }
    return { words, block };
  }

  /** Every string and collection as plain data: equal for a primary and what applied its effects. */
  dump(): Map<string, string> {
    const { keyspace, types } = this.engine;
    const { entries, index } = keyspace;
    const out = new Map<string, string>();
    const bytes = new Bytes();
    for (const db of keyspace.databases) {
      for (let slot = 0; slot < SLOT_COUNT; slot++) {
        const refs: number[] = [];
        index.scan(db.slotRef(slot), 0, HASH_END, refs);
        for (const ref of refs) {
          entries.key(ref, bytes);
          const key = `${db.number}:${text(bytes)}`;
          const type = entries.type(ref);
          const parts: string[] = [];
          if (type === EntryType.hash) {
            const cursor = types.hashes.newCursor().open(entries.valueAddress(ref));
            while (cursor.next()) parts.push(JSON.stringify([text(cursor.field), text(cursor.value)]));
          } else if (type === EntryType.set) {
            const cursor = types.sets.newCursor().open(entries.valueAddress(ref));
            while (cursor.next()) parts.push(JSON.stringify(text(cursor.member)));
          } else if (type === EntryType.list) {
            const items: string[] = [];
            const cursor = types.lists.newCursor().open(entries.valueAddress(ref), 0);
            while (cursor.next()) items.push(text(cursor.element));
            parts.push(JSON.stringify(items));
          } else if (type === EntryType.zset) {
            const items: [string, string][] = [];
            const cursor = types.sortedSets.newCursor().open(entries.valueAddress(ref), 0);
            while (cursor.next()) items.push([text(cursor.member), formatDouble(cursor.score)]);
            parts.push(JSON.stringify(items));
          } else {
            entries.value(ref, bytes);
            parts.push(text(bytes));
          }
          out.set(key, `${type} ${entries.expireAtMs(ref)} ${parts.sort().join(' ')}`);
        }
      }
    }
    return out;
  }

  /** Asserts that everything is in order, and that no cell is lost. */
  check(): void {
    this.engine.types.check();
  }
}

function text(bytes: Bytes): string {
  return latin1Slice(bytes.buf, bytes.off, bytes.off + bytes.len);
}
