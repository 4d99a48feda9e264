/**
 * What the functions of one chunk share while their JavaScript is put together: the places where something may fail, and the caches
 * that stand outside all functions.
 *
 * Text of the script enters the code only as string literals made here; identifiers are this generator's own.
 */
import type { Site } from './positions.ts';

/** Begins the mark of a place in unfinished code; no literal contains it. */
const MARK = '\u0001';
const MARK_END = '\u0002';
const PLAIN_TEXT = /^[\x20-\x7e]*$/;

/** A Lua string as a JavaScript literal. */
export function literal(text: string): string {
  if (PLAIN_TEXT.test(text)) return JSON.stringify(text);
  let code = '"';
  for (let at = 0; at < text.length; at++) {
    const char = text.charCodeAt(at);
    if (char === 34 || char === 92) code += `\\${text[at]}`;
    else if (char >= 32 && char < 127) code += text[at];
    else code += `\\x${char.toString(16).padStart(2, '0')}`;
  }
  return `${code}"`;
}

export class ChunkCode {
  readonly #sites: Site[] = [];
  readonly #shared: string[] = [];
  /** Calls may yield: functions become generators. */
  readonly resumable: boolean;
  #names = 0;

  constructor(resumable: boolean) {
    this.resumable = resumable;
  }

  /** A new identifier. */
  name(prefix: string): string {
    return prefix + String(this.#names++);
  }

  /** A variable outside all functions. @returns its name */
  shared(prefix: string, initial: string): string {
    const name = this.name(prefix);
    this.#shared.push(`${name}=${initial}`);
    return name;
  }

  /** Text that begins a line whose failures are at this place. It must stand just before the call that fails. */
  site(line: number, names: readonly string[] = [], isCall = false): string {
    this.#sites.push({ line, names, isCall });
    return MARK + String(this.#sites.length - 1) + MARK_END;
  }

  /** The finished code around the main function's, and the place of each of its lines, counted from 1. */
  finish(header: string, main: string): { code: string; sites: (Site | undefined)[] } {
    const shared = this.#shared.length === 0 ? '' : `let ${this.#shared.join(',')};`;
    const pieces = `${header}${shared}return ${main};`.split(MARK);
    const sites: (Site | undefined)[] = [undefined, undefined];
    for (let at = 1; at < pieces.length; at++) {
      const piece = pieces[at]!;
      const end = piece.indexOf(MARK_END);
      sites.push(this.#sites[Number(piece.slice(0, end))]);
      pieces[at] = piece.slice(end + 1);
    }
    return { code: pieces.join('\n'), sites };
  }
}
