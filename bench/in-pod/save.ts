// In the calling container: SaveArtifact of one file. Arguments: socket, container, path, destination. Prints
// milliseconds from the call to its result, without the start of this process.
import { ExecutorClient } from '../../src/client/executor-client.ts';

const [socketPath = '', container = '', path = '', destination = ''] = process.argv.slice(2);
const client = new ExecutorClient({ socketPath });
await client.getInfo();
const start = performance.now();
for await (const _ of client.saveArtifact({ container, path, destination, format: 'ARCHIVE_FORMAT_RAW' }));
process.stdout.write(JSON.stringify({ ms: performance.now() - start }));
client.close();
