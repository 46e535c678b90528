// One direction's numbers as its sender counts them (input), and as its receiver does (output).
import { distance } from "./sequence.ts";

/** A stretch of input and what goes on in its place. */
interface Piece {
  input: number;
  inputLength: number;
  output: number;
  outputLength: number;
}

/**
 * Maps input numbers to output numbers and back. Pieces follow each other without a gap; what was
 * acknowledged as a whole is forgotten. A piece of equal lengths is mapped byte by byte, another one in
 * proportion, and never past its last byte.
 */
export class Translation {
  #pieces: Piece[] = [];
  #head = 0;
  #input = 0;
  #output = 0;
  #inputEnd = 0;
  #outputEnd = 0;
  /** Pieces whose two lengths differ. */
  #unequal = 0;
  /** The first numbers of all. */
  #firstInput = 0;
  #firstOutput = 0;

  /** Everything before these two numbers is over. */
  start(input: number, output: number): void {
    this.#pieces = [];
    this.#head = this.#unequal = 0;
    this.#input = this.#inputEnd = input;
    this.#output = this.#outputEnd = output;
    this.#firstInput = input;
    this.#firstOutput = output;
  }

  /** The first byte of input that is remembered. */
  get inputStart(): number {
    return this.#input;
  }

  /** Behind the last byte of input that was mapped. */
  get inputEnd(): number {
    return this.#inputEnd;
  }

  /** Behind the last byte of output. */
  get outputEnd(): number {
    return this.#outputEnd;
  }

  /** Whether every number that can still come is the same on both sides. */
  get same(): boolean {
    return this.#inputEnd === this.#outputEnd && this.#unequal === 0;
  }

  /** How many pieces are kept. */
  get pieces(): number {
    return this.#pieces.length - this.#head;
  }

  /** Maps the next bytes of input to the next bytes of output. */
  append(inputLength: number, outputLength: number): void {
    const pieces = this.#pieces;
    const last = pieces.length > this.#head ? pieces[pieces.length - 1] : undefined;
    const equal = inputLength === outputLength;
    if (last !== undefined && equal && last.inputLength === last.outputLength) {
      last.inputLength += inputLength;
      last.outputLength += outputLength;
    } else if (inputLength !== 0 || outputLength !== 0) {
      if (!equal) this.#unequal++;
      const input = this.#inputEnd;
      pieces.push({ input, inputLength, output: this.#outputEnd, outputLength });
    }
    this.#inputEnd = (this.#inputEnd + inputLength) | 0;
    this.#outputEnd = (this.#outputEnd + outputLength) | 0;
  }

  /** Forgets what the receiver has acknowledged. */
  acknowledge(output: number): void {
    const pieces = this.#pieces;
    while (this.#head < pieces.length) {
      const piece = pieces[this.#head]!;
      const done = distance(output, piece.output);
      if (done < piece.outputLength) {
        if (done > 0 && piece.inputLength === piece.outputLength) {
          piece.input = (piece.input + done) | 0;
          piece.output = output;
          piece.inputLength -= done;
          piece.outputLength -= done;
          this.#input = piece.input;
          this.#output = output;
        }
        return;
      }
      this.#input = (piece.input + piece.inputLength) | 0;
      this.#output = (piece.output + piece.outputLength) | 0;
      if (piece.inputLength !== piece.outputLength) this.#unequal--;
      this.#head++;
      if (this.#head > 32 && this.#head * 2 > pieces.length) {
        pieces.splice(0, this.#head);
        this.#head = 0;
      }
    }
  }

  /** Where in the output a byte of input begins. */
  toOutput(input: number): number {
    const before = distance(input, this.#input);
    if (before < 0) return older(this.#output, before, this.#firstOutput);
    const behind = distance(input, this.#inputEnd);
    if (behind > 0) return (this.#outputEnd + behind) | 0;
    for (let index = this.#head; index < this.#pieces.length; index++) {
      const piece = this.#pieces[index]!;
      const inside = distance(input, piece.input);
      if (inside < piece.inputLength || (inside === 0 && piece.inputLength === 0)) {
        return (piece.output + scale(inside, piece.inputLength, piece.outputLength)) | 0;
      }
    }
    return this.#outputEnd;
  }

  /**
   * Where the output of the input before a number ends. In the middle of a piece it is rounded up: so a
   * repeated part of the piece always brings what comes behind the acknowledged output.
   */
  toOutputEnd(input: number): number {
    const behind = distance(input, this.#inputEnd);
    if (behind >= 0 || distance(input, this.#input) <= 0) return this.toOutput(input);
    for (let index = this.#head; index < this.#pieces.length; index++) {
      const { input: start, inputLength, output, outputLength } = this.#pieces[index]!;
      const inside = distance(input, start);
      if (inside > inputLength || (inside === inputLength && inputLength > 0)) continue;
      if (inside === 0) return output;
      if (inputLength === outputLength) return (output + inside) | 0;
      return (output + Math.ceil(inside * outputLength / inputLength)) | 0;
    }
    return this.#outputEnd;
  }

  /** How much input is over where all output before a number has arrived. */
  toInput(output: number): number {
    const before = distance(output, this.#output);
    if (before < 0) return older(this.#input, before, this.#firstInput);
    const behind = distance(output, this.#outputEnd);
    if (behind >= 0) return (this.#inputEnd + behind) | 0;
    for (let index = this.#head; index < this.#pieces.length; index++) {
      const piece = this.#pieces[index]!;
      const inside = distance(output, piece.output);
      if (inside >= piece.outputLength) continue;
      return (piece.input + scale(inside, piece.outputLength, piece.inputLength)) | 0;
    }
    return this.#inputEnd;
  }

  /** The first byte of input all of whose output is at or behind a number. */
  toInputFrom(output: number): number {
    const input = this.toInput(output);
    return distance(this.toOutput(input), output) < 0 ? (input + 1) | 0 : input;
  }
}

/** What is over was forgotten: only that it is not before the first number of all, or the one before it. */
function older(number: number, before: number, first: number): number {
  const mapped = (number + before) | 0;
  const least = (first - 1) | 0;
  return distance(mapped, least) < 0 ? least : mapped;
}

/** A place in one length as a place in another, rounded down, and below its end. */
function scale(place: number, length: number, other: number): number {
  if (length === other) return place;
  if (length === 0 || other === 0) return 0;
  return Math.min(Math.floor(place * other / length), other - 1);
}
