/**
 * Every command of the engine with arguments that fit, nearly fit and fit nowhere, from several sessions, in and out of transactions, while
 * time goes on. Each reply is one well-formed reply; what was logged makes the same data elsewhere, and so does the RDB file.
 */
import { isDeepStrictEqual } from 'node:util';
import { test } from 'vitest';
import { Session } from '../../src/engine/session.ts';
import { Request } from '../../src/shared/request.ts';
import { contents } from '../engine/keyspace-contents.ts';
import { parseReply } from '../engine/recording-reply.ts';
import type { SeededRandom } from '../protocol/seeded-random.ts';
import { ScriptRig } from '../scripting/script-rig.ts';
import { ENGINES_GROWTH_BYTES_MAX, FUZZ_CHECK, FUZZ_TIMEOUT_MS, campaign } from './campaign.ts';
import { CommandMaker, shown } from './command-maker.ts';
import { assertAgreement } from './data-agreement.ts';

const UNITS_PER_ROUND = 400;
const UNITS_PER_TURN_MAX = 8;
const SESSIONS = 3;

/** What a command answered, as RESP text. */
function run(rig: ScriptRig, session: Session, words: readonly string[]): string {
  const request = Request.of(...words);
  const command = rig.engine.table.resolve(request, rig.reply);
  if (command === null) rig.engine.transactions.failQueue(session);
  else rig.engine.execute(command, session, request, rig.reply);
  return rig.reply.take();
}

function round(random: SeededRandom): void {
  const primary = new ScriptRig(random.below(1e6), random.pick([2, 3]));
  const replica = new ScriptRig(random.below(1e6));
  const { engine } = primary;
  const sessions = Array.from({ length: SESSIONS }, (_, i) => new Session(i + 1, null));
  const maker = new CommandMaker(random, engine.table.commands(), () => engine.keyspace.nowMs);
  const turn: string[][] = [];
  for (let n = 0; n < UNITS_PER_ROUND;) {
    engine.beginTurn(engine.keyspace.nowMs + random.below(random.pick([2, 20])));
    turn.length = 0;
    try {
      for (let left = random.below(UNITS_PER_TURN_MAX); left >= 0; left--, n++) {
        const session = random.pick(sessions);
        for (const words of maker.unit()) {
          turn.push(words);
          parseReply(run(primary, session, words));
        }
      }
      engine.keyspace.expireStep(random.below(5));
      const { block } = primary.effects();
      if (block !== null) replica.engine.applyEffects(block);
      if (FUZZ_CHECK) assertSame(primary, replica);
    } catch (error) {
      throw new Error(`${(error as Error).message}, in the turn of ${shown(turn)}`, { cause: error });
    }
  }
  assertSame(primary, replica);
}

function assertSame(primary: ScriptRig, replica: ScriptRig): void {
  assertAgreement(primary.engine, replica.engine, () => new ScriptRig(3).engine);
  const [here, there] = [primary, replica].map(comparable);
  for (const [key, value] of here!) {
    if (!isDeepStrictEqual(value, there!.get(key))) throw new Error(`${key} is ${JSON.stringify(value)}, and ${JSON.stringify(there!.get(key))} where only effects came`);
  }
}

/** All there is but when consumers were seen: a read that gives them nothing is not logged, in Redis neither. */
function comparable({ engine }: ScriptRig): ReturnType<typeof contents> {
  const all = contents(engine);
  for (const { value } of all.values()) {
    const { groups } = (typeof value === 'string' ? {} : value.at(-1) ?? {}) as { groups?: [string, string, number, unknown, [string, number, unknown][]][] };
    for (const [, , , , consumers] of groups ?? []) for (const consumer of consumers) consumer[1] = 0;
  }
  return all;
}

test('commands of the engine', async () => {
  await campaign('commands', 9, round, { buffersGrowthMax: ENGINES_GROWTH_BYTES_MAX });
}, FUZZ_TIMEOUT_MS);
