/** The HELP subcommand of containers: lines of status replies. */
import type { Handler } from '../command.ts';

export function helpHandler(lines: readonly string[]): Handler {
  return (c) => {
    c.reply.array(lines.length);
    for (const line of lines) c.reply.status(line);
  };
}
