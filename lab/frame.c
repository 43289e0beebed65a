/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packet sockets of the lab's tools. The kernel takes a VLAN tag off a received frame and hands it
 * over beside it; here it goes back in, since these tools pass on what was on the wire.
 */
#include "lab/frame.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/socket.h>

enum { MAC_BYTES = 12, TAG_BYTES = 4, RECEIVE_BUFFER = 16 << 20 };

volatile sig_atomic_t frame_stopping;

static void on_signal(int number)
{
	frame_stopping = 1;
}

void frame_catch_signals(void)
{
	struct sigaction act = {.sa_handler = on_signal};
	sigset_t blocked;

	sigemptyset(&blocked);
	sigaddset(&blocked, SIGTERM);
	sigaddset(&blocked, SIGINT);
	sigprocmask(SIG_BLOCK, &blocked, NULL);
	sigaction(SIGTERM, &act, NULL);
	sigaction(SIGINT, &act, NULL);
}

uint64_t frame_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static int set_options(int fd, unsigned index)
{
	struct packet_mreq promiscuous = {.mr_ifindex = (int)index, .mr_type = PACKET_MR_PROMISC};
	int on = 1, room = RECEIVE_BUFFER;

	if (setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &on, sizeof(on)) ||
	    setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on)) ||
	    setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &promiscuous, sizeof(promiscuous)))
		return -1;
	return setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
}

int frame_open(const char *device)
{
	struct sockaddr_ll at = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
	unsigned index = if_nametoindex(device);
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	at.sll_ifindex = (int)index;
	if (fd < 0 || index == 0 || set_options(fd, index) ||
	    bind(fd, (struct sockaddr *)&at, sizeof(at))) {
		fprintf(stderr, "interface %s: %s\n", device, strerror(errno));
		if (fd >= 0)
			close(fd);
		return -1;
	}
	return fd;
}

/* The frame came in behind room for one tag; closes the gap, with the tag or without. */
static void settle(struct frame *f, const struct tpacket_auxdata *aux)
{
	uint16_t tag[2];

	if (!(aux->tp_status & TP_STATUS_VLAN_VALID) || f->len < MAC_BYTES) {
		memmove(f->data, f->data + TAG_BYTES, f->len);
		return;
	}
	memmove(f->data, f->data + TAG_BYTES, MAC_BYTES);
	tag[0] =
	        htons(aux->tp_status & TP_STATUS_VLAN_TPID_VALID ? aux->tp_vlan_tpid : ETH_P_8021Q);
	tag[1] = htons(aux->tp_vlan_tci);
	memcpy(f->data + MAC_BYTES, tag, sizeof(tag));
	f->len += TAG_BYTES;
}

int frame_receive(int fd, struct frame *f)
{
	char control[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
	struct tpacket_auxdata aux = {0};
	struct iovec room = {f->data + TAG_BYTES, sizeof(f->data) - TAG_BYTES};
	struct msghdr msg = {.msg_iov = &room,
	                     .msg_iovlen = 1,
	                     .msg_control = control,
	                     .msg_controllen = sizeof(control)};
	ssize_t got = recvmsg(fd, &msg, MSG_TRUNC);

	if (got < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c)) {
		if (c->cmsg_level == SOL_PACKET && c->cmsg_type == PACKET_AUXDATA)
			memcpy(&aux, CMSG_DATA(c), sizeof(aux));
	}
	f->oversize = (size_t)got > room.iov_len;
	f->unfinished = aux.tp_status & TP_STATUS_CSUMNOTREADY;
	f->len = SL_MIN((size_t)got, room.iov_len);
	settle(f, &aux);
	return 1;
}
