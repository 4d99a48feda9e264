/** Two days of a page's visitors, some of whom come back. */
import { connect } from '../database.ts';
import { UniqueVisitors } from './unique-visitors.ts';

const database = await connect();
const visitors = new UniqueVisitors(database);
const [saturday, sunday] = [new Date('2026-02-28T12:00:00Z'), new Date('2026-03-01T12:00:00Z')];

await Promise.all(Array.from({ length: 2000 }, (_, i) => visitors.visit('/tea', `visitor-${i}`, saturday)));
await Promise.all(Array.from({ length: 2000 }, (_, i) => visitors.visit('/tea', `visitor-${1000 + i}`, sunday)));
console.log('on Saturday, of 2000:', await visitors.count('/tea', saturday, 1));
console.log('on Sunday, of 2000:', await visitors.count('/tea', sunday, 1));
console.log('at the weekend, of 3000:', await visitors.count('/tea', sunday, 2));

await database.close();
