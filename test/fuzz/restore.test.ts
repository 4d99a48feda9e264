/**
 * RESTORE of payloads that are spoilt in all ways, their checksum right, so that the decoder sees them: each is restored whole or refused,
 * takes no more memory than its bytes can stand for, and what was restored serves every command of its type.
 */
import { expect, test } from 'vitest';
import type { EngineRig } from '../engine/engine-rig.ts';
import { debugRig } from '../engine/debug-rig.ts';
import { parseReply } from '../engine/recording-reply.ts';
import { COMMAND_FORMS } from '../differential/command-forms.ts';
import { Generator } from '../differential/generator.ts';
import { SeededRandom } from '../protocol/seeded-random.ts';
import { ENGINES_GROWTH_BYTES_MAX, FUZZ_CHECK, FUZZ_TIMEOUT_MS, campaign } from './campaign.ts';
import { assertAgreement } from './data-agreement.ts';
import { type Payload, spoiltPayload, wholePayload } from './payload-recipes.ts';

const PAYLOADS_PER_ROUND = 300;
const COMMANDS_PER_PAYLOAD = 6;
const MIB = 1024 * 1024;
/** A compressed string becomes 88 times its bytes at most, and what holds it may be twice as large for a while. */
const BYTES_PER_BYTE_MAX = 250;
const BYTES_MAX = 8 * MIB;

/** Commands on the keys of a kind; COPY, RENAME and the like are of all kinds. */
function formsOf(kind: string): typeof COMMAND_FORMS {
  const used = kind === 'hll' ? ['hll', 'str', 'bits', 'key'] : kind === 'geo' || kind === 'zset' ? ['geo', 'zset', 'lex', 'key'] : [kind, 'key'];
  return COMMAND_FORMS.filter(({ form: { text } }) => used.some((name) => new RegExp(`<${name}s?>`).test(text)) && !text.includes('payload') && !text.startsWith('SPOP'));
}

const FORMS: ReadonlyMap<string, typeof COMMAND_FORMS> = new Map(['str', 'hll', 'list', 'set', 'hash', 'zset', 'geo', 'stream'].map((kind) => [kind, formsOf(kind)]));

class RestoreRound {
  readonly primary: EngineRig;
  readonly replica: EngineRig;
  readonly #random: SeededRandom;
  readonly #known: ReadonlySet<string>;
  restored = 0;

  constructor(random: SeededRandom) {
    this.#random = random;
    this.primary = debugRig(random.below(1e6));
    this.replica = debugRig(random.below(1e6));
    this.#known = new Set([...this.primary.engine.table.commands()].map(({ name }) => name.toUpperCase()));
  }

  /** Restores a payload and does what its type knows to it. */
  serve(payload: Payload, mustRestore: boolean): void {
    const random = this.#random;
    const rig = this.primary;
    const key = `${payload.kind}:${random.below(3)}`;
    const before = this.#memory();
    const reply = rig.run('RESTORE', key, random.pick(['0', '0', '4000000000000', '1']), payload.bytes, 'REPLACE', ...random.pick([[], ['ABSTTL']]));
    const bytesMax = BYTES_MAX + payload.bytes.length * BYTES_PER_BYTE_MAX;
    const after = this.#memory();
    const arenaBytes = after.arena - before.arena;
    const bufferBytes = after.buffers - before.buffers;
    if (arenaBytes > bytesMax || bufferBytes > bytesMax) throw new Error(`${payload.bytes.length} bytes took ${arenaBytes} of the arena and ${bufferBytes} of buffers: ${hex(payload)}`);
    if (reply !== 'OK' && (mustRestore || reply !== '-ERR Bad data format')) throw new Error(`${String(reply)}: ${hex(payload)}`);
    if (reply === 'OK') this.#use(key, payload);
    this.endTurn();
  }

  /** Bytes touched in the arena, and of array buffers but for its chunks, which are reserved as a whole. */
  #memory(): { arena: number; buffers: number } {
    const { arena } = this.primary.engine.keyspace;
    const reserved = arena.u8.reduce((sum, chunk) => sum + chunk.length, 0);
    return { arena: arena.touchedBytes, buffers: process.memoryUsage().arrayBuffers - reserved };
  }

  #use(key: string, payload: Payload): void {
    this.restored++;
    const rig = this.primary;
    const done: string[][] = [];
    const run = (words: readonly string[]): string => {
      done.push([...words]);
      return rig.raw(...words);
    };
    try {
      const digest = run(['DEBUG', 'DIGEST-VALUE', key]);
      const dumped = parseReply(run(['DUMP', key]));
      // It may have expired by now.
      if (typeof dumped === 'string') {
        if (parseReply(run(['RESTORE', 'again', '0', dumped, 'REPLACE'])) !== 'OK') throw new Error('what DUMP gives is refused');
        if (run(['DEBUG', 'DIGEST-VALUE', 'again']) !== digest && parseReply(run(['PTTL', key])) === -1) throw new Error('a dumped value is restored as another');
        run(['UNLINK', 'again']);
      }
      run(['MEMORY', 'USAGE', key, 'SAMPLES', '0']);
      const generator = new Generator(this.#random, this.#known, FORMS.get(payload.kind));
      for (let n = COMMANDS_PER_PAYLOAD; n > 0; n--) for (const words of generator.unit()) parseReply(run(words));
      if (rig.session.queue !== null) run(['DISCARD']);
      if (FUZZ_CHECK) rig.check();
    } catch (error) {
      throw new Error(`${(error as Error).message}, at the end of ${JSON.stringify(done)} after ${hex(payload)}`, { cause: error });
    }
  }

  endTurn(): void {
    const { engine } = this.primary;
    engine.beginTurn(engine.keyspace.nowMs + this.#random.below(3));
    engine.keyspace.expireStep(100);
    const { block } = this.primary.effects();
    if (block !== null) this.replica.engine.applyEffects(block);
  }
}

function hex({ type, bytes }: Payload): string {
  return `type ${type}, ${Buffer.from(bytes, 'latin1').toString('hex')}`;
}

/** @returns how many payloads were restored. */
function restoreAndUse(random: SeededRandom): number {
  const round = new RestoreRound(random);
  for (let n = 0; n < PAYLOADS_PER_ROUND; n++) {
    if (random.below(8) === 0) round.serve(wholePayload(random), true);
    else round.serve(spoiltPayload(random), false);
  }
  assertAgreement(round.primary.engine, round.replica.engine, () => debugRig(3).engine);
  return round.restored;
}

test('spoilt payloads', async () => {
  let restored = 0;
  const rounds = await campaign('RESTORE', 3, (random) => { restored += restoreAndUse(random); }, { buffersGrowthMax: ENGINES_GROWTH_BYTES_MAX });
  // Enough of them get through that there is something to try commands on.
  expect(restored).toBeGreaterThan(rounds * 30);
}, FUZZ_TIMEOUT_MS);

test.each([
  ['a node of a stream left with deleted entries alone', 100_040],
])('what once did harm: %s', (_, seed) => { restoreAndUse(new SeededRandom(seed)); });
