/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HELLO: what a flow begins with that was taken before that was known. Its ClientHello was not
 * whole (incomplete_hello_wait), nobody had spoken yet, or it is known to be no TLS (R154).
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "tpsd/session/plain_leg.h"
#include "tpsd/session/session_priv.h"

/* What follows the bytes that are there: SL_EAGAIN, SL_EEOF after a FIN, SL_ECLOSED after a RST. A
 * socket that has ended is readable for ever, whatever it is asked to wait for. */
static int what_follows(int fd)
{
	struct tcp_info info;
	socklen_t len = sizeof(info);

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) != 0 || info.tcpi_state == TCP_CLOSE)
		return SL_ECLOSED;
	return info.tcpi_state == TCP_ESTABLISHED ? SL_EAGAIN : SL_EEOF;
}

/* Read without taking it off the socket, so that the TLS library, or whoever, finds it there. */
static int peek_hello(struct session *s, struct clienthello *ret)
{
	struct host *h = s->host;
	ssize_t n = recv(s->legs[LEG_CLIENT].fd, h->peek_scratch, sizeof(h->peek_scratch),
	                 MSG_PEEK | MSG_DONTWAIT);
	int rc, want;

	if (n == 0)
		return SL_EEOF;
	if (n < 0 && errno != EAGAIN && errno != EINTR)
		return SL_ECLOSED;
	rc = n < 0 ? SL_EAGAIN : hello_read(h, h->peek_scratch, (size_t)n, ret);
	if (rc == SL_EAGAIN)
		rc = what_follows(s->legs[LEG_CLIENT].fd);
	if (rc != SL_EAGAIN)
		return rc;
	/* Do not wake for what was seen already. */
	want = n > 0 ? (int)n + 1 : 1;
	(void)setsockopt(s->legs[LEG_CLIENT].fd, SOL_SOCKET, SO_RCVLOWAT, &want, sizeof(want));
	s->legs[LEG_CLIENT].wants = LEG_WANTS_READ;
	return SL_EAGAIN;
}

static enum reason reason_of_parse(int rc)
{
	switch (rc) {
	case SL_EMISMATCH:
		return REASON_CLEARTEXT;
	case SL_EEOF:
		return REASON_INCOMPLETE_HELLO;
	case SL_ECLOSED:
		return REASON_CLIENT_RESET;
	default:
		return REASON_HELLO_MALFORMED;
	}
}

/* The flow goes on as it is, unread. */
static int go_on_spliced(struct session *s, enum reason reason)
{
	s->alert_to_client = TLS_NO_ALERT;
	s->legs[LEG_CLIENT].reason = reason;
	s->splicing = true;
	session_handshake_over(s);
	s->step = STEP_RELAY;
	return step_relay(s);
}

/* The flow goes on as it is, and is read. */
static int go_on_plain(struct session *s, enum reason reason)
{
	int rc;

	s->plain = reason;
	for (int i = 0; i < 2; i++)
		plain_leg_open(&s->legs[i]);
	counter_add(s->host->counters, COUNTER_plain, 1);
	s->established = true;
	session_handshake_over(s);
	rc = inspection_begin(s);
	if (rc != 0)
		return rc;
	s->step = STEP_RELAY;
	return step_relay(s);
}

static int refuse(struct session *s, enum reason reason)
{
	session_close(s, reason);
	return SL_EREFUSED;
}

/* What the class of a reason says of a flow that no alert can be sent to. */
static int by_class(struct session *s, enum reason reason)
{
	enum config_action action = class_action(s->proxy->config, reason);

	if (action == CONFIG_BLOCK)
		return refuse(s, reason);
	if (action == CONFIG_ALLOW &&
	    inspection_is_there(s->setup, s->virtual_segment, s->response_segment))
		return go_on_plain(s, reason);
	return go_on_spliced(s, reason);
}

/* Client inspection: by name, and by what was learned of it; as a hello that is whole is decided.
 */
static int decide_outbound(struct session *s, const struct clienthello *hello)
{
	const struct learned_key key = {.client = &s->client,
	                                .server = &s->server,
	                                .port = s->server_port,
	                                .sni = s->hello.sni};
	struct decision d;
	enum reason learned;

	outbound_read(s->host, s->out, s->setup, hello);
	if (outbound_decide(s->host, s->proxy, s->out, &d))
		return d.action == IPC_DROP ? refuse(s, d.reason) : go_on_spliced(s, d.reason);
	learned = what_is_learned(s->host, &key, s->out);
	return learned == REASON_NONE ? 0 : go_on_spliced(s, learned);
}

static int take_hello(struct session *s, const struct clienthello *hello)
{
	enum reason reason;
	int rc;

	hello_summarise(hello, &s->hello);
	fingerprint_of(hello, &s->fingerprint);
	s->hello_seen = true;
	if (s->plain != REASON_NONE) { /* TLS after all, only late */
		s->plain = REASON_NONE;
		counter_add(s->host->counters, COUNTER_accepted, 1);
	}
	rc = s->out ? decide_outbound(s, hello) : 0;
	if (rc != 0)
		return rc;
	reason = hello_judge(s->proxy, hello);
	if (reason == REASON_NONE)
		return 0;
	host_count_protocol(s->host, reason);
	if (class_action(s->proxy->config, reason) != CONFIG_BLOCK)
		return go_on_spliced(s, reason);
	s->alert_to_client = hello_alert(reason);
	return refuse(s, reason);
}

/* 0 when the server has said something, SL_EAGAIN while it has not, SL_EEOF when it has ended. */
static int peek_server(const struct session *s)
{
	uint8_t byte;
	ssize_t n = recv(s->legs[LEG_SERVER].fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);

	if (n > 0)
		return 0;
	return n < 0 && (errno == EAGAIN || errno == EINTR) ? SL_EAGAIN : SL_EEOF;
}

/* For the client, and where nobody had spoken in no_handshake_timeout for whoever does; that is no
 * handshake which a limit counts. */
static int wait_for_hello(struct session *s, bool late)
{
	if (late) {
		session_handshake_over(s);
		s->legs[LEG_SERVER].wants = LEG_WANTS_READ;
	}
	return SL_EAGAIN;
}

static void stop_waiting(struct session *s)
{
	int one = 1;

	(void)setsockopt(s->legs[LEG_CLIENT].fd, SOL_SOCKET, SO_RCVLOWAT, &one, sizeof(one));
	s->legs[LEG_SERVER].wants = LEG_WANTS_NOTHING;
	s->taken_ns = clock_now_ns();
	session_arm(s, s->setup->config->ssl_inspection.handshake_timeout_ms * CLOCK_NS_PER_MS);
}

/*
 * R154. What is known to be no TLS goes on at once. After a silence whoever speaks first decides: a
 * ClientHello is not let by for having come late, and what is no TLS is what it is at once. Ends
 * without a word are passed on.
 */
int step_hello(struct session *s)
{
	struct clienthello hello;
	bool late = s->plain == REASON_NO_HANDSHAKE, known = s->plain != REASON_NONE && !late;
	int rc = known ? SL_EMISMATCH : peek_hello(s, &hello);
	int server = late && rc == SL_EAGAIN ? peek_server(s) : SL_EAGAIN;
	enum reason reason;

	if (rc == SL_EAGAIN && server == SL_EAGAIN)
		return wait_for_hello(s, late);
	stop_waiting(s);
	if (rc == 0)
		return take_hello(s, &hello);
	if (known || (late && (rc == SL_EEOF || rc == SL_ECLOSED || server == SL_EEOF)))
		return go_on_plain(s, s->plain);
	s->plain = REASON_NONE;
	reason = server == 0 ? REASON_SERVER_FIRST : reason_of_parse(rc);
	host_count_protocol(s->host, reason);
	return by_class(s, reason);
}
