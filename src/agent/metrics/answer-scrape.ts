import type { Socket } from 'node:net';
import type { ScrapeText } from './scrape-text.ts';

const mostHeadBytes = 8192;
const headEnd = '\r\n\r\n';

/**
 * Answers the one request that a connection may make, and ends it: `asked` is called when the request is there.
 *
 * Not by node:http: it takes apart, and answers, all requests that came in one read before anybody else has a turn. A pod
 * that pipelined 2,500 of them stopped the agent for 50 ms, and for 200, each time, whatever their bound.
 */
export function answerScrape(socket: Socket, text: ScrapeText, asked: () => void): void {
  let head = '';
  // Who shuts its own side down after the request is to be answered.
  socket.allowHalfOpen = true;
  socket.on('error', () => socket.destroy());
  socket.on('end', () => {
    if (!head.includes(headEnd)) socket.destroy();
  });
  const take = (chunk: Buffer) => {
    head += chunk.toString('latin1', 0, mostHeadBytes - head.length);
    const isWhole = head.includes(headEnd);
    if (!isWhole && head.length < mostHeadBytes) return;
    socket.off('data', take).pause();
    asked();
    if (!isWhole) answer(socket, '431 Request Header Fields Too Large');
    else if (!/^GET \/metrics(?:\?\S*)? HTTP\/1\.[01]\r\n/.test(head))
      answer(socket, '404 Not Found', 'text/plain', Buffer.from('only GET /metrics is here\n'));
    else
      text.get().then(
        (body) => answer(socket, '200 OK', text.contentType, body),
        () => answer(socket, '500 Internal Server Error'),
      );
  };
  socket.on('data', take);
}

function answer(socket: Socket, status: string, type = 'text/plain', body: Buffer = Buffer.alloc(0)): void {
  if (socket.destroyed) return;
  socket.write(
    `HTTP/1.1 ${status}\r\ncontent-type: ${type}\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n`,
  );
  socket.write(body);
  socket.destroySoon();
}
