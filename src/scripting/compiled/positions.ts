/**
 * Where a script stands when something fails, and how errors get their "user_script:1: ".
 *
 * Generated code keeps no line numbers while it runs. Each place in it that may fail begins a line of its own (generator.ts), and a
 * chunk has a table of what stands in these lines: Lua's line, and the names for messages such as "attempt to index local 'x'".
 * When something fails, V8's stack trace tells the lines; only errors pay.
 *
 * On that trace, generated code is recognised by its source URL, the library's functions by their file names (…-library.ts), and
 * `fromNative`, through which native functions call back, by its name: it ends one C function's frames.
 */
import { LuaError, type LuaValue } from '../lua-engine.ts';
import { shownChunkName } from './lexer.ts';
import { machine } from './machine.ts';

/** What stands in one line of generated code. */
export interface Site {
  readonly line: number;
  /** As in messages, such as "local 'x'" or "global 'f'"; '' when there is no name. */
  readonly names: readonly string[];
  /** A call; the last name is the called function's, and the first is what it is called when it is none. */
  readonly isCall: boolean;
}

/** A chunk's places. Lives as long as the chunk's functions, which refer to it. */
export class ChunkSites {
  readonly name: string;
  readonly shownName: string;
  sites: readonly (Site | undefined)[] = [];

  constructor(name: string) {
    this.name = name;
    this.shownName = shownChunkName(name);
  }
}

interface Level {
  /** Null: a native function. */
  readonly sites: ChunkSites | null;
  readonly site: Site | undefined;
}

const URL_PREFIX = 'holdfast-lua:';
/** Lines that `new Function` puts before the body. */
const FUNCTION_HEADER_LINES = 2;
/** JavaScript frames looked at: at first few, since each costs; then as many as any level that a script names may be deep. */
const FRAMES_FEW = 16;
const FRAMES_MAX = 200;
/** An error takes as long as so many steps. */
const ERROR_STEPS = 100;
const NATIVE_FILE = /-library\.[jt]s/;

const chunks = new Map<number, WeakRef<ChunkSites>>();
const collected = new FinalizationRegistry<number>((id) => chunks.delete(id));
let nextChunk = 1;

/** Makes a chunk's places known. @returns the source URL by which the trace names the chunk */
export function registerChunk(sites: ChunkSites): string {
  const id = nextChunk++;
  chunks.set(id, new WeakRef(sites));
  collected.register(sites, id);
  return URL_PREFIX + id;
}

function returnSites(_error: unknown, sites: NodeJS.CallSite[]): NodeJS.CallSite[] {
  return sites;
}

function stackFrames(count: number): NodeJS.CallSite[] {
  const { prepareStackTrace, stackTraceLimit } = Error;
  const holder: { stack?: NodeJS.CallSite[] } = {};
  Error.prepareStackTrace = returnSites;
  Error.stackTraceLimit = count;
  Error.captureStackTrace(holder, stackFrames);
  const frames = holder.stack ?? [];
  Error.stackTraceLimit = stackTraceLimit;
  // Exactly as it was: an absent property and an undefined one are not the same to Node.
  if (prepareStackTrace === undefined) delete (Error as { prepareStackTrace?: unknown }).prepareStackTrace;
  else Error.prepareStackTrace = prepareStackTrace;
  return frames;
}

/**
 * The active functions, the innermost first: C's CallInfo chain. At least to the first Lua function, and to `level`, if there are so many.
 */
function activeLevels(level = 1): Level[] {
  const frames = stackFrames(FRAMES_FEW);
  const levels = levelsOf(frames);
  if (frames.length < FRAMES_FEW || (levels.length > level && levels.some(({ sites }) => sites !== null))) return levels;
  return levelsOf(stackFrames(FRAMES_MAX));
}

function levelsOf(frames: readonly NodeJS.CallSite[]): Level[] {
  const levels: Level[] = [];
  let inNative = false;
  for (const frame of frames) {
    const script = frame.getScriptNameOrSourceURL() as string | null;
    if (script?.startsWith(URL_PREFIX)) {
      const sites = chunks.get(Number(script.slice(URL_PREFIX.length)))?.deref() ?? null;
      levels.push({ sites, site: sites?.sites[frame.getLineNumber()! - FUNCTION_HEADER_LINES] });
      inNative = false;
    } else if (frame.getFunctionName() === 'fromNative') {
      inNative = false;
    } else if (!inNative && script !== null && NATIVE_FILE.test(script)) {
      levels.push({ sites: null, site: undefined });
      inNative = true;
    }
  }
  return levels;
}

function place(level: Level | undefined): string {
  return level === undefined || level.sites === null ? '' : `${level.sites.shownName}:${level.site?.line ?? '?'}: `;
}

/** An error without its own stack trace, raised where `levels` says. */
function errorAt(value: LuaValue, levels: readonly Level[]): LuaError {
  machine.ticks -= ERROR_STEPS;
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  const error = new LuaError(value);
  Error.stackTraceLimit = stackTraceLimit;
  mark(error, levels);
  return error;
}

function mark(error: LuaError, levels: readonly Level[]): void {
  const raising = levels.find((level) => level.sites !== null);
  error.line = raising?.site?.line ?? 0;
  error.source = raising?.sites?.name ?? '';
}

/** Gives an error that the host made the place of its caller. */
export function markPlace(error: LuaError): void {
  if (error.line === 0) mark(error, activeLevels());
}

/** luaG_runerror: by the operations of Lua itself. The place is added if a Lua function does the operation. */
export function runtimeError(message: string): LuaError {
  const levels = activeLevels();
  return errorAt(place(levels[0]) + message, levels);
}

/** `runtimeError` about an operand: the message is made with its name at the failing place. */
export function operandError(operand: number, message: (name: string) => string): LuaError {
  const levels = activeLevels();
  return errorAt(place(levels[0]) + message(levels[0]?.site?.names[operand] ?? ''), levels);
}

/** luaL_error: by a library function, at the place of its caller. */
export function libraryError(message: string): LuaError {
  return raisedAt(message, 1);
}

/** An error whose message gets the place of the function at a level: 0 is the native function that raises it. */
export function raisedAt(message: string, level: number): LuaError {
  const levels = activeLevels(level);
  return errorAt(place(levels[level]) + message, levels);
}

/** An error with just this value. */
export function raisedValue(value: LuaValue): LuaError {
  return errorAt(value, activeLevels());
}

/** Where the caller of the running native function stands: luaL_where. */
export function callerPlace(level = 1): string {
  return place(activeLevels(level)[level]);
}

/** luaL_argerror: "bad argument #1 to 'rep' (…)". @param position from 1 */
export function argumentError(position: number, complaint: string): LuaError {
  const levels = activeLevels();
  const site = levels[1]?.site;
  const called = /^(\S+) '([^]*)'$/.exec(site?.isCall ? site.names[site.names.length - 1]! : '');
  const name = called?.[2] ?? '?';
  let message = `bad argument #${position} to '${name}' (${complaint})`;
  if (called?.[1] === 'method') {
    message = position === 1
      ? `calling '${name}' on bad self (${complaint})`
      : `bad argument #${position - 1} to '${name}' (${complaint})`;
  }
  return errorAt(place(levels[1]) + message, levels);
}
