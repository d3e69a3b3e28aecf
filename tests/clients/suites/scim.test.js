// The conformance suite scim2-tester; and patches and filters, held against two libraries that others serve SCIM with.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { scimPatch } from 'scim-patch';
import { filter as fitting, parse } from 'scim2-parse-filter';

import { serve } from '../slategate.js';

const SUITE = fileURLToPath(new URL('../scim/conformance.py', import.meta.url));
const USER = 'urn:ietf:params:scim:schemas:core:2.0:User';
const EMPLOYMENT = 'urn:ietf:params:scim:schemas:extension:slategate:2.0:User';
const PATCH = 'urn:ietf:params:scim:api:messages:2.0:PatchOp';

let server;
before(async () => (server = await serve({}, 'scim')));
after(() => server.stop());

async function send(method, path, body) {
  const headers = { ...server.headers, 'content-type': 'application/scim+json' };
  const answer = await fetch(`${server.url}/scim/v2${path}`, { method, headers, body: body && JSON.stringify(body) });
  const text = await answer.text();
  assert.ok(answer.ok, `${method} ${path}: ${text}`);
  return text && JSON.parse(text);
}

test('scim2-tester finds nothing wrong', async () => {
  const python = process.env.SLATEGATE_PYTHON;
  assert.ok(python, 'SLATEGATE_PYTHON is a Python with scim/requirements.txt; `cargo xtask clients scim` makes one');
  const env = { ...process.env, SCIM_URL: `${server.url}/scim/v2`, SCIM_TOKEN: server.token };
  const { stdout } = await promisify(execFile)(python, [SUITE], { env }).catch((failed) => {
    assert.fail(`${failed.stdout}\n${failed.stderr}`);
  });
  console.log(`scim2-tester: ${stdout.trim()}`);
});

/** Somebody new with a value of everything. */
const somebody = (name) => ({
  schemas: [USER, EMPLOYMENT],
  userName: `${name}@x.example`,
  externalId: name,
  name: { formatted: 'Ada King', givenName: 'Ada', familyName: 'King' },
  displayName: 'Ada Lovelace',
  emails: [
    { value: `${name}@x.example`, type: 'work', primary: true },
    { value: `${name}@home.example`, type: 'home' },
  ],
  active: true,
  [EMPLOYMENT]: { startsOn: '2024-02-29', endsOn: '2026-12-31' },
});

describe('patches come out as scim-patch makes them', () => {
  const other = { value: 'other@x.example', type: 'other' };
  const patches = {
    'replace active': [{ op: 'replace', path: 'active', value: false }],
    'replace without a path': [{ op: 'replace', value: { active: false, displayName: 'Countess' } }],
    'add without a path': [{ op: 'Add', value: { displayName: 'Countess', emails: [other] } }],
    'parts of the name': [
      { op: 'Replace', path: 'name.familyName', value: 'Byron' },
      { op: 'Add', path: 'name.givenName', value: 'Augusta' },
      { op: 'Remove', path: 'name.formatted' },
    ],
    'the whole name': [{ op: 'replace', path: 'name', value: { familyName: 'Byron' } }],
    'one address by its type': [{ op: 'Replace', path: 'emails[type eq "home"].value', value: 'new@home.example' }],
    'an address that is not there': [{ op: 'Add', path: 'emails[type eq "other"].value', value: 'other@x.example' }],
    'a whole address': [{ op: 'add', path: 'emails', value: [other] }],
    'an address twice': [
      { op: 'add', path: 'emails', value: [other] },
      { op: 'add', path: 'emails', value: [other] },
    ],
    'all addresses': [{ op: 'replace', path: 'emails', value: [other] }],
    'no address of a type': [{ op: 'remove', path: 'emails[type eq "home"]' }],
    'no part of an address': [{ op: 'remove', path: 'emails[type eq "work"].primary' }],
    'no name': [
      { op: 'remove', path: 'displayName' },
      { op: 'remove', path: 'name' },
    ],
    'the extension': [
      { op: 'Replace', path: `${EMPLOYMENT}:endsOn`, value: '2027-06-30' },
      { op: 'Remove', path: `${EMPLOYMENT}:startsOn` },
    ],
    'the core schema by name': [{ op: 'replace', path: `${USER}:displayName`, value: 'Countess' }],
  };
  for (const [title, operations] of Object.entries(patches)) {
    test(title, async () => {
      const { id } = await send('POST', '/Users', somebody('ada'));
      const { meta, schemas, ...patched } = await send('PATCH', `/Users/${id}`, { schemas: [PATCH], Operations: operations });
      const { schemas: _, ...expected } = scimPatch(somebody('ada'), structuredClone(operations));
      assert.deepEqual(patched, { id, ...expected });
      assert.ok(meta.version && schemas.includes(USER));
      assert.deepEqual(await send('GET', `/Users/${id}`), { id, meta, schemas, ...patched });
      await send('DELETE', `/Users/${id}`);
    });
  }
});

describe('filters find whom scim2-parse-filter finds', () => {
  const people = [
    somebody('ada'),
    { ...somebody('bob'), displayName: 'bob', active: false },
    { schemas: [USER], userName: 'eve@x.example', active: true },
    { ...somebody('max'), name: { givenName: 'max' }, emails: [{ value: 'max@x.example', type: 'other' }] },
    { ...somebody('zoe'), [EMPLOYMENT]: { startsOn: '2026-01-01' } },
  ];
  let all;
  before(async () => {
    for (const person of people) await send('POST', '/Users', person);
    all = (await send('GET', '/Users')).Resources;
    assert.equal(all.length, people.length);
  });

  const filters = [
    'userName eq "bob@x.example"',
    'userName sw "a"',
    'userName ew "x.example" and active eq true',
    'userName co "o"',
    'userName gt "eve@x.example"',
    'userName le "eve@x.example"',
    'externalId eq "zoe"',
    'displayName pr',
    'not (displayName pr)',
    'active eq false or userName sw "z"',
    'active eq true and (userName sw "a" or userName sw "b")',
    'name.familyName eq "King"',
    'name.givenName eq "max"',
    'emails[type eq "home"]',
    'emails[type eq "work" and value sw "z"]',
    'emails[type eq "other" or primary eq true]',
    'not (emails[type eq "work"])',
    'emails.type eq "other"',
    `${EMPLOYMENT}:startsOn ge "2025-01-01"`,
    `${EMPLOYMENT}:endsOn pr and active eq true`,
    'externalId ne "ada" and externalId pr',
  ];
  for (const text of filters) {
    test(text, async () => {
      const { Resources, totalResults } = await send('GET', `/Users?filter=${encodeURIComponent(text)}`);
      const names = (users) => users.map(({ userName }) => userName);
      const expected = names(all.filter(fitting(parse(text))));
      assert.deepEqual(names(Resources), expected);
      assert.equal(totalResults, expected.length);
    });
  }

  test('and each filter finds somebody and not everybody', () => {
    const telling = filters.filter((text) => all.some(fitting(parse(text))) && !all.every(fitting(parse(text))));
    assert.deepEqual(telling, filters);
  });
});
