/** What is near the Pantheon in Rome? */
import { connect } from '../database.ts';
import { Places } from './nearby.ts';

const database = await connect();
const places = new Places(database, 'rome');

await places.put('Colosseum', { longitude: 12.4922, latitude: 41.8902 });
await places.put('Trevi Fountain', { longitude: 12.4833, latitude: 41.9009 });
await places.put('Castel Sant\'Angelo', { longitude: 12.4663, latitude: 41.9031 });
await places.put('Ostia Antica', { longitude: 12.2919, latitude: 41.7557 });
const pantheon = { longitude: 12.4769, latitude: 41.8986 };
console.table(await places.near(pantheon, 3000, 10));
console.log('on a map of 2 by 2 km:', await places.onMap(pantheon, 2000, 2000));
console.log('metres from the Colosseum to Ostia:', await places.distance('Colosseum', 'Ostia Antica'));

await database.close();
