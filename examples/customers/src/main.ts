/** Starts the service: PORT (default 8080) and DATABASE_URL (default redis://127.0.0.1:6379). */
import { CustomerStore } from './customer-store.ts';
import { createApi } from './http-api.ts';

const port = Number(process.env['PORT'] ?? 8080);
const store = await CustomerStore.connect(process.env['DATABASE_URL'] ?? 'redis://127.0.0.1:6379');
const api = createApi(store).listen(port, () => console.log(`Customers at http://localhost:${port}/customers`));

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    // Requests under way are answered before the database is let go.
    api.close(() => void store.close());
    api.closeIdleConnections();
  });
}
