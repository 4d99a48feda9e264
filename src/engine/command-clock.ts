/**
 * How long commands take, for statistics and for the length of a turn.
 *
 * The clock is read when a command ends, which is when the next one begins. One reading takes as long as a tenth of a GET; so
 * commands that are quick by their nature share one, where a client sends several of the same kind in a row. Their sum is
 * exact, each is taken to have lasted as long as the others; none of them is ever looked at alone.
 *
 * Within a script it takes two readings to tell a command's time from the script's own. Of the quick ones every fourth of a kind
 * is measured there, and those in between are taken to have lasted as long as it did.
 */
import { type Command, Flag } from './command.ts';
import { LatencyHistogram } from './latency-histogram.ts';

/** So many commands share a reading of the clock at most. */
const SHARED_MAX = 16;
/** Who looks for slower commands than this, in microseconds, wants each measured by itself. Redis's default of slowlog-log-slower-than. */
const UNSUSPICIOUS_US = 10_000;
/** Of so many quick commands of a kind in scripts one is measured: a power of two. */
const SCRIPTED_SAMPLE = 4;
/** Quick writes with more arguments may do the work of many, or (XADD with a trimming) what is not quick. */
const QUICK_WRITE_ARGUMENTS_MAX = 5;

/** In scripts reads are counted before they have replied: with so many arguments at most. */
const SCRIPTED_ARGUMENTS_MAX = 16;

/** Whether a command takes about as long as the next of its kind: Redis's word for that is fast, and lists count by arguments. */
function isQuick(command: Command, argc: number): boolean {
  if ((command.flags & Flag.fast) === 0) return false;
  return (command.flags & Flag.readonly) !== 0 || ((command.flags & Flag.write) !== 0 && argc <= QUICK_WRITE_ARGUMENTS_MAX);
}

export class CommandClock {
  /** When the last command that was measured ended, µs. */
  lastUs = 0;
  /** Whether durations are kept for percentiles (latency-tracking), and not only summed up. */
  trackLatency = true;
  readonly #nowUs: () => number;
  #turnBeganUs = 0;
  /** The commands that have ended since `lastUs`: their kind, or null, and how many. */
  #unmeasured: Command | null = null;
  #count = 0;

  /** @param nowUs a monotonic clock in microseconds */
  constructor(nowUs: () => number) {
    this.#nowUs = nowUs;
  }

  beginTurn(): void {
    this.#turnBeganUs = this.lastUs = this.#nowUs();
  }

  /** How long the turn had lasted at `lastUs`, µs. */
  get turnUs(): number {
    return this.lastUs - this.#turnBeganUs;
  }

  /** A command begins. */
  begin(command: Command): void {
    if (this.#unmeasured !== command && this.#unmeasured !== null) this.settle();
  }

  /**
   * A command of `argc` arguments has ended behind which another one follows at once.
   * @param slowUs commands that take so long are reported
   * @returns whether it is measured together with what follows; else `end` and `count` are to be called.
   */
  defer(command: Command, argc: number, slowUs: number): boolean {
    if (!isQuick(command, argc) || slowUs < UNSUSPICIOUS_US || this.#count + 1 >= SHARED_MAX) return false;
    this.#unmeasured = command;
    this.#count++;
    return true;
  }

  /** A command of a script begins. @returns whether it is measured, by `end` and `count`; else `estimate` is to be called. */
  beginScripted(command: Command, argc: number, slowUs: number): boolean {
    const isSample = (command.calls & (SCRIPTED_SAMPLE - 1)) === 0;
    if (!isSample && argc <= SCRIPTED_ARGUMENTS_MAX && slowUs >= UNSUSPICIOUS_US && isQuick(command, argc)) return false;
    // What the script has spent since its last command is not this one's.
    this.lastUs = this.#nowUs();
    return true;
  }

  /** Counts a command that was not measured as the last one of its kind that was. */
  estimate(command: Command): void {
    this.#add(command, command.sampleUs, 1);
  }

  /** A command has ended: reads the clock. @returns `lastUs` */
  end(): number {
    return (this.lastUs = this.#nowUs());
  }

  /** Counts what a command took, with those before it that were deferred. */
  count(command: Command, spentUs: number): void {
    const calls = this.#count + 1;
    command.sampleUs = spentUs / calls;
    this.#add(command, spentUs, calls);
  }

  /** No command follows those that were deferred. */
  settle(): void {
    const command = this.#unmeasured;
    if (command === null) return;
    const { lastUs } = this;
    this.#add(command, this.end() - lastUs, this.#count);
  }

  #add(command: Command, spentUs: number, calls: number): void {
    command.microseconds += spentUs;
    if (this.trackLatency) (command.latency ??= new LatencyHistogram()).record(spentUs, calls);
    this.#unmeasured = null;
    this.#count = 0;
  }
}
