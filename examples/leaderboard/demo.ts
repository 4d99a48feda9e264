/** A few games of a few players. */
import { Redis } from 'ioredis';
import { databaseUrl } from '../database.ts';
import { Leaderboard } from './leaderboard.ts';

const redis = new Redis(databaseUrl());
const board = new Leaderboard(redis, 'demo');

for (const [player, score] of [['ada', 310], ['bob', 120], ['cleo', 275], ['dan', 90], ['bob', 60]] as const) {
  console.log(`${player} has ${score}${(await board.submit(player, score)) ? ': a new best' : ''}`);
}
console.table(await board.top(3));
console.log('around cleo:', await board.around('cleo', 1));

await redis.quit();
