/** One service asks a thousand times, another changes the flag. */
import { FeatureFlags } from './feature-flags.ts';

const [service, admin] = [await FeatureFlags.connect(), await FeatureFlags.connect()];

await admin.set('new-checkout', false);
for (let i = 0; i < 1000; i++) await service.isOn('new-checkout');
console.log('after 1000 questions:', service.counts);

await admin.set('new-checkout', true);
await service.catchUp();
console.log('switched on:', await service.isOn('new-checkout'), service.counts);

await Promise.all([service.close(), admin.close()]);
