/** The example of places nearby, on a started Holdfast. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { connect, type Database } from '../../examples/database.ts';
import { Places } from '../../examples/nearby/nearby.ts';
import { HoldfastProcess } from '../support/holdfast-process.ts';

const PANTHEON = { longitude: 12.4769, latitude: 41.8986 };

let server: HoldfastProcess;
let database: Database;
let places: Places;

beforeAll(async () => {
  server = await HoldfastProcess.start();
  database = await connect(`redis://127.0.0.1:${server.port}`);
});
afterAll(async () => {
  database.destroy();
  await server.remove();
});
beforeEach(async () => {
  await database.flushAll();
  places = new Places(database, 'test');
  await places.put('Colosseum', { longitude: 12.4922, latitude: 41.8902 });
  await places.put('Trevi Fountain', { longitude: 12.4833, latitude: 41.9009 });
  await places.put('Ostia Antica', { longitude: 12.2919, latitude: 41.7557 });
});

test('finds what is near, the nearest first', async () => {
  const near = await places.near(PANTHEON, 3000, 10);
  expect(near.map(({ place }) => place)).toEqual(['Trevi Fountain', 'Colosseum']);
  expect(near[0]!.distanceMetres).toBeCloseTo(588, -1);
  expect(near[0]!.longitude).toBeCloseTo(12.4833, 4);
  expect(near[0]!.latitude).toBeCloseTo(41.9009, 4);
  expect((await places.near(PANTHEON, 3000, 1)).map(({ place }) => place)).toEqual(['Trevi Fountain']);
  expect(await places.near({ longitude: 0, latitude: 0 }, 3000, 10)).toEqual([]);
});

test('finds what is on a map', async () => {
  expect(await places.onMap(PANTHEON, 1500, 1500)).toEqual(['Trevi Fountain']);
  expect((await places.onMap(PANTHEON, 40_000, 40_000)).sort()).toEqual(['Colosseum', 'Ostia Antica', 'Trevi Fountain']);
});

test('a place can move and go', async () => {
  await places.put('Colosseum', PANTHEON);
  expect((await places.near(PANTHEON, 10, 10)).map(({ place }) => place)).toEqual(['Colosseum']);
  await places.remove('Colosseum');
  expect(await places.near(PANTHEON, 10, 10)).toEqual([]);
  expect(await places.distance('Colosseum', 'Ostia Antica')).toBeNull();
  expect(await places.distance('Trevi Fountain', 'Ostia Antica')).toBeCloseTo(22_635, -3);
});
