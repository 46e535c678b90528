/*
 * libnetfilter_queue used as every example of it does: one recv, one callback and one verdict a packet.
 */
#include "consumer.h"

#include <netinet/ip.h>
#include <netinet/udp.h>

#include <libnetfilter_queue/libnetfilter_queue_ipv4.h>
#include <libnetfilter_queue/libnetfilter_queue_udp.h>
#include <libnetfilter_queue/pktbuff.h>

struct state {
	struct options options;
	struct meter meter;
};

/* As the library's documentation has it: a packet buffer, its mangle function, a verdict with the data. */
static int rewrite(struct nfq_q_handle *queue, uint32_t id, unsigned char *payload, int length)
{
	static const char text[REWRITTEN_SIZE] = "rewritten";
	struct pkt_buff *packet = pktb_alloc(AF_INET, payload, length, sizeof(text));
	struct udphdr *udp = NULL;

	if (!packet)
		err(1, "pktb_alloc");
	struct iphdr *ip = nfq_ip_get_hdr(packet);
	if (ip && ip->protocol == IPPROTO_UDP && nfq_ip_set_transport_header(packet, ip) == 0)
		udp = nfq_udp_get_hdr(packet);
	int result;
	if (udp && udp->dest == htons(REWRITE_FROM)) {
		udp->dest = htons(REWRITE_TO);
		nfq_udp_mangle_ipv4(packet, 0, nfq_udp_get_payload_len(udp, packet), text, sizeof(text));
		result = nfq_set_verdict(queue, id, NF_ACCEPT, pktb_len(packet), pktb_data(packet));
	} else {
		result = nfq_set_verdict(queue, id, NF_ACCEPT, 0, NULL);
	}
	pktb_free(packet);
	return result;
}

static int decide(struct nfq_q_handle *queue, struct nfgenmsg *message, struct nfq_data *packet, void *data)
{
	const struct state *s = data;
	const struct nfqnl_msg_packet_hdr *header = nfq_get_msg_packet_hdr(packet);
	unsigned char *payload;

	(void)message;
	int length = nfq_get_payload(packet, &payload);
	if (s->options.rewrite)
		return rewrite(queue, ntohl(header->packet_id), payload, length);
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
