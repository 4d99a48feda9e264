/** Changes of libraries, as they are logged. */
import type { Call } from '../../engine/call.ts';
import { FUNCTION_EFFECT } from '../../engine/function-libraries.ts';
import type { Library } from '../function-registry.ts';

/** Logs that a library is there. */
export function loadEffect(c: Call, library: Library): void {
  c.engine.functions.mark();
  c.effect(FUNCTION_EFFECT, 4);
  c.effectText('LOAD');
  c.effectText('REPLACE');
  c.effectText(library.source);
}

/** Forgets all libraries, and logs it. */
export function flushLibraries(c: Call): void {
  c.engine.functions.clear();
  c.engine.functions.mark();
  c.effect(FUNCTION_EFFECT, 2);
  c.effectText('FLUSH');
}
