/** Words of a line, of redis.conf or the first of a script, with quotes and escapes as inline commands have them: reading and writing. */
import { splitInline } from './inline-request.ts';
import { Request, latin1Bytes } from './request.ts';

/** @returns null where quotes are not balanced. The line is latin1. */
export function splitWords(line: string): string[] | null {
  const bytes = latin1Bytes(line);
  const request = new Request();
  if (splitInline(bytes, 0, bytes.length, request) < 0) return null;
  return Array.from({ length: request.argc }, (_, i) => request.string(i));
}

const ESCAPES: Record<string, string> = { '\\': '\\\\', '"': '\\"', '\n': '\\n', '\r': '\\r', '\t': '\\t', '\x07': '\\a', '\b': '\\b' };

/** The word in a form that `splitWords` reads back. @param always whether to quote a plain word as well */
export function quoteWord(word: string, always = false): string {
  if (!always && /^[\x21\x23-\x26\x28-\x5b\x5d-\x7e]+$/.test(word)) return word;
  const escaped = word.replace(/[\x00-\x1f"\\\x7f-\xff]/g, (char) => ESCAPES[char] ?? `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`);
  return `"${escaped}"`;
}
