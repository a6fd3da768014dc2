/**
 * The URL of a worker script beside the calling module: the source when the module itself runs from source, the compiled file
 * otherwise. `workerScript(import.meta.url, './encode-worker')`.
 */
export function workerScript(moduleUrl: string, name: string): URL {
  return new URL(`${name}${moduleUrl.endsWith('.ts') ? '.ts' : '.js'}`, moduleUrl);
}
