/** An engine under test: commands as words in, replies as plain values out, effects collected, everything checked. */
import { expect } from 'vitest';
import { EncodingLimits } from '../../src/engine/encoding-limits.ts';
import { Engine } from '../../src/engine/engine.ts';
import { Bytes, EntryType } from '../../src/engine/memory/entries.ts';
import { HASH_END } from '../../src/engine/memory/hash-index.ts';
import { Session } from '../../src/engine/session.ts';
import { SLOT_COUNT } from '../../src/shared/hash.ts';
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

  constructor(seed = 1, proto: 2 | 3 = 2) {
    this.reply = new RecordingReply(proto);
    this.engine = new Engine({
      databases: 4, hashSeed: seed * 7919, poison: true, random: randomOf(seed), clockUs: () => 0,
      scratchReply: new RecordingReply(proto), limits: this.limits,
    });
    this.engine.beginTurn(1_700_000_000_000);
  }

  /** Runs a command and returns its reply as RESP text. */
  raw(...words: (string | number)[]): string {
    const request = Request.of(...words.map(String));
    const command = this.engine.resolve(request, this.reply);
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

  /** OBJECT ENCODING of a hash or set. */
  encoding(key: string): string | null {
    const { keyspace, types } = this.engine;
    const bytes = Request.of(key);
    const ref = keyspace.databases[0]!.peek(bytes.buf, 0, key.length);
    if (ref === 0) return null;
    return keyspace.entries.type(ref) === EntryType.hash ? types.hashes.encoding(ref) : types.sets.encoding(ref);
  }

  /** Ends the turn: its effects as lists of words, and the block that holds them. */
  effects(): { words: string[][]; block: Uint8Array | null } {
    const block = this.engine.takeEffects();
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

  /** Every string, hash and set as plain data: equal for a primary and what applied its effects. */
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

  /** Checks arena, keyspace, hashes and sets, and that every live cell belongs to something. */
  check(): void {
    const { keyspace, types } = this.engine;
    const live = new Set<number>();
    keyspace.arena.check((address) => { live.add(address); });
    const own = (address: number): void => {
      expect(live.delete(address), 'a cell is owned twice, or not live').toBe(true);
    };
    keyspace.check(own);
    types.lazyFree.eachCell(own);
    for (const db of keyspace.databases) {
      for (let slot = 0; slot < SLOT_COUNT; slot++) {
        const refs: number[] = [];
        keyspace.index.scan(db.slotRef(slot), 0, HASH_END, refs);
        for (const ref of refs) {
          const type = keyspace.entries.type(ref);
          if (type === EntryType.hash) types.hashes.check(ref, own);
          else if (type === EntryType.set) types.sets.check(ref, own);
        }
      }
    }
    expect(live.size, 'cells that nobody owns').toBe(0);
  }
}

function text(bytes: Bytes): string {
  return latin1Slice(bytes.buf, bytes.off, bytes.off + bytes.len);
}
