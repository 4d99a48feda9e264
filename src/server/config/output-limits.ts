/** client-output-buffer-limit: the three classes of clients and their limits. */
import { DirectiveError, memoryBytes } from './directive.ts';

export interface OutputBufferLimit {
  /** 0: none. */
  readonly hardBytes: number;
  readonly softBytes: number;
  readonly softSeconds: number;
}

const CLASSES: Record<string, string> = { normal: 'normal', slave: 'slave', replica: 'slave', pubsub: 'pubsub' };

/** @throws DirectiveError with Redis's text. */
export function parseOutputLimits(words: readonly string[]): Map<string, OutputBufferLimit> {
  const out = new Map<string, OutputBufferLimit>();
  if (words.length === 0 || words.length % 4 !== 0) throw new DirectiveError('Wrong number of arguments in buffer limit configuration.');
  for (let i = 0; i < words.length; i += 4) {
    const name = CLASSES[words[i]!.toLowerCase()];
    if (name === undefined) throw new DirectiveError('Invalid client class specified in buffer limit configuration.');
    const hardBytes = memoryBytes(words[i + 1]!);
    const softBytes = memoryBytes(words[i + 2]!);
    const softSeconds = /^\d+$/.test(words[i + 3]!) ? Number(words[i + 3]) : -1;
    if (hardBytes < 0 || softBytes < 0 || softSeconds < 0) {
      throw new DirectiveError('Error in hard, soft or soft_seconds setting in buffer limit configuration.');
    }
    out.set(name, { hardBytes, softBytes, softSeconds });
  }
  return out;
}

/** `before` with the classes of `given` replaced, as CONFIG GET shows it. */
export function mergeOutputLimits(before: string, given: string): string {
  const merged = new Map([...parseOutputLimits(before.split(' ')), ...parseOutputLimits(given.split(' '))]);
  return [...merged].map(([name, limit]) => `${name} ${limit.hardBytes} ${limit.softBytes} ${limit.softSeconds}`).join(' ');
}
