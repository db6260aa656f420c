// A bare Fastify route that reads one row by key through pg, of the database in DATABASE_URL. Prints its port.
import Fastify from 'fastify';
import pg from 'pg';

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL });
const app = Fastify();
app.get('/jobs/:id', async (request, reply) => {
  const { rows } = await pool.query('SELECT * FROM job WHERE id = $1', [request.params.id]);
  return rows[0] ?? reply.status(404).send();
});
await app.listen({ host: '127.0.0.1', port: 0 });
console.log(app.server.address().port);
