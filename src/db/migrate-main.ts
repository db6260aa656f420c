import { readAdminKey, readConfig } from '../config.js';
import { prepareDatabase } from './prepare.js';

/** `npm run migrate`: brings the database of DATABASE_URL to this version's schema, and makes the first key. */
const config = readConfig();
if (config.databaseUrl === null) {
  console.error('Set DATABASE_URL to the Postgres to migrate. The embedded one is migrated by `npm start`.');
  process.exit(1);
}
try {
  const { applied, firstKey } = await prepareDatabase(config.databaseUrl, { adminKey: readAdminKey(), needsKey: true });
  console.log(applied.length === 0 ? 'The schema is up to date.' : `Applied ${applied.join(', ')}.`);
  if (firstKey !== null) console.log(`API key of all scopes, shown only now:\n  ${firstKey}`);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
