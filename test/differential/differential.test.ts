/**
 * The same generated commands to a real redis-server and to Holdfast; replies and contents must be the same. DIFFERENTIAL_COMMANDS and
 * DIFFERENTIAL_SEED choose how many and which; DIFFERENTIAL_FAULTS how many differences are gathered before it ends.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SeededRandom } from '../protocol/seeded-random.ts';
import { redisServerMissing } from '../support/redis-process.ts';
import { compareContents } from './contents.ts';
import { type Command, Generator } from './generator.ts';
import { ServerPair, showCommand } from './server-pair.ts';
import { shrink, type Step } from './shrink.ts';
import { testSeed } from '../support/test-seed.ts';

const COMMANDS = Number(process.env['DIFFERENTIAL_COMMANDS'] ?? 20_000);
/** The short form is the same every time; whoever asks for many commands looks for something new. */
const SEED = testSeed('DIFFERENTIAL_SEED');
const FAULTS_MAX = Number(process.env['DIFFERENTIAL_FAULTS'] ?? 3);
const BATCH = 100;
const CONTENTS_EVERY = 20;
const TIMEOUT_MS = 60_000 + COMMANDS * 5;

describe.skipIf(redisServerMissing)(`${COMMANDS} commands from seed ${SEED}, beside redis-server`, () => {
  let pair: ServerPair;
  beforeAll(async () => {
    pair = await ServerPair.start();
  });
  afterAll(() => pair.stop());

  test('replies and contents are the same', async () => {
    const random = new SeededRandom(SEED);
    const generator = new Generator(random, pair.commands);
    const faults: string[] = [];
    let history: Step[] = [];
    for (let done = 0, batches = 0; done < COMMANDS && faults.length < FAULTS_MAX; batches++) {
      const session = random.pick(pair.sessions);
      const commands: Command[] = [];
      while (commands.length < BATCH) commands.push(...generator.unit());
      done += commands.length;
      const differences = await session.run(commands).catch((error: unknown) => {
        const last = commands.map((command) => showCommand(command)).join('\n');
        throw new Error(`seed ${SEED}: ${(error as Error).message}\n${pair.output.slice(-2000)}\nthe batch:\n${last}`, { cause: error });
      });
      history.push(...commands.map((command) => ({ session, command })));
      if (differences.length > 0) {
        const [first] = differences;
        const { lines, difference } = await shrink(pair, history.slice(0, history.length - commands.length + first!.at + 1));
        const seen = difference ?? first!;
        faults.push(`${lines.join('\n')}\n  redis:    ${seen.redis}\n  holdfast: ${seen.holdfast}${difference === undefined ? `\n  (of ${showCommand(first!.command)}; not seen again in a replay)` : ''}`);
      } else if (batches % CONTENTS_EVERY === CONTENTS_EVERY - 1) {
        await pair.sessions[0]!.reset();
        history.push({ session: pair.sessions[0]!, command: ['SELECT', '0'] });
        for (const { db, key, redis, holdfast } of await compareContents(pair.sessions[0]!)) {
          const shows: Step[] = [['SELECT', db], ['DEBUG', 'DIGEST-VALUE', key]].map((command) => ({ session: pair.sessions[0]!, command }));
          const { lines } = await shrink(pair, [...history, ...shows]);
          faults.push(`${lines.join('\n')}\n  content of ${key} in database ${db} of redis:    ${redis}\n  of holdfast: ${holdfast}`);
        }
        // A fresh start now and then keeps the histories short.
        await pair.reset();
        history = [];
      }
      if (differences.length > 0) {
        await pair.reset();
        history = [];
      }
    }
    if (generator.missing.size > 0) console.log(`not generated, for want of the command: ${[...generator.missing].sort().join(' ')}`);
    expect(faults.map((fault, i) => `\n#${i + 1} (seed ${SEED})\n${fault}\n`).join(''), 'differences').toBe('');
  }, TIMEOUT_MS);
});
