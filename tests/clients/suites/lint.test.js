// graphql-eslint: the Relay rules and the recommended ones find nothing in schema.graphql.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { it } from 'node:test';
import plugin from '@graphql-eslint/eslint-plugin';
import { ESLint } from 'eslint';
import { ROOT } from '../slategate.js';

const SCHEMA = join(ROOT, 'schema.graphql');

/** Parts of something with an id, and answers that are nobody's to keep. */
const VALUES = [
  'AccessReviewDecisionRecord', 'AccessReviewProgress', 'AuditChange', 'AutoscalingSettings', 'BackupSettings',
  'CloudRegion', 'ControlChange', 'ControlStatusInterval', 'Coverage', 'EncryptionSettings', 'EvidenceItem',
  'FrameworkReference', 'IntegrationError', 'KeyFitness', 'PageInfo', 'PersonSource', 'PersonSuggestion', 'Posture',
  'Provider', 'Remediation', 'ReviewedGrant', 'ReviewedPerson', 'RoleGrant', 'Shard', 'ShardRegion', 'SyncChanges',
  'SyncProgress', 'SyncScope', 'Tag', 'UserError', 'Viewer', 'WithheldRemoval', 'WithheldRemovals',
];

const RULES = {
  ...plugin.configs['flat/schema-recommended'].rules,
  ...plugin.configs['flat/schema-relay'].rules,
  // Short lists that belong to one thing, such as tags, are plain lists by contract: Relay asks for no edges there.
  '@graphql-eslint/relay-edge-types': ['error', { listTypeCanWrapOnlyEdgeType: false }],
  '@graphql-eslint/strict-id-in-types': ['error', { exceptions: { types: VALUES, suffixes: ['Connection', 'Edge', 'Payload'] } }],
  '@graphql-eslint/input-name': 'error',
  '@graphql-eslint/no-scalar-result-type-on-mutation': 'error',
};

const findings = async (text) => {
  const eslint = new ESLint({
    cwd: ROOT,
    overrideConfigFile: true,
    overrideConfig: {
      files: ['**/*.graphql'],
      languageOptions: { parser: plugin.parser, parserOptions: { graphQLConfig: { schema: SCHEMA } } },
      plugins: { '@graphql-eslint': plugin },
      rules: RULES,
    },
  });
  const [{ messages }] = text ? await eslint.lintText(text, { filePath: SCHEMA }) : await eslint.lintFiles([SCHEMA]);
  return messages.map(({ line, ruleId, message }) => `${line} ${ruleId}: ${message}`);
};

it('the schema has no finding', async () => assert.deepEqual(await findings(), []));

it('a finding is found', async () => {
  const found = await findings('type BadConnection { nodes: [Asset!]! }');
  assert.ok(found.some((finding) => finding.includes('relay-connection-types')), found.join('\n'));
});
