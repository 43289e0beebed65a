/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes its namespace a host inside an encapsulation: a tun device `tun0` whose IPv4 packets leave
 * an Ethernet interface with a VLAN tag, in GRE (with or without a key), in IPv4, or in a tunnel
 * under a tag, and come back the same way. For kernels without the 8021q, gre and ipip modules,
 * and so that nothing but the encapsulation asked for is ever taken: a frame with another tag,
 * outer address, protocol, flag or key is counted and dropped, as the far end would.
 * One thread.
 */
#include "lab/frame.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

enum { BURST = 64, GRE_KEY = 0x2000, GRE_BASE_BYTES = 4, KEY_BYTES = 4, TTL = 64 };

enum tunnel { TUNNEL_NONE, TUNNEL_GRE, TUNNEL_IPIP };

struct encap {
	const char *device;
	uint8_t own_mac[ETH_ALEN], peer_mac[ETH_ALEN];
	int vlan; /* -1: none */
	enum tunnel tunnel;
	struct in_addr local, remote; /* outer addresses */
	bool has_key;
	uint32_t key;
	int wire_fd, tun_fd;
	uint16_t next_id; /* of the outer headers */
	uint64_t wrapped, unwrapped, foreign, unfinished, failed;
	struct frame frame;
};

static uint16_t header_checksum(const void *header, size_t len)
{
	const uint8_t *bytes = header;
	uint32_t sum = 0;

	for (size_t i = 0; i + 1 < len; i += 2)
		sum += (uint32_t)(bytes[i] << 8 | bytes[i + 1]);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

static uint8_t *put(uint8_t *at, const void *bytes, size_t len)
{
	memcpy(at, bytes, len);
	return at + len;
}

static uint8_t *put16(uint8_t *at, unsigned value)
{
	uint16_t net = htons((uint16_t)value);

	return put(at, &net, sizeof(net));
}

static size_t gre_bytes(const struct encap *e)
{
	return e->tunnel == TUNNEL_GRE ? GRE_BASE_BYTES + (e->has_key ? KEY_BYTES : 0u) : 0;
}

static uint8_t *put_outer(struct encap *e, uint8_t *at, size_t inner_len)
{
	struct iphdr outer = {.version = 4, .ihl = sizeof(outer) / 4, .ttl = TTL};

	outer.protocol = e->tunnel == TUNNEL_GRE ? IPPROTO_GRE : IPPROTO_IPIP;
	outer.tot_len = htons((uint16_t)(sizeof(outer) + gre_bytes(e) + inner_len));
	outer.id = htons(e->next_id++);
	outer.frag_off = htons(IP_DF);
	outer.saddr = e->local.s_addr;
	outer.daddr = e->remote.s_addr;
	outer.check = header_checksum(&outer, sizeof(outer));
	at = put(at, &outer, sizeof(outer));
	if (e->tunnel != TUNNEL_GRE)
		return at;
	at = put16(at, e->has_key ? GRE_KEY : 0);
	at = put16(at, ETH_P_IP);
	if (e->has_key) {
		uint32_t key = htonl(e->key);

		at = put(at, &key, sizeof(key));
	}
	return at;
}

/* A packet of our host out to the wire. */
static void wrap(struct encap *e, const uint8_t *packet, size_t len)
{
	uint8_t *start = e->frame.data, *at = start;
	size_t out;

	if (len < sizeof(struct iphdr) || packet[0] >> 4 != 4)
		return;
	at = put(at, e->peer_mac, ETH_ALEN);
	at = put(at, e->own_mac, ETH_ALEN);
	if (e->vlan >= 0) {
		at = put16(at, ETH_P_8021Q);
		at = put16(at, (unsigned)e->vlan);
	}
	at = put16(at, ETH_P_IP);
	if (e->tunnel != TUNNEL_NONE)
		at = put_outer(e, at, len);
	at = put(at, packet, len);
	out = (size_t)(at - start);
	if (send(e->wire_fd, start, out, 0) == (ssize_t)out)
		e->wrapped++;
	else
		e->failed++;
}

static unsigned get16(const uint8_t *at)
{
	return (unsigned)(at[0] << 8 | at[1]);
}

/* The bytes of the outer header and GRE, or 0 when this is not our tunnel. */
static size_t tunnel_header(const struct encap *e, const uint8_t *at, size_t len)
{
	struct iphdr outer;
	size_t gre = gre_bytes(e);
	uint32_t key = htonl(e->key);

	if (len < sizeof(outer) + gre)
		return 0;
	memcpy(&outer, at, sizeof(outer));
	if (outer.version != 4 || outer.ihl != sizeof(outer) / 4 ||
	    outer.saddr != e->remote.s_addr || outer.daddr != e->local.s_addr ||
	    outer.frag_off & htons(IP_MF | IP_OFFMASK))
		return 0;
	if (outer.protocol != (e->tunnel == TUNNEL_GRE ? IPPROTO_GRE : IPPROTO_IPIP))
		return 0;
	at += sizeof(outer);
	if (gre && (get16(at) != (e->has_key ? GRE_KEY : 0u) || get16(at + 2) != ETH_P_IP))
		return 0;
	if (gre && e->has_key && memcmp(at + GRE_BASE_BYTES, &key, sizeof(key)) != 0)
		return 0;
	return sizeof(outer) + gre;
}

/* Finds the inner packet of a frame: its offset, or 0 when it is not in our encapsulation. */
static size_t inner_offset(const struct encap *e, const struct frame *f)
{
	size_t at = 2 * ETH_ALEN, header;

	if (f->len < at + 6 + sizeof(struct iphdr) || memcmp(f->data, e->own_mac, ETH_ALEN) != 0)
		return 0;
	if (e->vlan >= 0) {
		if (get16(f->data + at) != ETH_P_8021Q ||
		    (get16(f->data + at + 2) & 0xfff) != (unsigned)e->vlan)
			return 0;
		at += 4;
	}
	if (get16(f->data + at) != ETH_P_IP)
		return 0;
	at += 2;
	if (e->tunnel == TUNNEL_NONE)
		return at;
	header = tunnel_header(e, f->data + at, f->len - at);
	return header ? at + header : 0;
}

/* A frame of the wire in to our host. */
static void unwrap(struct encap *e)
{
	size_t at = inner_offset(e, &e->frame), len;

	e->unfinished += e->frame.unfinished;
	if (at == 0 || e->frame.oversize || e->frame.len < at + sizeof(struct iphdr)) {
		e->foreign++;
		return;
	}
	// The wire pads short frames; the packet's own length is what counts.
	len = SL_MIN(get16(e->frame.data + at + 2), e->frame.len - at);
	if (write(e->tun_fd, e->frame.data + at, len) == (ssize_t)len)
		e->unwrapped++;
	else
		e->failed++;
}

static int run(struct encap *e)
{
	static uint8_t packet[FRAME_MAX / 2];
	struct pollfd polled[2] = {{.fd = e->wire_fd, .events = POLLIN},
	                           {.fd = e->tun_fd, .events = POLLIN}};
	sigset_t none; /* signals come in only while waiting, so none is missed */
	ssize_t len;
	int got;

	sigemptyset(&none);
	while (!frame_stopping) {
		if (ppoll(polled, 2, NULL, &none) < 0 && errno != EINTR)
			return -1;
		for (int i = 0; i < BURST && (got = frame_receive(e->wire_fd, &e->frame)) != 0;
		     i++) {
			if (got < 0 && errno != ENETDOWN)
				return -1;
			if (got > 0)
				unwrap(e);
		}
		for (int i = 0; i < BURST && (len = read(e->tun_fd, packet, sizeof(packet))) > 0;
		     i++)
			wrap(e, packet, (size_t)len);
	}
	return 0;
}

static int open_tun(void)
{
	struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);

	snprintf(request.ifr_name, sizeof(request.ifr_name), "tun0");
	if (fd < 0 || ioctl(fd, TUNSETIFF, &request)) {
		perror("encap: /dev/net/tun");
		return -1;
	}
	return fd;
}

static int read_own_mac(struct encap *e)
{
	struct ifreq request = {0};

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", e->device);
	if (ioctl(e->wire_fd, SIOCGIFHWADDR, &request)) {
		perror("encap: the interface's address");
		return -1;
	}
	memcpy(e->own_mac, request.ifr_hwaddr.sa_data, ETH_ALEN);
	return 0;
}

static void usage(void)
{
	fputs("usage: encap --device IF --peer-mac M [--vlan N]\n"
	      "  [--tunnel gre|ipip --local A --remote A [--key N]]\n"
	      "Makes tun0 and carries its packets in that encapsulation. Ends on SIGTERM.\n",
	      stderr);
	exit(2);
}

static bool parse_mac(const char *text, uint8_t mac[ETH_ALEN])
{
	char more;

	return sscanf(text, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx%c", &mac[0], &mac[1], &mac[2], &mac[3],
	              &mac[4], &mac[5], &more) == ETH_ALEN;
}

static uint32_t parse_number(const char *text, uint32_t max)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (end == text || *end || value > max)
		usage();
	return (uint32_t)value;
}

static enum tunnel parse_tunnel(const char *text)
{
	if (!strcmp(text, "gre"))
		return TUNNEL_GRE;
	if (strcmp(text, "ipip"))
		usage();
	return TUNNEL_IPIP;
}

static void parse_options(struct encap *e, int argc, char **argv)
{
	static const struct option options[] = {
	        {"device", 1, NULL, 'd'}, {"peer-mac", 1, NULL, 'm'}, {"vlan", 1, NULL, 'v'},
	        {"tunnel", 1, NULL, 't'}, {"local", 1, NULL, 'l'},    {"remote", 1, NULL, 'r'},
	        {"key", 1, NULL, 'k'},    {NULL, 0, NULL, 0}};
	bool valid = true, has_mac = false;
	int got;

	while ((got = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (got) {
		case 'd':
			e->device = optarg;
			break;
		case 'm':
			valid &= has_mac = parse_mac(optarg, e->peer_mac);
			break;
		case 'v':
			e->vlan = (int)parse_number(optarg, 4094);
			break;
		case 't':
			e->tunnel = parse_tunnel(optarg);
			break;
		case 'l':
			valid &= inet_pton(AF_INET, optarg, &e->local) == 1;
			break;
		case 'r':
			valid &= inet_pton(AF_INET, optarg, &e->remote) == 1;
			break;
		case 'k':
			e->has_key = true;
			e->key = parse_number(optarg, UINT32_MAX);
			break;
		default:
			usage();
		}
	}
	if (!valid || !e->device || !has_mac || optind != argc)
		usage();
	if (e->tunnel != TUNNEL_NONE && (!e->local.s_addr || !e->remote.s_addr))
		usage();
}

int main(int argc, char **argv)
{
	static struct encap e = {.vlan = -1};
	int status;

	parse_options(&e, argc, argv);
	frame_catch_signals();
	e.wire_fd = frame_open(e.device);
	if (e.wire_fd < 0 || read_own_mac(&e))
		return 1;
	e.tun_fd = open_tun();
	if (e.tun_fd < 0)
		return 1;
	status = run(&e);
	if (status)
		perror("encap");
	fprintf(stderr,
	        "encap: wrapped %llu unwrapped %llu foreign %llu unfinished_checksum %llu failed "
	        "%llu\n",
	        (unsigned long long)e.wrapped, (unsigned long long)e.unwrapped,
	        (unsigned long long)e.foreign, (unsigned long long)e.unfinished,
	        (unsigned long long)e.failed);
	return status ? 1 : 0;
}
