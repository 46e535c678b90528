/**
 * Tells the errors that our code throws from those that the engine throws by itself ("Cannot read
 * properties of undefined", "Invalid typed array length", …), which are failures. Import it before
 * anything that throws: it puts other constructors in the place of the global ones, and the engine
 * goes on using its own.
 */

import { ENGINE } from "./engine_errors.ts";

for (const [name, Native] of Object.entries(ENGINE)) {
  // Not a class: Bun leaves out the `new` before constructors of errors.
  const Own = function (...words: [message?: string, options?: ErrorOptions]): object {
    return Reflect.construct(Native, words, Own);
  };
  Object.defineProperty(Own, "name", { value: name });
  Own.prototype = Object.create(Native.prototype, { constructor: { value: Own } });
  Object.setPrototypeOf(Own, Native);
  Object.defineProperty(globalThis, name, { value: Own, configurable: true, writable: true });
}
