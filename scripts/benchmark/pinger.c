/*
 * Round trips of ICMP echo requests on loopback, one at a time, a fixed pause apart: what ping does,
 * with nanoseconds instead of its rounded lines. Many before them, without a pause and not counted,
 * give a just-in-time compiler what it needs: a filter runs for days.
 */
#include <arpa/inet.h>
#include <err.h>
#include <linux/icmp.h>
#include <netinet/ip.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static double microseconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static uint16_t checksum(const void *data, size_t length)
{
	const uint16_t *words = data;
	uint32_t sum = 0;
	for (size_t i = 0; i < length / 2; i++)
		sum += words[i];
	sum = (sum >> 16) + (sum & 0xffff);
	return ~(sum + (sum >> 16));
}

int main(int argc, char **argv)
{
	int count = 2000, warm_up = 50000, c;
	long pause = 500; /* µs */

	while ((c = getopt(argc, argv, "n:w:i:")) != -1) {
		switch (c) {
		case 'n': count = atoi(optarg); break;
		case 'w': warm_up = atoi(optarg); break;
		case 'i': pause = atol(optarg); break;
		default: errx(2, "usage: [-n pings] [-w uncounted pings before] [-i µs between]");
		}
	}
	if (count < 1 || pause < 0 || pause > 999999)
		errx(2, "at least one ping, less than a second apart");

	struct { struct icmphdr icmp; char data[56]; } request = { .icmp = { .type = ICMP_ECHO } };
	struct { struct iphdr ip; struct icmphdr icmp; char data[256]; } reply;
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct timeval timeout = { .tv_sec = 1 };
	struct icmp_filter replies = { .data = ~(1U << ICMP_ECHOREPLY) }; /* the bits name what to hide */
	int fd = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
	double *times = calloc(count, sizeof(*times));

	if (fd < 0 || !times || connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		err(1, "socket");
	setsockopt(fd, SOL_RAW, ICMP_FILTER, &replies, sizeof(replies));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));

	int answered = 0, lost = 0;
	for (int i = -warm_up; i < count && lost < 5; i++) {
		uint16_t sequence = htons((uint16_t)i);
		request.icmp.un.echo.sequence = sequence;
		request.icmp.checksum = 0;
		request.icmp.checksum = checksum(&request, sizeof(request));

		double start = microseconds();
		if (send(fd, &request, sizeof(request), 0) < 0)
			err(1, "send");
		ssize_t length;
		do
			length = recv(fd, &reply, sizeof(reply), 0);
		while (length > 0 && reply.icmp.un.echo.sequence != sequence);
		if (length <= 0)
			lost++;
		else if (i >= 0)
			times[answered++] = microseconds() - start;
		if (i >= 0)
			nanosleep(&(struct timespec){ .tv_nsec = pause * 1000 }, NULL);
	}
	if (!answered)
		errx(1, "no answer");
	qsort(times, answered, sizeof(*times), ascending);
	printf("{\"p50\":%.2f,\"p99\":%.2f,\"answered\":%d,\"lost\":%d}\n", times[answered / 2],
	       times[answered * 99 / 100], answered, lost);
	return 0;
}
