/** What an error says. Anything may be thrown, and may itself throw when it is looked at. */
export function messageOf(error: unknown): string {
  try {
    return error instanceof Error ? String(error.message) : String(error);
  } catch {
    return "something was thrown that cannot be shown";
  }
}
