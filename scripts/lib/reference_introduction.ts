/**
 * What stands at the head of docs/libnetfilter_queue.md.
 *
 * @module
 */

/** Markdown; its programs are type-checked with the page's other ones. */
export const INTRODUCTION = `# libnetfilter_queue

<!-- Made by scripts/make_reference.ts: change the doc comments of src/libnetfilter_queue instead. -->

\`@nfqueue/nfqueue/libnetfilter_queue\` is the C library, whole and under its own names: every
function that \`libnetfilter_queue.so.1\` offers is a method, and so are those of libnfnetlink that go
with them. If you know the C library, or have a program that uses it, you find each call
here.

For a new program [\`PacketQueue\`](../README.md#a-filter) is the better start: it receives many
packets in a call, gives verdicts in batches, and is almost twice as fast as a C program that gets
each packet through the callback. Use this entry point to port a C program, to
edit packets in the C library's own buffers, or to check one against the other.

\`\`\`ts no-eval
import { NF_ACCEPT, NfqHandle, NFQNL_COPY_PACKET } from "@nfqueue/nfqueue/libnetfilter_queue";

using handle = NfqHandle.nfq_open();
using queue = handle.nfq_create_queue(0, (queue, _message, data) => {
  const id = data.nfq_get_msg_packet_hdr()?.packetId ?? 0;
  console.log(\`packet \${id}: \${data.nfq_get_payload().length} bytes\`);
  return queue.nfq_set_verdict(id, NF_ACCEPT);
});
queue.nfq_set_mode(NFQNL_COPY_PACKET, 0xffff);

const buffer = new Uint8Array(0x12000);
for (;;) handle.nfq_handle_packet(buffer, await handle.receiveAsync(buffer));
\`\`\`

[examples/nfqnl_test.ts](../examples/nfqnl_test.ts) and [examples/nf_queue.ts](../examples/nf_queue.ts)
are the two programs of the C library.

## Who owns what

| class | stands for | is made by | ends with |
| --- | --- | --- | --- |
| \`NfqHandle\` | \`struct nfq_handle\` | \`nfq_open\`, \`nfq_open_nfnl\` | \`nfq_close\`, \`using\` |
| \`NfqQueueHandle\` | \`struct nfq_q_handle\` | \`nfq_create_queue\` | \`nfq_destroy_queue\`, \`using\`, its \`NfqHandle\` |
| \`NfqData\` | \`struct nfq_data\` | C, for a callback | the callback |
| \`PacketBuffer\` | \`struct pkt_buff\` | \`pktb_alloc\` | \`pktb_free\`, \`using\`, the garbage collector |
| \`NlmsgBuilder\` | a buffer for \`nfq_nlmsg_*\` | \`new\` | the garbage collector |
| \`NfnlHandle\` | \`struct nfnl_handle\` | \`nfnl_open\`, \`nfq_nfnlh\` | \`nfnl_close\`, \`using\`, or its \`NfqHandle\` |
| \`NlifHandle\` | \`struct nlif_handle\` | \`nlif_open\` | \`nlif_close\`, \`using\` |

An object owns its C pointer: no program sees one. Closing twice is allowed. Every use of an object
after its end throws \`HandleClosedError\`.

## How the methods differ from the C functions

- The pointer that a C function takes first is the object. The method returns what C gives back
  through a pointer. A length that a \`Uint8Array\` has is no argument.
- Numbers are in host order. Bytes given back are copies; bytes handed in are copied.
- Every argument is checked before C sees it: \`TypeError\`, \`RangeError\`, and nothing has happened.
- Where C answers -1 or NULL with an errno, the method throws \`SystemError\` (\`code\`, \`errno\`,
  \`syscall\`). Where C answers that something is not there, the method returns \`undefined\` or \`null\`.
- The library is opened at the first call that needs it: \`LibraryLoadError\` where it is not installed.
  A function that the installed version lacks throws \`MissingSymbolError\`, which names the version
  that has it, and only when it is called. Versions are those of the C library's releases from 1.0.0 (2010) on.
- Other differences from C stand with the method.

The constants of the C headers are exported under their own names: \`NF_…\`, \`NFQNL_…\`, \`NFQA_…\`,
\`NFQ_XML_…\`, \`AF_…\`.`;
