/** HELP's handler, whose home is the engine: many of its containers are the engine's own. */
export { helpHandler } from '../../engine/commands/help.ts';
