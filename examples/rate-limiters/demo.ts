/** Seven requests at once of one client, to either limiter. */
import { connect } from '../database.ts';
import { FixedWindowLimiter, TokenBucketLimiter } from './rate-limiters.ts';

const database = await connect();
const client = `demo-${process.pid}`;

const fixedWindow = new FixedWindowLimiter(database, 5, 60_000);
console.log('5 in a minute:');
console.table(await Promise.all(Array.from({ length: 7 }, () => fixedWindow.take(client))));

const tokenBucket = new TokenBucketLimiter(database, 5, 2);
console.log('5 at once, 2 a second:');
console.table(await Promise.all(Array.from({ length: 7 }, () => tokenBucket.take(client))));

await database.close();
