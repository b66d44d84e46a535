// One node of socket.io with its Redis Streams adapter, as its documentation
// sets it up; rooms are what the load client calls channels.
// usage: node bench/node.mjs IP PORT REDIS-SOCKET

import { createServer } from 'node:http';

import { createAdapter } from '@socket.io/redis-streams-adapter';
import { createClient } from 'redis';
import { Server } from 'socket.io';

const [ip, port, path] = process.argv.slice(2);

const redis = createClient({ socket: { path } });
redis.on('error', (e) => { console.error(e.message); process.exit(1); });
await redis.connect();

const http = createServer();
const io = new Server(http, {
  adapter: createAdapter(redis),
  serveClient: false,
  transports: ['websocket'],
});

io.on('connection', (socket) => {
  socket.on('join', async (room, done) => { await socket.join(room); done(); });
  socket.on('m', (room, text) => io.to(room).emit('m', text));
});

http.listen({ host: ip, port: Number(port), backlog: 1024 }, () => console.log('ready'));

process.on('SIGTERM', () => {
  setTimeout(() => process.exit(0), 1000);
  io.close(() => process.exit(0));
});
