/** From a chunk's text to its main function: parser, generator, and V8's compiler. */
import { type LuaFunction, UnsupportedChunk } from '../lua-engine.ts';
import { power } from '../power.ts';
import { argTable } from './base-library.ts';
import { all, callable, deferred, drop, first, NOTHING, stackOverflow } from './calls.ts';
import { ChunkCode } from './chunk-code.ts';
import { invoke, resumable } from './coroutines.ts';
import { mainFunctionCode } from './function-code.ts';
import { cursorFor } from './iteration.ts';
import { machine, tick } from './machine.ts';
import * as operators from './operators.ts';
import { parseChunk } from './parser.ts';
import { ChunkSites, registerChunk } from './positions.ts';
import { fillTable, listTable, Table } from './table.ts';
import { Node } from './table-layout.ts';

/** A node that never has a value: what a cache holds before it holds anything. */
const NO_NODE = new Node(false, undefined);

/** What generated code calls. */
const runtime = {
  ...operators, all, argTable, callable, cursorFor, deferred, drop, fillTable, first, invoke, isArray: Array.isArray, listTable, NO_NODE, nodeOf,
  NOTHING, power, resumable, stackOverflow, Table, tick,
};
const HEADER = `"use strict";const {${Object.keys(runtime).join(',')}}=R;`;

/** A string key's node in a table, for caches. */
function nodeOf(table: unknown, key: string): Node {
  return (table instanceof Table ? table.node(key) : undefined) ?? NO_NODE;
}

/** @throws LuaSyntaxError, UnsupportedChunk */
export function compileChunk(source: string, chunkName: string, environment: Table): LuaFunction {
  const body = parseChunk(source, chunkName, machine.cCalls);
  const sites = new ChunkSites(chunkName);
  const url = registerChunk(sites);
  try {
    // Whoever reaches the coroutine library otherwise gets coroutines that cannot yield.
    const chunk = new ChunkCode(source.includes('coroutine'));
    const finished = chunk.finish(HEADER, mainFunctionCode(chunk, body));
    sites.sites = finished.sites;
    const factory = new Function('R', 'M', 'S', 'E', `${finished.code}\n//# sourceURL=${url}`) as (...given: unknown[]) => LuaFunction;
    return factory(runtime, machine, sites, environment);
  } catch (thrown) {
    // Expressions are nested as deep as they are long: both compilers recurse. V8's has limits of its own, of arguments for example.
    if (thrown instanceof RangeError || thrown instanceof SyntaxError) throw new UnsupportedChunk('the chunk has an expression that is too long', { cause: thrown });
    throw thrown;
  }
}
