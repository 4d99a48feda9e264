/** Ten jobs for two workers, one of which fails at its first try. */
import { setTimeout as delay } from 'node:timers/promises';
import { connect } from '../database.ts';
import { JobQueue } from './job-queue.ts';

const options = { claimAfterMs: 1000, attemptsMax: 3 };
const [database, ...connections] = await Promise.all([connect(), connect(), connect()]);
const queue = await JobQueue.open<{ mail: string }>(database, 'demo', options);
const finished = new AbortController();

for (let i = 0; i < 10; i++) await queue.add({ mail: `customer-${i}@example.com` });
console.log('all ten are in the log');

const workers = connections.map(async (connection, n) => {
  const mine = await JobQueue.open<{ mail: string }>(connection, 'demo', options);
  await mine.work(`worker-${n}`, async ({ payload, attempt }) => {
    if (payload.mail.startsWith('customer-7') && attempt === 1) throw new Error('the mail server is busy');
    console.log(`worker-${n}: mail to ${payload.mail}, attempt ${attempt}`);
  }, finished.signal);
});
while ((await queue.counts()).open > 0) await delay(100);
finished.abort();
await Promise.all(workers);

await Promise.all([database, ...connections].map((connection) => connection.close()));
