/*
 * Notes which numbers arrive on its ports, and how often, until SIGTERM; then takes what is left in its
 * sockets and prints one line of JSON.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <linux/sock_diag.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "packet.h"

enum { BATCH = 64, MOST_PORTS = MOST_STREAMS, HEAD = 16 };
enum { MOST_NUMBERS = 1 << 28 };

static volatile sig_atomic_t stopped;
static unsigned char *seen[MOST_STREAMS];
static unsigned long long arrived, duplicates, wrong, damaged, rewritten, lost;

static void stop(int signal)
{
	(void)signal;
	stopped = 1;
}

static void note(const unsigned char *bytes, unsigned length)
{
	uint16_t stream;
	uint32_t number, check;

	if (length < LEAST_SIZE)
		goto damaged;
	memcpy(&stream, bytes + STREAM, sizeof(stream));
	memcpy(&number, bytes + NUMBER, sizeof(number));
	memcpy(&check, bytes + CHECK, sizeof(check));
	if (stream >= MOST_STREAMS || number >= MOST_NUMBERS || check != (number ^ KEY))
		goto damaged;
	/* Untouched pages of it cost nothing. */
	if (!seen[stream] && !(seen[stream] = calloc(MOST_NUMBERS / 8, 1)))
		err(1, "calloc");
	if (seen[stream][number >> 3] & 1 << (number & 7))
		duplicates++;
	else
		arrived++;
	seen[stream][number >> 3] |= 1 << (number & 7);
	rewritten += bytes[STATE] == 1;
	wrong += is_to_be_dropped(bytes[KIND], number);
	return;
damaged:
	damaged++;
}

static void drain(int fd)
{
	static unsigned char heads[BATCH][HEAD];
	static struct iovec vectors[BATCH];
	static struct mmsghdr messages[BATCH];

	for (;;) {
		for (int i = 0; i < BATCH; i++) {
			vectors[i] = (struct iovec){ heads[i], HEAD };
			messages[i].msg_hdr = (struct msghdr){ .msg_iov = &vectors[i], .msg_iovlen = 1 };
		}
		int count = recvmmsg(fd, messages, BATCH, MSG_DONTWAIT, NULL);
		if (count <= 0)
			return;
		for (int i = 0; i < count; i++)
			note(heads[i], messages[i].msg_len);
	}
}

int main(int argc, char **argv)
{
	struct pollfd fds[MOST_PORTS];
	int count = 0, c;

	while ((c = getopt(argc, argv, "p:")) != -1) {
		if (c != 'p' || count == MOST_PORTS)
			errx(2, "usage: -p port …");
		struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(atoi(optarg)) };
		int fd = socket(AF_INET, SOCK_DGRAM, 0), buffer = 512 << 20;
		if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0)
			err(1, "port %s", optarg);
		if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof(buffer)) < 0)
			setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof(buffer));
		fds[count++] = (struct pollfd){ .fd = fd, .events = POLLIN };
	}
	signal(SIGTERM, stop);
	signal(SIGINT, SIG_IGN);
	printf("ready\n");
	fflush(stdout);
	while (!stopped)
		if (poll(fds, count, 20) > 0)
			for (int i = 0; i < count; i++)
				drain(fds[i].fd);
	for (int i = 0; i < count; i++) {
		uint32_t memory[SK_MEMINFO_VARS] = { 0 };
		socklen_t length = sizeof(memory);
		drain(fds[i].fd);
		getsockopt(fds[i].fd, SOL_SOCKET, SO_MEMINFO, memory, &length);
		lost += memory[SK_MEMINFO_DROPS];
	}
	printf("{\"arrived\":%llu,\"duplicates\":%llu,\"wrong\":%llu,\"damaged\":%llu,\"rewritten\":%llu,\"lost\":%llu}\n",
	       arrived, duplicates, wrong, damaged, rewritten, lost);
	return 0;
}
