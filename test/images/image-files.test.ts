import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ImageFiles } from '../../src/agent/images/image-files.ts';
import type { Container } from '../../src/agent/pods/model.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'podhand-images-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const architecture = process.arch === 'x64' ? 'amd64' : process.arch;
const other = architecture === 'amd64' ? 'arm64' : 'amd64';
const places = () => ({ containerd: join(root, 'content'), docker: join(root, 'image') });
const imageOf = (imageId: string) => {
  const container: Container = {
    podUid: 'pod',
    name: 'main',
    id: 'a'.repeat(64),
    image: 'img:1',
    imageId,
    kind: 'regular',
    restartCount: 0,
    state: 'running',
  };
  return new ImageFiles(places()).image(container, AbortSignal.timeout(10_000));
};

/** As the stores keep them: under the digest of what is written. */
function blob(value: object | string, directory = join(root, 'content/blobs/sha256')): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  const digest = createHash('sha256').update(text).digest('hex');
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, digest), text);
  return `sha256:${digest}`;
}

function dockerBlob(value: object): string {
  return blob(value, join(root, 'image/overlay2/imagedb/content/sha256'));
}

const config = (over: object = {}, of = architecture) => ({
  architecture: of,
  os: 'linux',
  config: { Entrypoint: ['/entry'], Cmd: ['a', 'b'], WorkingDir: '/w', User: '1000:1000', Env: ['A=b'], ...over },
  rootfs: { type: 'layers', diff_ids: [] },
});
const expected = { entrypoint: ['/entry'], cmd: ['a', 'b'], workingDir: '/w', user: '1000:1000', image: 'img:1' };

describe("containerd's content store", () => {
  test('the id is the digest of the configuration', async () => {
    expect(await imageOf(blob(config()))).toMatchObject(expected);
  });

  test('of a manifest, as an image from a registry has it', async () => {
    const manifest = blob({ schemaVersion: 2, config: { digest: blob(config()) }, layers: [] });
    expect(await imageOf(`registry.example/team/img@${manifest}`)).toMatchObject(expected);
  });

  test("of an index: this machine's platform is taken", async () => {
    const manifestOf = (own: object) => blob({ schemaVersion: 2, config: { digest: blob(own) }, layers: [] });
    const foreign = manifestOf(config({ Entrypoint: ['/wrong'] }, other));
    const index = blob({
      schemaVersion: 2,
      manifests: [
        { digest: foreign, platform: { os: 'linux', architecture: other } },
        { digest: manifestOf(config()), platform: { os: 'linux', architecture } },
      ],
    });
    expect(await imageOf(`img@${index}`)).toMatchObject(expected);
  });

  test('an index that names itself ends', async () => {
    // Its digest cannot be known beforehand: two that name each other's blob are as deep as they can be made.
    let next = blob({ manifests: [] });
    for (let depth = 0; depth < 5; depth++) next = blob({ manifests: [{ digest: next }] });
    await expect(imageOf(next)).rejects.toMatchObject({ reason: 'IMAGE_NOT_FOUND' });
  });
});

describe("Docker's image store", () => {
  test('the id, as dockershim tells it', async () => {
    expect(await imageOf(`docker://${dockerBlob(config())}`)).toMatchObject(expected);
  });

  test('the digest of a manifest, as dockershim tells it of an image from a registry', async () => {
    const id = dockerBlob(config());
    const name = `registry.example/img@sha256:${'d'.repeat(64)}`;
    const Repositories = { 'registry.example/img': { 'registry.example/img:1': id, [name]: id } };
    writeFileSync(join(root, 'image/overlay2/repositories.json'), JSON.stringify({ Repositories }));
    expect(await imageOf(`docker-pullable://${name}`)).toMatchObject(expected);
  });
});

test.each(['not json', '[]', '{"Repositories":{"img":{"img:1":"no digest"}}}'])(
  "names of Docker's that cannot be read are none: %s",
  async (text) => {
    dockerBlob(config());
    writeFileSync(join(root, 'image/overlay2/repositories.json'), text);
    await expect(imageOf(`docker-pullable://img@sha256:${'d'.repeat(64)}`)).rejects.toMatchObject({
      reason: 'IMAGE_NOT_FOUND',
    });
  },
);

describe('what an image leaves out', () => {
  test.each([
    ['nothing but a platform', { architecture: 'amd64' }, { entrypoint: [], cmd: [], workingDir: '', user: '' }],
    ['null for each', config({ Entrypoint: null, Cmd: null, WorkingDir: '', User: null }), { entrypoint: [], cmd: [] }],
    ['one word in place of a list', config({ Entrypoint: '/one' }), { entrypoint: ['/one'] }],
  ])('%s', async (_what, image, said) => {
    expect(await imageOf(blob(image))).toMatchObject(said);
  });
});

describe('is refused', () => {
  test.each([
    ['an id that the source does not tell', '', /does not tell the id/],
    ['a tag', 'img:1', /does not tell the id/],
    ['a path in place of a digest', `sha256:../../${'a'.repeat(58)}`, /does not tell the id/],
    ['what is not there', `sha256:${'e'.repeat(64)}`, /not in the node's image store/],
  ])('%s', async (_what, imageId, message) => {
    await expect(imageOf(imageId)).rejects.toMatchObject({ reason: 'IMAGE_NOT_FOUND', message });
  });

  test('a file that is not what its name says', async () => {
    const id = blob(config());
    writeFileSync(join(root, 'content/blobs/sha256', id.slice(7)), JSON.stringify(config({ Entrypoint: ['/evil'] })));
    await expect(imageOf(id)).rejects.toMatchObject({ reason: 'IMAGE_NOT_FOUND', message: /damaged/ });
  });

  test.each([
    ['no JSON', 'not json', /damaged/],
    ['more than 4 MiB', `"${'x'.repeat(4 * 1024 * 1024)}"`, /bytes/],
  ])('%s', async (_what, text, message) => {
    await expect(imageOf(blob(text))).rejects.toMatchObject({ reason: 'IMAGE_NOT_FOUND', message });
  });
});
