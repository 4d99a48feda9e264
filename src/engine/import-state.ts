/**
 * What is known of the Redis that this shard's data is imported from. It is data without a key: it stands in the log and in
 * snapshots, so that a member that becomes primary knows how far the import is, to the byte of the source's stream.
 */
import { InvariantViolation } from '../shared/errors.ts';
import type { Request } from '../shared/request.ts';

/** First argument of the effect that says so. */
export const IMPORT_EFFECT = 'HOLDFAST.IMPORT';
/** AUX field of snapshots. */
export const IMPORT_AUX = 'holdfast-import';

/**
 * - connect: the data is what it was before.
 * - load: it is a part of the source's, and must not be read.
 * - follow: it is what the source had at `offset`.
 */
export type ImportPhase = 'connect' | 'load' | 'follow';

export interface ImportState {
  readonly host: string;
  readonly port: number;
  readonly phase: ImportPhase;
  /** Id of the source's stream, and how many of its bytes the data holds; '' and 0 until it follows. */
  readonly streamId: string;
  readonly offset: number;
  /** Database that the stream's next command is for. */
  readonly db: number;
}

/** The arguments of the effect behind its name. */
export function importWords(state: ImportState | null): string[] {
  if (state === null) return ['none'];
  return [state.host, String(state.port), state.phase, state.streamId, String(state.offset), String(state.db)];
}

/** @throws InvariantViolation for what `importWords` did not make */
export function readImportWords(words: readonly string[]): ImportState | null {
  if (words.length === 1 && words[0] === 'none') return null;
  const [host, port, phase, streamId, offset, db] = words;
  if (words.length !== 6 || (phase !== 'connect' && phase !== 'load' && phase !== 'follow')) throw new InvariantViolation(`this is no state of an import: ${words.join(' ')}`);
  return { host: host!, port: Number(port), phase, streamId: streamId!, offset: Number(offset), db: Number(db) };
}

/** Reads the effect. */
export function readImportEffect(request: Request): ImportState | null {
  return readImportWords(Array.from({ length: request.argc - 1 }, (_, i) => request.string(i + 1)));
}
