/** Something that stops the start. */
export interface Problem {
  /** `tempo.yaml:12:3`, or `flag` for the command line. */
  readonly where: string;
  /** Dotted path of the key, empty when the problem is not about one. */
  readonly path: string;
  readonly message: string;
}

/** Something to tell the operator that does not stop the start. */
export interface Warning extends Problem {
  /** Why it matters and what to do. */
  readonly explain: string;
}

export function describe({ where, path, message }: Problem): string {
  return [where, path, message].filter((part) => part !== '').join(': ');
}

/** Sorts in place: the command line first, then by line and column. */
export function sortByPlace(problems: Problem[]): void {
  const place = ({ where }: Problem): number => {
    const [, line, column] = /:(\d+):(\d+)$/.exec(where) ?? [];
    return line === undefined ? -1 : Number(line) * 1e6 + Number(column);
  };
  problems.sort((a, b) => place(a) - place(b));
}
