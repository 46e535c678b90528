/**
 * Calls back with a resource, and disposes of it. The statement `using` does the same, but Nodes before 24
 * cannot load a file that has one: what the test kit or the main entry imports is without it.
 */
export function disposing<Resource extends Disposable, Result>(
  resource: Resource,
  use: (resource: Resource) => Result,
): Result {
  try {
    return use(resource);
  } finally {
    resource[Symbol.dispose]();
  }
}
