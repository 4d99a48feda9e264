/** Makes the history that led to a difference small enough to be read. */
import { KEY_PATTERN } from './arguments.ts';
import type { Command } from './generator.ts';
import { type Difference, type ServerPair, type Session, showCommand } from './server-pair.ts';

export interface Step {
  readonly session: Session;
  readonly command: Command;
}

const NEEDED_ANYWAY = new Set(['MULTI', 'EXEC', 'DISCARD', 'SELECT', 'FLUSHDB', 'FLUSHALL', 'SWAPDB', 'WATCH', 'UNWATCH']);
const HISTORY_MAX = 3000;
const REPLAYS_MAX = 250;

/** Steps that share a key with the last one, which is the one that showed the difference. */
function related(history: readonly Step[]): Step[] {
  const keys = new Set(history[history.length - 1]!.command.filter((word) => KEY_PATTERN.test(word)));
  return history.slice(-HISTORY_MAX).filter(({ command }) => NEEDED_ANYWAY.has(command[0]!.toUpperCase()) || command.some((word) => keys.has(word)));
}

/** Runs steps on empty servers. */
async function replay(pair: ServerPair, steps: readonly Step[]): Promise<Difference | undefined> {
  await pair.reset();
  for (let from = 0; from < steps.length;) {
    const { session } = steps[from]!;
    let to = from;
    while (to < steps.length && steps[to]!.session === session) to++;
    const found = await session.run(steps.slice(from, to).map(({ command }) => command));
    if (found.length > 0) return found[0];
    from = to;
  }
  return undefined;
}

/**
 * A part of the history, as lines, that shows a difference on empty servers, with that difference; without one, if it does not show again.
 * Leaves the servers as they are then.
 */
export async function shrink(pair: ServerPair, history: readonly Step[]): Promise<{ lines: string[]; difference: Difference | undefined }> {
  let steps = related(history);
  let difference = await replay(pair, steps);
  if (difference === undefined) {
    steps = history.slice(-HISTORY_MAX);
    difference = await replay(pair, steps);
  }
  const shown = (): string[] => steps.map(({ session, command }) => `${session.name}> ${showCommand(command)}`);
  if (difference === undefined) return { lines: shown().slice(-30), difference };
  let replays = 0;
  for (let size = steps.length >> 1; size >= 1; size >>= 1) {
    for (let from = 0; from < steps.length && replays < REPLAYS_MAX;) {
      const fewer = [...steps.slice(0, from), ...steps.slice(from + size)];
      replays++;
      const found = fewer.length === 0 ? undefined : await replay(pair, fewer);
      if (found === undefined) from += size;
      else {
        steps = fewer;
        difference = found;
      }
    }
  }
  return { lines: shown(), difference };
}
