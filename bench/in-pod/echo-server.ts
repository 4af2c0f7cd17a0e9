// The peer of unary calls: a bare grpc-js server. Arguments: socket, and the file with the message that it answers.
import { readFileSync } from 'node:fs';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { loadExecutorService } from '../../src/wire/load.ts';

const [socket = '', answerFile = ''] = process.argv.slice(2);
const answer: unknown = JSON.parse(readFileSync(answerFile, 'utf8'));
const server = new Server();
server.addService(loadExecutorService().definition, {
  GetInfo: (_call: unknown, callback: (error: null, value: unknown) => void) => callback(null, answer),
});
server.bindAsync(`unix:${socket}`, ServerCredentials.createInsecure(), (error) => {
  if (error) throw error;
});
