/** Splits a line of redis.conf into words, with quotes and escapes as inline commands have them. */
import { splitInline } from '../../protocol/inline-request.ts';
import { Request, latin1Bytes } from '../../shared/request.ts';

/** @returns null where quotes are not balanced. The line is latin1. */
export function splitWords(line: string): string[] | null {
  const bytes = latin1Bytes(line);
  const request = new Request();
  if (splitInline(bytes, 0, bytes.length, request) < 0) return null;
  return Array.from({ length: request.argc }, (_, i) => request.string(i));
}
