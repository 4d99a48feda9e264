/** notify-keyspace-events: letters for classes of events and for the channels on which they are told. */
import { KeyEvent } from '../../engine/keyspace/key-events.ts';
import { DirectiveError } from './directive.ts';

/** In the order in which Redis shows them. */
const CLASS_LETTERS: readonly (readonly [letter: string, kind: number])[] = [
  ['g', KeyEvent.generic], ['$', KeyEvent.string], ['l', KeyEvent.list], ['s', KeyEvent.set], ['h', KeyEvent.hash], ['z', KeyEvent.sortedSet],
  ['x', KeyEvent.expired], ['e', KeyEvent.evicted], ['t', KeyEvent.stream], ['d', KeyEvent.module], ['n', KeyEvent.newKey],
];
const KIND_OF = new Map([...CLASS_LETTERS, ['m', KeyEvent.keyMiss] as const]);
/** What "A" stands for: not new keys, not misses. */
const ALL = CLASS_LETTERS.reduce((sum, [, kind]) => sum | kind, 0) & ~KeyEvent.newKey;

/** What notify-keyspace-events says. */
export interface KeyEventWishes {
  readonly kinds: number;
  readonly bySpace: boolean;
  readonly byEvent: boolean;
}

/** @throws DirectiveError with Redis's text. */
export function parseKeyEvents(text: string): KeyEventWishes {
  let kinds = 0;
  for (const letter of text) {
    if (letter === 'K' || letter === 'E') continue;
    const kind = letter === 'A' ? ALL : KIND_OF.get(letter);
    if (kind === undefined) throw new DirectiveError("Invalid event class character. Use 'Ag$lshzxeKEtmdn'.");
    kinds |= kind;
  }
  return { kinds, bySpace: text.includes('K'), byEvent: text.includes('E') };
}

/** The directive's value as CONFIG GET shows it. Unlike Redis, "n" beside "A" is shown as well: CONFIG REWRITE must not lose it. */
export function canonicalKeyEvents(text: string): string {
  const { kinds, bySpace, byEvent } = parseKeyEvents(text);
  const hasAll = (kinds & ALL) === ALL;
  const letters = hasAll ? 'A' : CLASS_LETTERS.filter(([, kind]) => (kinds & kind) !== 0).map(([letter]) => letter).join('');
  const isNewBehind = hasAll && (kinds & KeyEvent.newKey) !== 0;
  return letters + (bySpace ? 'K' : '') + (byEvent ? 'E' : '') + ((kinds & KeyEvent.keyMiss) !== 0 ? 'm' : '') + (isNewBehind ? 'n' : '');
}
