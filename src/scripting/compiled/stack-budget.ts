/**
 * How much of JavaScript's stack Lua functions may use. Measured, since it depends on how the process was started (--stack-size); the
 * rest is left to what the deepest Lua function calls: library, host, and the commands behind it.
 */

/** Of the stack that is there. */
const SHARE = 0.6;
const PROBE_VARIABLES = 50;
/** A frame of the interpreter: the variables, and what every frame has. */
const PROBE_FRAME_BYTES = (PROBE_VARIABLES + 8) * 8;

let budget = 0;

/** In bytes. The first call measures: it should come from a shallow place. */
export function stackBudget(): number {
  if (budget === 0) budget = measure() * SHARE;
  return budget;
}

function measure(): number {
  const names = Array.from({ length: PROBE_VARIABLES }, (_, at) => `v${at}`);
  const code = `let levels=0;function probe(){const ${names.map((name) => `${name}=levels`).join(',')};levels++;probe();return ${names.join('+')};}
try{probe();}catch{}return levels;`;
  const levels = (new Function(code) as () => number)();
  return levels * PROBE_FRAME_BYTES;
}
