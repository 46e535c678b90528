/*
 * libnetfilter_queue used as every example of it does: one recv, one callback and one verdict a packet.
 */
#include "consumer.h"

struct state {
	struct options options;
	struct meter meter;
};

static int decide(struct nfq_q_handle *queue, struct nfgenmsg *message, struct nfq_data *packet, void *data)
{
	const struct state *s = data;
	const struct nfqnl_msg_packet_hdr *header = nfq_get_msg_packet_hdr(packet);
	unsigned char *payload;

	(void)message;
	nfq_get_payload(packet, &payload);
	return nfq_set_verdict(queue, ntohl(header->packet_id), s->options.verdict, 0, NULL);
}

int main(int argc, char **argv)
{
	static char buffer[65535 + 4096] __attribute__((aligned(8)));
	struct state s = { .options = parse_options(argc, argv) };
	s.meter.options = &s.options;
	struct nfq_q_handle *queue;
	struct nfq_handle *h = open_queue(&s.options, &queue, decide, &s);
	int fd = nfq_fd(h);

	for (;;) {
		int length = recv(fd, buffer, sizeof(buffer), 0);
		if (length < 0) {
			if (errno == ENOBUFS || errno == EINTR)
				continue; /* the socket was full: packets are lost, the queue goes on */
			err(1, "recv");
		}
		nfq_handle_packet(h, buffer, length);
		if (meter_add(&s.meter, 1))
			break;
	}
	nfq_destroy_queue(queue);
	nfq_close(h);
	return 0;
}
