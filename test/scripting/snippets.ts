/**
 * Pieces of Lua whose outcome is compared with a real server's, for every engine. They stand in snippets/*.lua, one a line; a line that
 * begins with a blank continues the piece above, and the first line of each file says what is in it.
 */
import { readdirSync, readFileSync } from 'node:fs';

export interface Snippet {
  /** Such as "tables.lua:17". */
  readonly place: string;
  readonly source: string;
}

const FOLDER = new URL('./snippets/', import.meta.url);

export function readSnippets(): Snippet[] {
  return readdirSync(FOLDER).filter((name) => name.endsWith('.lua')).sort().flatMap(readFile);
}

function readFile(name: string): Snippet[] {
  const lines = readFileSync(new URL(name, FOLDER), 'latin1').split('\n');
  const snippets: { place: string; source: string }[] = [];
  for (const [at, line] of lines.entries()) {
    if (at === 0 || line === '') continue;
    if (line.startsWith(' ')) snippets[snippets.length - 1]!.source += `\n${line}`;
    else snippets.push({ place: `${name}:${at + 1}`, source: line });
  }
  return snippets;
}

/** Turns any values into text, with the order in which `pairs` visits tables. One line, so that the snippet's first line is 1. */
const SHOW = `local function show(depth, ...) local out = {} for i = 1, select('#', ...) do local v = (select(i, ...)) local t = type(v)
 if t == 'string' then out[i] = string.format('%q', v) elseif t == 'number' then out[i] = string.format('%.17g', v)
 elseif t == 'table' then if depth > 4 then out[i] = '{...}' else local items = {} for k, x in next, v do
 items[#items + 1] = '[' .. show(depth + 1, k) .. ']=' .. show(depth + 1, x) end out[i] = '{' .. table.concat(items, ' ') .. '}' end
 elseif t == 'function' or t == 'thread' then out[i] = t else out[i] = tostring(v) end end return table.concat(out, ', ') end`.replaceAll('\n', '');

/** A script that runs all of them, each as `asScript` would but for its line numbers. Outcomes are divided by zero bytes. */
export function asOneScript(sources: readonly string[]): string {
  const runs = sources.map((source) => ` out[#out + 1] = show(0, pcall(function(...) ${source}\nend))`);
  return `${SHOW} local out = {}${runs.join('')} return table.concat(out, '\\0')`;
}

/** A script that runs the snippet and returns what came of it: values, or the error, as text. */
export function asScript(source: string): string {
  return `${SHOW} return show(0, pcall(function(...) ${source}\nend))`;
}
