// A verdict as the comment of a packet: pcapng has a verdict option, and no number for netfilter in it.
import type { CapturedVerdict } from "./captured_packet.ts";

const COMMENT = /^verdict (accept|drop|repeat|stop|queue \d{1,5})(?:, mark 0x([0-9a-f]{1,8}))?$/;

/** The comment that {@link verdictOfComment} reads. */
export function commentOfVerdict({ verdict, mark }: CapturedVerdict): string {
  return `verdict ${verdict}${mark === undefined ? "" : `, mark 0x${mark.toString(16)}`}`;
}

/** What such a comment says; undefined for any other. */
export function verdictOfComment(comment: string): CapturedVerdict | undefined {
  const [, verdict, mark] = COMMENT.exec(comment) ?? [];
  if (verdict === undefined) return undefined;
  return mark === undefined ? { verdict } : { verdict, mark: parseInt(mark, 16) };
}
