/**
 * What the running script shares with the runtime: how much it may still do before somebody is asked, and how deep it is. One for the
 * process, since one script runs at a time; `CompiledEngine.call` sets it up and puts it back.
 */
import type { Table } from './table.ts';

/** Steps (calls, iterations) between two ticks. */
const TICK_STEPS = 20_000;
/** Bytes of a string or table that count as one step. */
const BYTES_PER_STEP = 64;

class Machine {
  ticks = TICK_STEPS;
  /** Bytes of stack that Lua functions may still use, estimated. */
  depth = 0;
  /** With less than this left, tail calls give their frame back instead of nesting. */
  tailBelow = 0;
  /** C functions and metamethods that are within each other now. */
  cCalls = 0;
  onTick: (() => void) | null = null;
  /** Of all strings. */
  stringMetatable: Table | null = null;
}

export const machine = new Machine();

/** Called when `ticks` is below zero. @throws LuaKilled, if the host stops the script */
export function tick(onTick = machine.onTick): void {
  machine.ticks = TICK_STEPS;
  if (onTick !== null) onTick();
}

/** Counts the making of something large, so that greedy scripts meet the tick in time. */
export function charge(bytes: number, onTick = machine.onTick): void {
  machine.ticks -= Math.floor(bytes / BYTES_PER_STEP);
  if (machine.ticks < 0) tick(onTick);
}
