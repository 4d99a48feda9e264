/**
 * Whether what clients saw of one key can be explained by its operations having happened one after the other, each at some
 * moment between its call and its reply (Wing and Gong 1993, with Lowe's memory of what was tried). An operation without a
 * reply may have happened at any time after its call, or not at all.
 */

/** On the value of a key as text; null: there is no such key. */
export type Operation =
  | { readonly kind: 'set'; readonly value: string }
  /** Of text, or of a list: adds to the end; its result is the new length. */
  | { readonly kind: 'append'; readonly value: string; readonly unit: number }
  | { readonly kind: 'increment' }
  | { readonly kind: 'delete' }
  | { readonly kind: 'get' };

export interface HistoryEntry {
  readonly operation: Operation;
  readonly calledAt: number;
  /** Infinity: no reply came. Calls and replies are numbered in one order. */
  repliedAt: number;
  /** What the client saw: the value, the number; null for no such key. Of `set` and `delete` nothing is compared. */
  result: string | number | null;
}

export type Verdict = 'linearizable' | 'violated' | 'given up';

/** So many steps are tried for one key. */
const STEPS_MAX = 200_000;

interface Step {
  /** The entry that was put at this place. */
  readonly entry: number;
  readonly state: string | null;
}

export function checkLinearizable(history: readonly HistoryEntry[], stepsMax = STEPS_MAX): Verdict {
  const entries = withoutUnseen(history).sort((a, b) => a.calledAt - b.calledAt);
  const done = new Uint8Array(entries.length);
  const left = { count: entries.filter(({ repliedAt }) => repliedAt !== Infinity).length };
  const seen = new Set<string>();
  const path: Step[] = [];
  let state: string | null = null;
  let from = 0;
  for (let steps = 0; ; steps++) {
    if (left.count === 0) return 'linearizable';
    if (steps > stepsMax) return 'given up';
    const next = nextCandidate(entries, done, from, state);
    if (next >= 0) {
      const entry = entries[next]!;
      const after = apply(entry.operation, state);
      done[next] = 1;
      const key = `${maskOf(done)}|${after ?? '\0'}`;
      if (!seen.has(key)) {
        seen.add(key);
        path.push({ entry: next, state });
        if (entry.repliedAt !== Infinity) left.count--;
        state = after;
        from = 0;
        continue;
      }
      done[next] = 0;
      from = next + 1;
      continue;
    }
    const step = path.pop();
    if (step === undefined) return 'violated';
    done[step.entry] = 0;
    if (entries[step.entry]!.repliedAt !== Infinity) left.count++;
    state = step.state;
    from = step.entry + 1;
  }
}

/** The first entry from place `from` on that may be the next to happen; -1: none. */
function nextCandidate(entries: readonly HistoryEntry[], done: Uint8Array, from: number, state: string | null): number {
  let firstReply = Infinity;
  for (let i = 0; i < entries.length; i++) if (done[i] === 0 && entries[i]!.repliedAt < firstReply) firstReply = entries[i]!.repliedAt;
  for (let i = from; i < entries.length; i++) {
    const entry = entries[i]!;
    if (entry.calledAt > firstReply) return -1;
    if (done[i] === 0 && explains(entry, state)) return i;
  }
  return -1;
}

function explains({ operation, repliedAt, result }: HistoryEntry, state: string | null): boolean {
  if (repliedAt === Infinity) return true;
  switch (operation.kind) {
    case 'get': return result === state;
    case 'increment': return result === Number(state ?? '0') + 1;
    case 'append': return result === ((state ?? '').length + operation.value.length) / operation.unit;
    default: return true;
  }
}

function apply(operation: Operation, state: string | null): string | null {
  switch (operation.kind) {
    case 'set': return operation.value;
    case 'append': return (state ?? '') + operation.value;
    case 'increment': return String(Number(state ?? '0') + 1);
    case 'delete': return null;
    case 'get': return state;
  }
}

/** Reads without a reply explain nothing; nor does a `set` without one whose value nobody saw: it need not have happened. */
function withoutUnseen(history: readonly HistoryEntry[]): HistoryEntry[] {
  const read = new Set(history.filter(({ operation, repliedAt }) => operation.kind === 'get' && repliedAt !== Infinity).map(({ result }) => result));
  const onlySets = history.every(({ operation: { kind } }) => kind === 'set' || kind === 'get' || kind === 'delete');
  return history.filter(({ operation, repliedAt }) => repliedAt !== Infinity
    || !(operation.kind === 'get' || (onlySets && operation.kind === 'set' && !read.has(operation.value))));
}

function maskOf(done: Uint8Array): string {
  let text = '';
  for (let i = 0; i < done.length; i += 16) {
    let word = 0;
    for (let bit = 0; bit < 16; bit++) word |= (done[i + bit] ?? 0) << bit;
    text += String.fromCharCode(word);
  }
  return text;
}
