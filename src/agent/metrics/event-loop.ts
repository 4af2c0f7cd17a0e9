import { Histogram, type Registry } from 'prom-client';
import { gauge } from './gauges.ts';

const resolutionMs = 50;
const windowMs = 1000;

/**
 * How long the event loop was away: nothing is answered meanwhile, by nobody's fault but the agent's or its node's.
 * Stalls are known to 50 ms. Answers how to stop looking.
 *
 * Not by Node's own monitorEventLoopDelay: after each reset it misses the stall that it is in.
 */
export function registerEventLoop(registry: Registry): () => void {
  const stalls = new Histogram({
    name: 'podhand_event_loop_stall_seconds',
    help: 'The longest event-loop stall of each second.',
    buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers: [registry],
  });
  let last = performance.now();
  let windowSince = last;
  let longest = 0;
  let sinceScrape = 0;
  gauge(registry, 'podhand_event_loop_stall_max_seconds', 'The longest event-loop stall since the last scrape.', () => {
    const most = Math.max(sinceScrape, longest);
    sinceScrape = 0;
    return most / 1000;
  });
  const timer = setInterval(() => {
    const now = performance.now();
    longest = Math.max(longest, now - last - resolutionMs);
    last = now;
    if (now - windowSince < windowMs) return;
    stalls.observe(longest / 1000);
    sinceScrape = Math.max(sinceScrape, longest);
    longest = 0;
    windowSince = now;
  }, resolutionMs);
  timer.unref();
  return () => clearInterval(timer);
}
