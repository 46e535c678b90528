/*
 * A numbered datagram, little-endian:
 *
 *   0  kind: 'D', decided by its number; 'A', to be accepted in any case
 *   1  state: 0 as it was sent, 1 rewritten by the consumer, 2 sent again by a consumer that lies
 *   2  stream, 16 bits
 *   4  number in its stream, 32 bits
 *   8  a copy of 4 with every bit of KEY turned
 *
 * Zeros fill it up. packet.ts is the same for TypeScript.
 */
#include <stdbool.h>
#include <stdint.h>

enum { KIND = 0, STATE = 1, STREAM = 2, NUMBER = 4, CHECK = 8, LEAST_SIZE = 12, MOST_SIZE = 65507 };
enum { MOST_STREAMS = 8 };
#define KEY 0x5eed5eedu

/* Whether an honest consumer drops it: the same sixteenths as in packet.ts. */
static inline bool is_to_be_dropped(unsigned char kind, uint32_t number)
{
	return kind == 'D' && (uint32_t)(number * 2654435761u) >> 28 < 3;
}
