/* SPDX-License-Identifier: Apache-2.0 */
/* The two sockets of a taken connection; see take.h. `tpsd: wire`. */
#include "tpsd/take/take.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/err.h"

enum {
	REPAIR_ON = 1,
	REPAIR_OFF_NO_PROBE = -1,
	QUEUE_RECV = 1,
	QUEUE_SEND = 2,
	MSS_DEFAULT = 536, /* RFC 9293 section 3.7.1: an end that names none */
	MSS_MIN = 88,
	WINDOW_MAX = 1 << 30,
	OPTION_MSS = 2,
	OPTION_WSCALE = 3,
	OPTION_SACK = 4,
	OPTION_TIMESTAMP = 8,
};

/* One leg: `far` is the end it talks to, `self` the one that it continues. */
struct leg_plan {
	const struct wire_end *far, *self;
	struct sockaddr_in local, remote;
	uint32_t send_next, receive_next;
};

int take_ready(const struct wire_flow *f)
{
	const struct wire_end *client = &f->end[f->client & 1], *server = &f->end[!f->client];

	if (f->ended)
		return SL_ECLOSED;
	if (client->ack != server->next || server->ack != client->next)
		return SL_EAGAIN;
	return 0;
}

static int set(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof(value)) ? SL_ESYS : 0;
}

static bool agreed(const struct leg_plan *p, uint8_t option)
{
	return p->far->options & p->self->options & option;
}

static uint32_t far_mss(const struct leg_plan *p)
{
	uint32_t mss = p->far->options & WIRE_OPT_MSS ? p->far->mss : MSS_DEFAULT;

	return mss < MSS_MIN ? MSS_MIN : mss;
}

/* An end's window in bytes; in its SYN it is not scaled. */
static uint32_t window_of(const struct leg_plan *p, const struct wire_end *e)
{
	uint32_t shift = e->scaled && agreed(p, WIRE_OPT_WSCALE) ? e->wscale : 0;
	uint64_t window = (uint64_t)e->window << shift;

	return window > WINDOW_MAX ? WINDOW_MAX : (uint32_t)window;
}

static int set_queues(int fd, const struct leg_plan *p)
{
	if (set(fd, IPPROTO_TCP, TCP_REPAIR_QUEUE, QUEUE_SEND) ||
	    setsockopt(fd, IPPROTO_TCP, TCP_QUEUE_SEQ, &p->send_next, sizeof(p->send_next)) ||
	    set(fd, IPPROTO_TCP, TCP_REPAIR_QUEUE, QUEUE_RECV) ||
	    setsockopt(fd, IPPROTO_TCP, TCP_QUEUE_SEQ, &p->receive_next, sizeof(p->receive_next)))
		return SL_ESYS;
	return 0;
}

/* WSCALE always, 0|0 when it was not agreed: without it every transfer stalls. */
static int set_options(int fd, const struct leg_plan *p)
{
	struct tcp_repair_opt o[4];
	unsigned n = 0;
	uint32_t scale = 0;

	if (agreed(p, WIRE_OPT_WSCALE))
		scale = p->far->wscale | (uint32_t)p->self->wscale << 16;
	o[n++] = (struct tcp_repair_opt){.opt_code = OPTION_MSS, .opt_val = far_mss(p)};
	o[n++] = (struct tcp_repair_opt){.opt_code = OPTION_WSCALE, .opt_val = scale};
	if (agreed(p, WIRE_OPT_SACK))
		o[n++] = (struct tcp_repair_opt){.opt_code = OPTION_SACK};
	if (agreed(p, WIRE_OPT_TIMESTAMP))
		o[n++] = (struct tcp_repair_opt){.opt_code = OPTION_TIMESTAMP};
	return setsockopt(fd, IPPROTO_TCP, TCP_REPAIR_OPTIONS, o, (socklen_t)(n * sizeof(o[0])))
	               ? SL_ESYS
	               : 0;
}

/* Our timestamps go on where those of the end we continue stopped; bit 0 asks for microseconds. */
static int set_timestamp(int fd, const struct leg_plan *p)
{
	if (!agreed(p, WIRE_OPT_TIMESTAMP))
		return 0;
	return set(fd, IPPROTO_TCP, TCP_TIMESTAMP, (int)((p->self->tsval + 2) & ~1U));
}

static int set_window(int fd, const struct leg_plan *p)
{
	uint32_t send = window_of(p, p->far), receive = window_of(p, p->self);
	struct tcp_repair_window w = {
	        /* One before: so the next packet is newer, whatever its window. */
	        .snd_wl1 = p->receive_next - 1,
	        .snd_wnd = send,
	        .max_window = send,
	        .rcv_wnd = receive,
	        .rcv_wup = p->receive_next,
	};

	return setsockopt(fd, IPPROTO_TCP, TCP_REPAIR_WINDOW, &w, sizeof(w)) ? SL_ESYS : 0;
}

static int leg_prepare(int fd, const struct leg_plan *p)
{
	struct linger at_close = {.l_onoff = 1, .l_linger = 0};

	if (setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_close, sizeof(at_close)) ||
	    set(fd, IPPROTO_TCP, TCP_MAXSEG, (int)far_mss(p)))
		return SL_ESYS;
	if (set(fd, IPPROTO_TCP, TCP_REPAIR, REPAIR_ON) || set_queues(fd, p))
		return SL_ESYS;
	if (bind(fd, (const void *)&p->local, sizeof(p->local)) ||
	    connect(fd, (const void *)&p->remote, sizeof(p->remote)))
		return SL_ESYS;
	if (set_options(fd, p) || set_timestamp(fd, p) || set_window(fd, p))
		return SL_ESYS;
	if (set(fd, IPPROTO_TCP, TCP_REPAIR, REPAIR_OFF_NO_PROBE))
		return SL_ESYS;
	return set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
}

static int leg_make(const struct leg_plan *p, int *ret_fd)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int saved;

	if (fd < 0)
		return SL_ESYS;
	if (!leg_prepare(fd, p)) {
		*ret_fd = fd;
		return 0;
	}
	saved = errno;
	(void)close(fd);
	errno = saved;
	return SL_ESYS;
}

static struct sockaddr_in address(uint32_t be32, uint16_t be_port)
{
	return (struct sockaddr_in){
	        .sin_family = AF_INET, .sin_addr.s_addr = be32, .sin_port = be_port};
}

int take_make(const struct wire_key *key, const struct wire_flow *f, uint32_t synthetic,
              struct take_pair *ret_pair)
{
	int c = f->client & 1, s = !c;
	struct leg_plan client = {
	        .far = &f->end[c],
	        .self = &f->end[s],
	        .local = address(htonl(WIRE_LOCAL_CLIENT_LEG), key->port[s]),
	        .remote = address(synthetic, key->port[c]),
	        .send_next = f->end[s].next,
	        .receive_next = f->end[c].next,
	};
	struct leg_plan server = {
	        .far = &f->end[s],
	        .self = &f->end[c],
	        .local = address(htonl(WIRE_LOCAL_SERVER_LEG), key->port[c]),
	        .remote = address(synthetic, key->port[s]),
	        .send_next = f->end[c].next,
	        .receive_next = f->end[s].next,
	};
	int error = leg_make(&client, &ret_pair->client_fd);
	int saved;

	if (error)
		return error;
	error = leg_make(&server, &ret_pair->server_fd);
	if (error) {
		saved = errno;
		(void)close(ret_pair->client_fd);
		errno = saved;
	}
	return error;
}
