/** Log lines in Redis's format: `pid:role date time level message`. */
import { appendFileSync } from 'node:fs';

const LEVELS = ['debug', 'verbose', 'notice', 'warning', 'nothing'] as const;
export type LogLevel = (typeof LEVELS)[number];
const MARKS: Record<LogLevel, string> = { debug: '.', verbose: '-', notice: '*', warning: '#', nothing: '' };
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

export class Logger {
  level: LogLevel;
  /** M for a primary, S for a replica. */
  role: 'M' | 'S' = 'M';
  readonly #file: string;

  /** @param file path to append to; '' for standard output. */
  constructor(level: LogLevel, file: string) {
    this.level = level;
    this.#file = file;
  }

  debug(message: string): void { this.#write('debug', message); }
  verbose(message: string): void { this.#write('verbose', message); }
  notice(message: string): void { this.#write('notice', message); }
  warning(message: string): void { this.#write('warning', message); }

  #write(level: LogLevel, message: string): void {
    if (LEVELS.indexOf(level) < LEVELS.indexOf(this.level)) return;
    const now = new Date();
    const two = (n: number): string => String(n).padStart(2, '0');
    const time = `${two(now.getDate())} ${MONTHS[now.getMonth()]!} ${now.getFullYear()} ${two(now.getHours())}:${two(now.getMinutes())}:${two(now.getSeconds())}.${String(now.getMilliseconds()).padStart(3, '0')}`;
    const line = `${process.pid}:${this.role} ${time} ${MARKS[level]} ${message}\n`;
    // Synchronous: a line that explains why the process ends must not be lost with it.
    if (this.#file === '') process.stdout.write(line);
    else appendFileSync(this.#file, line);
  }
}
