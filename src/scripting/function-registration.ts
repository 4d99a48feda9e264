/** register_function of the tables `redis` and `server`: what a library says of its functions while it is loaded. */
import { checkFunctionName } from '../engine/function-libraries.ts';
import { CommandError } from '../shared/errors.ts';
import { isTable } from './arguments.ts';
import { type LuaFunction, type LuaTable, type LuaValue, luaTypeOf } from './lua-engine.ts';
import { numberText } from './number-format.ts';
import { SCRIPT_FLAG_NAMES } from './script-run.ts';

export interface RegisteredFunction {
  readonly name: string;
  readonly fn: LuaFunction;
  readonly flags: number;
  readonly description: string | null;
}

/** What is wrong with a registration: told without a position. */
export class RegistrationError extends Error {}

const FLAGS = new Map(SCRIPT_FLAG_NAMES);

const textOf = (value: LuaValue): string | null => (typeof value === 'string' ? value : typeof value === 'number' ? numberText(value) : null);

function flagsOf(table: LuaTable): number {
  let flags = 0;
  for (let i = 1; ; i++) {
    const value = table.get(i);
    if (value === undefined) return flags;
    const flag = FLAGS.get((textOf(value) ?? '').toLowerCase());
    if (flag === undefined) throw new RegistrationError('unknown flag given');
    flags |= flag;
  }
}

function named(value: LuaValue, called: string): RegisteredFunction {
  if (!isTable(value)) {
    throw new RegistrationError(`calling ${called} with a single argument is only applicable to Lua table (representing named arguments).`);
  }
  let name: string | null = null;
  let description: string | null = null;
  let fn: LuaFunction | null = null;
  let flags = 0;
  for (let pair = value.next(undefined); pair !== null; pair = value.next(pair[0])) {
    const key = textOf(pair[0]);
    if (key === null) throw new RegistrationError(`named argument key given to ${called} is not a string`);
    const given = pair[1];
    switch (key.toLowerCase()) {
      case 'function_name':
        name = textOf(given);
        if (name === null) throw new RegistrationError(`function_name argument given to ${called} must be a string`);
        break;
      case 'description':
        description = textOf(given);
        if (description === null) throw new RegistrationError(`description argument given to ${called} must be a string`);
        break;
      case 'callback':
        if (luaTypeOf(given) !== 'function') throw new RegistrationError(`callback argument given to ${called} must be a function`);
        fn = given as LuaFunction;
        break;
      case 'flags':
        if (!isTable(given)) throw new RegistrationError(`flags argument to ${called} must be a table representing function flags`);
        flags = flagsOf(given);
        break;
      default: throw new RegistrationError(`unknown argument given to ${called}`);
    }
  }
  if (name === null) throw new RegistrationError(`${called} must get a function name argument`);
  if (fn === null) throw new RegistrationError(`${called} must get a callback argument`);
  return { name, fn, flags, description };
}

function positional(args: readonly LuaValue[], called: string): RegisteredFunction {
  const name = textOf(args[0]);
  if (name === null) throw new RegistrationError(`first argument to ${called} must be a string`);
  if (luaTypeOf(args[1]) !== 'function') throw new RegistrationError(`second argument to ${called} must be a function`);
  return { name, fn: args[1] as LuaFunction, flags: 0, description: null };
}

/**
 * Reads the arguments of register_function.
 * @param called the function as the library names it, for errors: "redis.register_function".
 * @throws RegistrationError
 */
export function readRegistration(args: readonly LuaValue[], called: string): RegisteredFunction {
  if (args.length < 1 || args.length > 2) throw new RegistrationError(`wrong number of arguments to ${called}`);
  const registered = args.length === 1 ? named(args[0], called) : positional(args, called);
  try {
    checkFunctionName(registered.name);
  } catch (error) {
    throw error instanceof CommandError ? new RegistrationError(error.message.slice('ERR '.length)) : error;
  }
  return registered;
}
