import { appendFile, writeFile } from 'node:fs/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { type Format, gather, record, someTime, textOf, type Written, WrittenLog } from './written-log.ts';

const formats: Format[] = ['cri', 'docker-json'];
const logs: WrittenLog[] = [];

async function written(format: Format, records: readonly Written[]): Promise<WrittenLog> {
  const log = await WrittenLog.make(format);
  logs.push(log);
  await writeFile(log.path, records.map((one) => record(format, one)).join(''));
  return log;
}

function out(text: string, time?: string): Written {
  return { stream: 'stdout', text, ...(time !== undefined && { time }) };
}

function err(text: string, time?: string): Written {
  return { stream: 'stderr', text, ...(time !== undefined && { time }) };
}

afterEach(async () => {
  for (const log of logs.splice(0)) await log.remove();
});

describe.each(formats)('reading a %s log', (format) => {
  it('gives both streams in the order of the runtime, joined per stream', async () => {
    const log = await written(format, [out('a\n'), out('b\n'), err('c\n'), out('d\n')]);
    const chunks = await gather(log.read());
    expect(chunks.map(({ stream, data }) => [stream, data.toString()])).toEqual([
      ['stdout', 'a\nb\n'],
      ['stderr', 'c\n'],
      ['stdout', 'd\n'],
    ]);
    expect(chunks[0]?.time?.toISOString()).toBe('2024-05-06T07:08:09.123Z');
  });

  it('gives one stream', async () => {
    const log = await written(format, [out('a\n'), err('b\n'), out('c\n')]);
    expect(textOf(await gather(log.read({ stream: 'stdout' })))).toBe('a\nc\n');
    expect(textOf(await gather(log.read({ stream: 'stderr' })))).toBe('b\n');
  });

  it('gives bytes as they were printed', async () => {
    const texts = [
      'quote " backslash \\ slash / tab \t cr \r nul \u0000 bell \u0007 del \u007f\n',
      '\\n is not a newline, nor is \\\\n\n',
      'ends in a backslash \\\n',
      '<b>&amp;</b> \u2028 \u2029 \u00e9 \u20ac \u{1f600}\n',
      '","stream":"stderr","time":"2024-01-01T00:00:00Z"}\n',
      '2024-05-06T07:08:09.123456789Z stderr F not a record\n',
      '\n',
      `${'long '.repeat(5000)}\n`,
      '\\u0041 \\ud83d\n',
    ];
    const log = await written(
      format,
      texts.map((text) => out(text)),
    );
    expect(textOf(await gather(log.read()))).toBe(texts.join(''));
  });

  it('joins a line that was cut, though the other stream came between', async () => {
    const log = await written(format, [out('one '), err('x'), out('two '), err('y\n'), out('three\n')]);
    const chunks = await gather(log.read());
    expect(textOf(chunks, 'stdout')).toBe('one two three\n');
    expect(textOf(chunks, 'stderr')).toBe('xy\n');
  });

  it('puts the time once before each line', async () => {
    const early = '2024-05-06T07:08:09.5Z';
    const log = await written(format, [
      out('cut ', early),
      out('line\n'),
      err('x\n'),
      out('y\n', '2024-05-06T07:08:10Z'),
    ]);
    const chunks = await gather(log.read({ timestamps: true }));
    expect(textOf(chunks, 'stdout')).toBe(
      '2024-05-06T07:08:09.500000000Z cut line\n2024-05-06T07:08:10.000000000Z y\n',
    );
    expect(textOf(chunks, 'stderr')).toBe(`${someTime} x\n`);
  });

  it('begins at a time, and never within a line', async () => {
    const log = await written(format, [
      out('old\n', '2024-05-06T07:08:09Z'),
      out('cut ', '2024-05-06T07:08:09.9Z'),
      err('new error\n', '2024-05-06T07:08:10Z'),
      out('before\n', '2024-05-06T07:08:10.1Z'),
      out('new\n', '2024-05-06T09:08:10.2+02:00'),
    ]);
    const chunks = await gather(log.read({ since: new Date('2024-05-06T07:08:10Z') }));
    expect(chunks.map(({ stream, data }) => [stream, data.toString()])).toEqual([
      ['stderr', 'new error\n'],
      ['stdout', 'new\n'],
    ]);
  });

  it('cuts chunks at 64 KiB, at lines where they fit', async () => {
    const line = `${'x'.repeat(999)}\n`;
    const log = await written(
      format,
      Array.from({ length: 500 }, () => out(line)),
    );
    const chunks = await gather(log.read());
    expect(textOf(chunks)).toBe(line.repeat(500));
    for (const { data } of chunks) {
      expect(data.length).toBeLessThanOrEqual(65_536);
      expect(data.length % 1000).toBe(0);
    }
    expect(chunks.length).toBeLessThan(12);
  });

  it('gives a line of 10 MB whole', async () => {
    const line = `${'0123456789'.repeat(1_000_000)}\n`;
    // Docker and containerd cut at 16 KiB; a CRI runtime may be told not to.
    const cut = (line.match(/[\d\n]{1,16384}/g) ?? []).map((text) => out(text));
    const log = await written(format, format === 'cri' ? [out(line), err('after\n')] : [...cut, err('after\n')]);
    const chunks = await gather(log.read());
    expect(textOf(chunks, 'stdout') === line).toBe(true);
    expect(textOf(chunks, 'stderr')).toBe('after\n');
    expect(Math.max(...chunks.map(({ data }) => data.length))).toBeLessThanOrEqual(65_536);
  });

  it('gives nothing of an empty log', async () => {
    const log = await written(format, []);
    log.is('exited', new Date(0));
    expect(await gather(log.read({ follow: true }))).toEqual([]);
  });

  it('stops before a record that is being written', async () => {
    const log = await written(format, [out('whole\n')]);
    await appendFile(log.path, record(format, out('half\n')).slice(0, -12));
    expect(textOf(await gather(log.read()))).toBe('whole\n');
  });

  it('says so where the last record was never completed', async () => {
    const log = await written(format, [out('whole\n')]);
    await appendFile(log.path, record(format, out('half\n')).slice(0, -12));
    const container = log.is('exited', new Date(0));
    const role = log.role({ settle: 10, longest: 300 });
    const chunks: string[] = [];
    const reading = (async () => {
      const options = { follow: false, timestamps: false };
      for await (const { data } of role.read(container, options, new AbortController().signal))
        chunks.push(data.toString());
    })();
    await expect(reading).rejects.toMatchObject({ reason: 'LOG_LOST' });
    expect(chunks).toEqual(['whole\n']);
  });

  it('says so where a record cannot be read, after what came before it', async () => {
    const log = await written(format, [out('good\n')]);
    await appendFile(log.path, `${'\0'.repeat(100)}\n${record(format, out('later\n', '2024-06-01T00:00:00Z'))}`);
    await expect(gather(log.read())).rejects.toMatchObject({ reason: 'LOG_LOST' });
    expect(textOf(await gather(log.read({ tailLines: 1 })))).toBe('later\n');
    expect(textOf(await gather(log.read({ since: new Date('2024-06-01T00:00:00Z') })))).toBe('later\n');
  });

  it('refuses a file that is no log', async () => {
    const log = await written(format, []);
    await writeFile(log.path, `${'not a log at all, though it is long enough\n'}`);
    await expect(gather(log.read())).rejects.toMatchObject({ reason: 'LOGS_UNAVAILABLE' });
  });
});

describe('a docker log with attributes', () => {
  it('is read as any other', async () => {
    const log = await WrittenLog.make('docker-json');
    logs.push(log);
    const attrs = String.raw`"attrs":{"tag":"x","evil":"\",\"time\":\"2000-01-01T00:00:00Z\"}"}`;
    await writeFile(
      log.path,
      ['a "quoted" line\\n', 'b \\\\'].map((text) => {
        const content = text.replaceAll('"', '\\"');
        return `{"log":"${content}","stream":"stderr",${attrs},"time":"${someTime}"}\n`;
      }),
    );
    const chunks = await gather(log.read({ timestamps: true }));
    expect(textOf(chunks, 'stderr')).toBe(`${someTime} a "quoted" line\n${someTime} b \\`);
  });
});
