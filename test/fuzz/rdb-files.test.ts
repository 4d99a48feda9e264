/**
 * RDB files of redis-server's and of our own making, in every form there is, and spoilt in all ways: each is loaded whole or refused in
 * words, the same however its bytes come, and takes no more memory than they can stand for. What was loaded can be logged and saved again.
 */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { Engine } from '../../src/engine/engine.ts';
import { EntryEffects } from '../../src/engine/rdb/entry-effects.ts';
import { LoadState, RdbLoader } from '../../src/engine/rdb/rdb-loader.ts';
import type { OperationalError } from '../../src/shared/errors.ts';
import { Crc64 } from '../../src/shared/rdb/crc64.ts';
import { isRdbError } from '../../src/shared/rdb/rdb-errors.ts';
import { RdbOpcode } from '../../src/shared/rdb/rdb-types.ts';
import { RdbWriter } from '../../src/shared/rdb/rdb-writer.ts';
import { latin1Bytes, latin1Slice } from '../../src/shared/request.ts';
import { SeededRandom } from '../protocol/seeded-random.ts';
import { ScriptRig } from '../scripting/script-rig.ts';
import { ENGINES_GROWTH_BYTES_MAX, FUZZ_CHECK, FUZZ_TIMEOUT_MS, campaign } from './campaign.ts';
import { digestOf, loadFile, savedFile } from './data-agreement.ts';
import { spoilBytes, spoiltPayload, wholePayload } from './payload-recipes.ts';

const FILES_PER_ROUND = 60;
/** One in so many is checked by walking the whole arena. */
const CHECKED = 12;
const MIB = 1024 * 1024;
/** Collections that take more of a file than this are logged in parts. */
const PART_BYTES = 200;
/** As for RESTORE: a compressed string becomes 88 times its bytes at most, and what holds it may be twice as large for a while. */
const BYTES_PER_BYTE_MAX = 250;
const BYTES_MAX = 8 * MIB;
/** Version and checksum behind a payload of RESTORE. */
const PAYLOAD_END_BYTES = 10;

/** Saved by redis-server 7.0.15: each type in its small form and its large one, groups, an expiry, LFU counters, a library, two databases. */
const REAL_FILE = latin1Of(readFileSync(new URL('files/redis-7.0.rdb', import.meta.url)));
const LIBRARY = "#!lua name=lib\nredis.register_function('f', function() return 1 end)";
const USERS = '[["default",["on","nopass","sanitize-payload","~*","&*","+@all"]],["alice",["on","~a*","-@all","+get"]]]';
const IMPORT = '["127.0.0.1","6379","load","","0","0"]';
const VERSIONS = ['0001', '0003', '0004', '0006', '0009', '0010', '0011', '0012', '0013', '0080', '0000', '9999', '00x1'];

function latin1Of(bytes: Uint8Array): string {
  return latin1Slice(bytes, 0, bytes.length);
}

/** What may stand between entries. */
function opcode(random: SeededRandom, writer: RdbWriter): void {
  const length = (): void => writer.length(random.pick([0, 1, 2, 3, 4, 63, 64, 16_384, 2 ** 31, 2 ** 40]));
  const aux = (name: string, value: string): void => writer.aux(name, random.below(2) === 0 ? spoilBytes(random, value) : value);
  switch (random.below(14)) {
    case 0: writer.byte(RdbOpcode.selectDb); length(); break;
    case 1: writer.byte(RdbOpcode.resizeDb); length(); length(); break;
    case 2: writer.byte(RdbOpcode.slotInfo); length(); length(); length(); break;
    case 3: writer.byte(RdbOpcode.idle); length(); break;
    case 4: writer.byte(RdbOpcode.freq); writer.byte(random.below(256)); break;
    case 5: writer.byte(RdbOpcode.expireTimeMs); writer.int64(random.pick([0, -1, 1, 1_600_000_000_000, 4_000_000_000_000, 2 ** 53])); break;
    case 6: aux(random.pick(['redis-ver', 'x', '']), random.pick(['7.0.15', '', '\xff'])); break;
    case 7: aux('holdfast-users', USERS); break;
    case 8: aux('holdfast-import', IMPORT); break;
    case 9: case 10:
      writer.byte(RdbOpcode.function);
      writer.text(random.below(2) === 0 ? spoilBytes(random, LIBRARY) : LIBRARY);
      break;
    case 11: writer.byte(random.pick([RdbOpcode.functionPreGa, RdbOpcode.moduleAux, RdbOpcode.eof])); break;
    default: writer.byte(random.below(256));
  }
}

/** A file of values in all forms, a few of which may be spoilt. */
function ownFile(random: SeededRandom): string {
  const chunks: Uint8Array[] = [];
  const writer = new RdbWriter({ sink: (bytes) => { chunks.push(bytes.slice()); } });
  const isSpoilt = random.below(3) > 0;
  writer.header();
  for (let n = random.pick([0, 1, 3, 20]); n > 0; n--) {
    if (random.below(5) === 0 && (isSpoilt || random.below(3) === 0)) {
      if (isSpoilt) opcode(random, writer);
      else writer.aux('holdfast-users', USERS);
    }
    const { bytes } = isSpoilt && random.below(6) === 0 ? spoiltPayload(random) : wholePayload(random);
    writer.byte(bytes.charCodeAt(0));
    writer.text(isSpoilt && random.below(10) === 0 ? random.pick(['', 'again', 'k1']) : `k${n}`);
    const value = latin1Bytes(bytes.slice(1, -PAYLOAD_END_BYTES));
    writer.raw(value, 0, value.length);
  }
  writer.end();
  return latin1Of(Buffer.concat(chunks));
}

function spoiltFile(random: SeededRandom): Uint8Array {
  let text = random.below(3) === 0 ? REAL_FILE : ownFile(random);
  if (random.below(3) > 0) text = spoilBytes(random, text);
  if (random.below(12) === 0) text = text.slice(0, 5) + random.pick(VERSIONS) + text.slice(9);
  if (random.below(12) === 0) text = text.slice(0, random.below(text.length + 1));
  if (random.below(20) === 0) text += spoilBytes(random, 'more');
  const bytes = latin1Bytes(text);
  // Where the checksum is wrong, nothing else matters.
  if (bytes.length >= 8 && random.below(8) > 0) {
    const crc = new Crc64();
    crc.update(bytes, 0, bytes.length - 8);
    crc.write(bytes, bytes.length - 8);
  }
  return bytes;
}

interface Loaded {
  /** What was loaded, or the code of the error. */
  readonly outcome: string;
  readonly isLoaded: boolean;
}

class FileRound {
  readonly #random: SeededRandom;
  readonly #rigs: readonly [ScriptRig, ScriptRig, ScriptRig];

  constructor(random: SeededRandom) {
    this.#random = random;
    this.#rigs = [new ScriptRig(random.below(1e6)), new ScriptRig(random.below(1e6)), new ScriptRig(random.below(1e6))];
  }

  /** @returns whether the file was loaded. */
  serve(file: Uint8Array): boolean {
    const [one, two, copy] = this.#rigs;
    try {
      const whole = this.#load(one, file, file.length + 1, 1000);
      const inPieces = this.#load(two, file, 1 + this.#random.below(this.#random.pick([20, 400, 4000])), 1 + this.#random.below(this.#random.pick([2, 50])));
      if (inPieces.outcome !== whole.outcome) throw new Error(`${whole.outcome} whole, and ${inPieces.outcome} in pieces`);
      if (whole.isLoaded) this.#use(one, copy);
      return whole.isLoaded;
    } catch (error) {
      throw new Error(`${(error as Error).message}: ${Buffer.from(file).toString('hex')}`, { cause: error });
    } finally {
      for (const rig of this.#rigs) {
        rig.engine.clearData();
        rig.engine.users.loaded();
        rig.effects();
      }
    }
  }

  #load({ engine }: ScriptRig, file: Uint8Array, pieceBytes: number, entries: number): Loaded {
    const { arena } = engine.keyspace;
    const reserved = (): number => arena.u8.reduce((sum, chunk) => sum + chunk.length, 0);
    const buffers = process.memoryUsage().arrayBuffers - reserved();
    const touched = arena.touchedBytes;
    const loader = new RdbLoader(engine, { onLoaded: new EntryEffects(engine, engine.loadedEffects), partBytes: PART_BYTES, withUsers: true });
    let outcome = '';
    let isLoaded = false;
    try {
      for (let at = 0; !isLoaded;) {
        const state = loader.step(entries);
        isLoaded = state === LoadState.done;
        if (state !== LoadState.input) continue;
        if (at >= file.length) loader.finish();
        else loader.feed(file.slice(at, at += pieceBytes));
      }
      outcome = `${loader.keys} keys, ${digestOf(engine)}, ${loader.checksum}`;
    } catch (error) {
      if (!isRdbError(error)) throw error;
      outcome = (error as OperationalError).code;
      loader.abandon();
    }
    const bytesMax = BYTES_MAX + file.length * BYTES_PER_BYTE_MAX;
    const arenaBytes = arena.touchedBytes - touched;
    const bufferBytes = process.memoryUsage().arrayBuffers - reserved() - buffers;
    if (arenaBytes > bytesMax || bufferBytes > bytesMax) throw new Error(`${file.length} bytes took ${arenaBytes} of the arena and ${bufferBytes} of buffers`);
    this.#check(engine);
    return { outcome, isLoaded };
  }

  /** What was loaded can be logged, saved, and asked for by everybody. */
  #use(rig: ScriptRig, copy: ScriptRig): void {
    const digest = digestOf(rig.engine);
    for (const name of rig.engine.users.names()) rig.engine.users.get(name)!.describe();
    const saved = savedFile(rig.engine);
    const { block } = rig.effects();
    if (block !== null) copy.engine.applyEffects(block);
    if (digestOf(copy.engine) !== digest) throw new Error('an engine that was fed what the import logs has other data');
    copy.engine.clearData();
    loadFile(copy.engine, saved);
    if (digestOf(copy.engine) !== digest) throw new Error('what was loaded is saved as something else');
    for (const { engine } of [rig, copy]) this.#check(engine);
  }

  /** It takes longer than everything else. */
  #check({ types }: Engine): void {
    if (FUZZ_CHECK || this.#random.below(CHECKED) === 0) types.check();
  }
}

/** @returns how many files were loaded. */
function loadAndUse(random: SeededRandom): number {
  const round = new FileRound(random);
  let loaded = 0;
  for (let n = 0; n < FILES_PER_ROUND; n++) if (round.serve(spoiltFile(random))) loaded++;
  return loaded;
}

test('spoilt files', async () => {
  let loaded = 0;
  const rounds = await campaign('RDB files', 3, (random) => { loaded += loadAndUse(random); }, { buffersGrowthMax: ENGINES_GROWTH_BYTES_MAX });
  // Enough of them get through that loading is tried, not refusing alone.
  expect(loaded).toBeGreaterThan(rounds * 5);
}, FUZZ_TIMEOUT_MS);

test("redis-server's file is loaded", () => {
  const random = new SeededRandom(1);
  expect(new FileRound(random).serve(latin1Bytes(REAL_FILE))).toBe(true);
});

test.each([
  ['an expiry before the epoch, which was logged as none', '524544495330303130fcffffffffffffffff05026b310103312e35000000610000f03fffbdaf59d083c9f8eb'],
])('what once did harm: %s', (_, hex) => {
  expect(new FileRound(new SeededRandom(1)).serve(Buffer.from(hex, 'hex'))).toBe(true);
});
