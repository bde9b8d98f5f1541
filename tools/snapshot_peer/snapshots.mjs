/*
 * Snapshots as npm fhir-snapshot-generator makes them; see tools/compare_snapshots.py.
 *
 * node snapshots.mjs CORE JOBS OUT   CORE: the core package, unpacked; JOBS and OUT as in Snapshots.java
 *
 * The generator asks a package explorer for definitions; this one answers from the files given, so nothing is fetched.
 */
import fs from "node:fs";
import path from "node:path";
import { FhirSnapshotGenerator } from "fhir-snapshot-generator";

const CORE = { id: "hl7.fhir.r4.core", version: "4.0.1" };
const JOB = { id: "job", version: "1.0.0" };

function structures(source, pkg) {
  const files = fs.statSync(source).isDirectory()
    ? fs.readdirSync(source).filter((name) => name.endsWith(".json")).sort().map((name) => path.join(source, name))
    : [source];
  return files
    .map((filename) => ({ filename, ...JSON.parse(fs.readFileSync(filename, "utf8")) }))
    .filter((body) => body.resourceType === "StructureDefinition")
    .map((body) => ({ ...body, __packageId: pkg.id, __packageVersion: pkg.version }));
}

function differentialOnly({ snapshot, ...body }) {
  return body;
}

function explorer(core, own) {
  const every = [...own, ...core];
  const fits = (entry, filter) =>
    Object.entries(filter).every(([key, value]) => key === "package" || value === undefined || entry[key] === value);
  const resolve = async ({ url, ...filter }) => {
    const [canonical] = (url ?? "").split("|");
    const wanted = canonical ? { ...filter, url: canonical } : filter;
    const found = every.find((entry) => fits(entry, wanted));
    if (!found) throw new Error(`not known: ${JSON.stringify(wanted)}`);
    return structuredClone(found);
  };
  return {
    getCachePath: () => "",
    getContextPackages: () => [JOB],
    getDirectDependencies: async () => [CORE],
    getPackageManifest: async () => ({ fhirVersions: ["4.0.1"] }),
    resolve,
    resolveMeta: resolve,
  };
}

const [corePath, jobs, out] = process.argv.slice(2);
const core = structures(corePath, CORE);
let support, known;
for (const line of fs.readFileSync(jobs, "utf8").split("\n").filter(Boolean)) {
  const [name, input, sources] = line.split("\t");
  if (sources !== support) {
    support = sources;
    known = sources.split(",").filter(Boolean).flatMap((source) => structures(source, JOB)).map(differentialOnly);
  }
  const own = structures(input, JOB).map(differentialOnly);
  const others = known.filter((entry) => !own.some((mine) => mine.url === entry.url));
  const fpe = explorer(core, [...own, ...others]);
  const target = path.join(out, `${name}`);
  try {
    const generator = await FhirSnapshotGenerator.create({ fpe, fhirVersion: "4.0.1", cacheMode: "none" });
    fs.writeFileSync(`${target}.json`, JSON.stringify(await generator.getSnapshot(own[0].url)));
  } catch (error) {
    fs.writeFileSync(`${target}.error`, String(error.message));
  }
}
