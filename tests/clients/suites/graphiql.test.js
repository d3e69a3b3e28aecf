// GraphiQL in a real browser with the network cut off: it loads, runs a tab, shows the docs and follows a sync.

import assert from 'node:assert/strict';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { integrationId, SYNC } from '../story.js';
import { demo } from '../slategate.js';

const BROWSER = process.env.SLATEGATE_BROWSER ?? '/usr/bin/chromium';
const PICTURES = fileURLToPath(new URL('../built/pictures/', import.meta.url));

const QUIET = [
  '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update',
  '--disable-sync', '--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1',
];

/** The starter tabs that only read, each with a field that its answer has and the others' do not. */
const READING = [
  ['Inventory', 'lastSeenAt'],
  ['AccessReview', 'privileged'],
  ['FailingControls', 'remediation'],
  ['Compare', 'controlsNotApplicable'],
];

let server;
let browser;
let page;
/** What went wrong in the page, and what it asked for elsewhere. */
const complaints = [];

before(async () => {
  assert.ok(existsSync(BROWSER), `no browser at ${BROWSER}: install Chromium or set SLATEGATE_BROWSER`);
  mkdirSync(PICTURES, { recursive: true });
  server = await demo();
  browser = await chromium.launch({ executablePath: BROWSER, args: QUIET, chromiumSandbox: process.getuid() !== 0 });
  page = await browser.newPage({ viewport: { width: 1400, height: 900 } });
  page.on('console', (message) => ['error', 'warning'].includes(message.type()) && complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('requestfailed', (request) => complaints.push(`${request.url()} failed: ${request.failure()?.errorText}`));
  const isLocal = (url) => url.startsWith(`${server.url}/`) || url.startsWith('data:') || url.startsWith('blob:');
  page.on('request', (request) => isLocal(request.url()) || complaints.push(`${request.url()} was asked for`));
  page.on('response', (answer) => answer.status() >= 400 && complaints.push(`${answer.url()} answered ${answer.status()}`));
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

const picture = (name) => page.screenshot({ path: join(PICTURES, `${name}.png`) });
/** In the page: GraphiQL looks for the operation's name only a moment after the tab was opened. */
function isCurrentOperation(name) {
  const { tabs, activeTabIndex } = JSON.parse(sessionStorage.getItem('graphiql:tabState'));
  return tabs[activeTabIndex].operationName === name;
}

const result = () => page.locator('.graphiql-response .view-lines');

describe('GraphiQL', { timeout: 120_000 }, () => {
  it('loads from this server alone, with its starter tabs', async () => {
    const answer = await page.goto(`${server.url}/graphiql`);
    assert.match(answer.headers()['content-security-policy'], /script-src 'self'/);
    await page.locator('.graphiql-query-editor .view-lines').waitFor();
    const tabs = await page.locator('.graphiql-tab').allInnerTexts();
    assert.deepEqual(tabs.map((tab) => tab.trim()), [...READING.map(([tab]) => tab), 'Connect']);
    await picture('without-a-token');
  });

  it('takes a token and runs each tab that reads', async () => {
    await page.getByLabel('API token').fill(server.token);
    await page.keyboard.press('Enter');
    await page.getByRole('status').getByText('A token is in use').waitFor();
    for (const [tab, seen] of READING) {
      await page.locator('.graphiql-tab', { hasText: tab }).locator('button').first().click();
      await page.waitForFunction(isCurrentOperation, tab);
      await page.locator('.graphiql-execute-button').click();
      await result().getByText(`"${seen}"`).first().waitFor();
      assert.doesNotMatch(await result().innerText(), /"errors"/);
      await picture(tab);
    }
  });

  it('shows the docs', async () => {
    await page.getByLabel('Show Documentation Explorer').click();
    await page.locator('.graphiql-doc-explorer').getByText('Mutation', { exact: true }).click();
    await page.getByText('Connects an Atlas organization with an API key').waitFor();
    await picture('docs');
    await page.getByLabel('Hide Documentation Explorer').click();
  });

  it('follows a sync to its end', async () => {
    const id = await integrationId(server);
    await page.getByLabel('New tab').click();
    await page.locator('.graphiql-query-editor .view-lines').click();
    await page.keyboard.press('ControlOrMeta+A');
    await page.keyboard.insertText(`subscription { syncProgress(integrationId: "${id}") { status progress { stage } } }`);
    await server.ask(SYNC, { id });
    await page.locator('.graphiql-execute-button').click();
    await result().getByText('"DONE"').waitFor();
    await picture('subscription');
  });

  it('has nothing to complain about', () => assert.deepEqual(complaints, []));
});
