/** The example of a leaderboard, on a started Holdfast. */
import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { Leaderboard } from '../../examples/leaderboard/leaderboard.ts';
import { HoldfastProcess } from '../support/holdfast-process.ts';

let server: HoldfastProcess;
let redis: Redis;
let board: Leaderboard;

beforeAll(async () => {
  server = await HoldfastProcess.start();
  redis = new Redis(server.port);
});
afterAll(async () => {
  redis.disconnect();
  await server.remove();
});
beforeEach(async () => {
  await redis.flushall();
  board = new Leaderboard(redis, 'test');
});

test('only a better score counts', async () => {
  expect(await board.submit('ada', 100)).toBe(true);
  expect(await board.submit('ada', 90)).toBe(false);
  expect(await board.submit('ada', 100)).toBe(false);
  expect(await board.placeOf('ada')).toEqual({ rank: 1, player: 'ada', score: 100 });
  expect(await board.submit('ada', 100.5)).toBe(true);
  expect(await board.placeOf('ada')).toEqual({ rank: 1, player: 'ada', score: 100.5 });
});

test('shows the top, a place and its neighbours', async () => {
  for (let i = 1; i <= 300; i++) await board.submit(`player-${i}`, i);
  expect(await board.top(2)).toEqual([{ rank: 1, player: 'player-300', score: 300 }, { rank: 2, player: 'player-299', score: 299 }]);
  expect(await board.placeOf('player-100')).toEqual({ rank: 201, player: 'player-100', score: 100 });
  expect((await board.around('player-100', 1)).map(({ rank, score }) => [rank, score])).toEqual([[200, 101], [201, 100], [202, 99]]);
  expect((await board.around('player-300', 1)).map(({ rank }) => rank)).toEqual([1, 2]);
  expect((await board.around('player-1', 1)).map(({ rank }) => rank)).toEqual([299, 300]);
});

test('who is not on the board has no place', async () => {
  expect(await board.top(3)).toEqual([]);
  await board.submit('ada', 1);
  await board.remove('ada');
  expect(await board.placeOf('ada')).toBeNull();
  expect(await board.around('ada', 5)).toEqual([]);
});
