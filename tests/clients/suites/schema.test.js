// The schema against the last released one: what would break a client is listed in CHANGELOG.md, or it fails here.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { buildSchema, findBreakingChanges } from 'graphql';
import { ROOT } from '../slategate.js';

const read = (path) => readFileSync(join(ROOT, path), 'utf8');

/** Breaking changes that the changes since the last release do not list, each as it is to be listed. */
function unlisted(released, served, changelog) {
  const unreleased = changelog.split(/^## /m).find((section) => section.startsWith('Unreleased')) ?? '';
  const changes = findBreakingChanges(buildSchema(released), buildSchema(served));
  return changes.map(({ description }) => description).filter((text) => !unreleased.includes(text));
}

it('nothing that clients rely on was broken unannounced', () => {
  assert.deepEqual(unlisted(read('tests/fixtures/released.graphql'), read('schema.graphql'), read('CHANGELOG.md')), []);
});

it('a break is found unless it is listed as unreleased', () => {
  const [released, served] = ['type Query { a: Int b: Int }', 'type Query { a: Int }'];
  const text = 'Query.b was removed.';
  assert.deepEqual(unlisted(released, served, '## Unreleased\n'), [text]);
  assert.deepEqual(unlisted(released, served, `## Unreleased\n\n## 0.1.0\n- ${text}`), [text]);
  assert.deepEqual(unlisted(released, served, `## Unreleased\n### Removed\n- ${text}\n## 0.1.0\n`), []);
});
