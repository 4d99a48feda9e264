/** LATENCY's events: what took longer than latency-monitor-threshold, a sample a second for each kind of event. */

const SAMPLES_MAX = 160;

export interface LatencySample {
  readonly atSeconds: number;
  ms: number;
}

export interface LatencyEvent {
  readonly samples: LatencySample[];
  maxMs: number;
}

export class LatencyMonitor {
  readonly events = new Map<string, LatencyEvent>();
  /** Infinity: nothing is sampled. */
  thresholdMs = Infinity;

  /** @param name as Redis calls the event: "command", "fast-command", "expire-cycle" … */
  add(name: string, microseconds: number, nowMs: number): void {
    const ms = Math.floor(microseconds / 1000);
    if (ms < this.thresholdMs) return;
    const atSeconds = Math.floor(nowMs / 1000);
    let event = this.events.get(name);
    if (event === undefined) this.events.set(name, event = { samples: [], maxMs: 0 });
    event.maxMs = Math.max(event.maxMs, ms);
    const last = event.samples[event.samples.length - 1];
    // One sample a second: the worst.
    if (last !== undefined && last.atSeconds === atSeconds) last.ms = Math.max(last.ms, ms);
    else event.samples.push({ atSeconds, ms });
    if (event.samples.length > SAMPLES_MAX) event.samples.shift();
  }
}
