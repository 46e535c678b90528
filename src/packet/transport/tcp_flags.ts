/** Bits of `TcpView.flags`. */
export const TCP_FLAG = {
  FIN: 0x01,
  SYN: 0x02,
  RST: 0x04,
  PSH: 0x08,
  ACK: 0x10,
  URG: 0x20,
  ECE: 0x40,
  CWR: 0x80,
} as const;

/** tcpdump's letters, in its order. */
const LETTERS = [
  [TCP_FLAG.FIN, "F"],
  [TCP_FLAG.SYN, "S"],
  [TCP_FLAG.RST, "R"],
  [TCP_FLAG.PSH, "P"],
  [TCP_FLAG.ACK, "."],
  [TCP_FLAG.URG, "U"],
  [TCP_FLAG.ECE, "E"],
  [TCP_FLAG.CWR, "W"],
] as const;

/** The flags as tcpdump writes them: `S.` for a SYN with ACK, `none`. */
export function flagLetters(flags: number): string {
  let letters = "";
  for (const [bit, letter] of LETTERS) if ((flags & bit) !== 0) letters += letter;
  return letters || "none";
}
