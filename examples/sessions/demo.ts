/** A visit to a shop: signing in, filling a basket, signing out. */
import { connect } from '../database.ts';
import { Sessions } from './sessions.ts';

const database = await connect();
const sessions = new Sessions(database, 30 * 60_000);

const token = await sessions.create('ada', { language: 'en' });
console.log('signed in:', await sessions.use(token));
await sessions.update(token, { basket: 'tea,biscuits' });
console.log('with a basket:', await sessions.use(token));
await sessions.destroy(token);
console.log('signed out:', await sessions.use(token));

await database.close();
