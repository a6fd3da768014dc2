/** A script in TypeScript runs from source, and so must what it imports. Flags of this process are not passed on: a thread refuses many. */
export function execArgvFor(script: URL): string[] {
  return script.pathname.endsWith('.ts') ? ['--conditions=@vivace/source'] : [];
}
