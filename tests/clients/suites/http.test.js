// GraphQL over HTTP, as the audit suite of graphql-http sees it: every audit, the recommendations too.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { serverAudits } from 'graphql-http';
import { demo } from '../slategate.js';

/** So many audits does this version of the suite have; none may get lost. */
const AUDITS = 61;

let server;
before(async () => (server = await demo()));
after(() => server.stop());

const fetchFn = (url, init) => fetch(url, { ...init, headers: { ...init?.headers, ...server.headers } });
const audits = serverAudits({ url: () => server.graphql, fetchFn });

describe('graphql-http audit', () => {
  it(`has ${AUDITS} audits`, () => assert.equal(audits.length, AUDITS));
  for (const audit of audits) {
    it(`${audit.id} ${audit.name}`, async () => {
      const { status, reason } = await audit.fn();
      assert.equal(status, 'ok', reason);
    });
  }
});
