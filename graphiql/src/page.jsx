import { GraphiQL } from 'graphiql';
import { createClient } from 'graphql-ws';
import { useMemo, useState } from 'react';
import { starterTabs } from './starter-tabs.js';

// Kept for this browser tab only, and never in the address or in a cookie.
const TOKEN_KEY = 'slategate.token';

export function Page() {
  const [token, setToken] = useState(() => sessionStorage.getItem(TOKEN_KEY) ?? '');
  const fetcher = useMemo(() => fetcherFor(token), [token]);

  function use(next) {
    if (next) sessionStorage.setItem(TOKEN_KEY, next);
    else sessionStorage.removeItem(TOKEN_KEY);
    setToken(next);
  }

  return (
    <>
      <TokenBar token={token} onUse={use} />
      <main className="slategate-editor">
        <GraphiQL
          // A new token means another caller: read the schema again.
          key={token}
          fetcher={fetcher}
          // Variables may hold a private key, so what is typed is forgotten with the browser tab too.
          storage={sessionStorage}
          // Without a token there is nobody to introspect for.
          schema={token ? undefined : null}
          defaultTabs={starterTabs}
          isHeadersEditorEnabled={false}
          shouldPersistHeaders={false}
          showPersistHeadersSettings={false}
        />
      </main>
    </>
  );
}

function TokenBar({ token, onUse }) {
  const [draft, setDraft] = useState(token);

  function submit(event) {
    event.preventDefault();
    onUse(draft.trim());
  }

  return (
    <form className="slategate-bar" onSubmit={submit} autoComplete="off">
      <strong>Slategate</strong>
      <label htmlFor="slategate-token">API token</label>
      <input
        id="slategate-token"
        type="password"
        autoComplete="off"
        spellCheck={false}
        placeholder="Paste a token, then press Enter"
        value={draft}
        onChange={(event) => setDraft(event.target.value)}
      />
      <button type="submit">Use token</button>
      <button
        type="button"
        onClick={() => {
          setDraft('');
          onUse('');
        }}
      >
        Forget
      </button>
      <span role="status">{token ? 'A token is in use for this browser tab.' : 'No token yet: requests will be refused.'}</span>
    </form>
  );
}

function fetcherFor(token) {
  const socket = createClient({
    url: `${location.origin.replace(/^http/, 'ws')}/graphql/ws`,
    connectionParams: token ? { Authorization: `Bearer ${token}` } : undefined,
  });
  return async (params, options) => {
    if (isSubscription(options?.documentAST, params.operationName)) return socket.iterate(params);
    const headers = {
      accept: 'application/graphql-response+json, application/json;q=0.9',
      'content-type': 'application/json',
    };
    if (token) headers.authorization = `Bearer ${token}`;
    const response = await fetch('/graphql', { method: 'POST', headers, body: JSON.stringify(params) });
    return response.json();
  };
}

function isSubscription(document, name) {
  return document?.definitions.some(
    (definition) => definition.operation === 'subscription' && (!name || definition.name?.value === name),
  );
}
