/** A hundred readers want the same slow report at the same time. */
import { setTimeout as delay } from 'node:timers/promises';
import { connect } from '../database.ts';
import { LazyValues } from './lazy-loading.ts';

const database = await connect();
const values = new LazyValues(database, { valueMs: 60_000, lockMs: 5000 });
let loads = 0;

async function slowReport(): Promise<string> {
  loads++;
  await delay(300);
  return `report of ${new Date().toISOString()}`;
}

await values.invalidate('report');
const reports = await Promise.all(Array.from({ length: 100 }, () => values.get('report', slowReport)));
console.log(`${reports.length} readers, ${new Set(reports).size} report, loads: ${loads}`);

await database.close();
