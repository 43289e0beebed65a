/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one place where a session ends, whatever the reason: what the ends are told, what is learned,
 * recorded and counted, and the memory.
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/magic.h"
#include "tpsd/session/session_priv.h"

enum { DISCARD_READS = 4 }; /* at a close, of CLIENTHELLO_MAX bytes: no peer keeps us reading */

/*
 * The kernel resets a connection that is closed with bytes unread. What came last and nobody wants
 * (a server's tickets, say) is thrown away first, so that the end is the FIN that was meant.
 */
static void discard_unread(const struct leg *leg)
{
	struct host *h = leg->session->host;

	for (int i = 0; i < DISCARD_READS; i++)
		if (recv(leg->fd, h->peek_scratch, sizeof(h->peek_scratch), MSG_DONTWAIT) <= 0)
			return;
}

/* `wire` set the sockets to reset when they are closed, so that our death resets them. */
static void close_leg(struct leg *leg, bool orderly)
{
	struct linger off = {0, 0};

	loop_remove(&leg->source);
	if (leg->ops)
		leg->ops->fini(leg);
	if (leg->fd < 0)
		return;
	if (orderly && leg->session->answered && leg->side == LEG_CLIENT &&
	    farewell_begin(leg->session->host->farewells, leg->fd) == 0) {
		leg->fd = -1;
		return;
	}
	if (orderly) {
		(void)setsockopt(leg->fd, SOL_SOCKET, SO_LINGER, &off, sizeof(off));
		discard_unread(leg);
	}
	(void)close(leg->fd);
	leg->fd = -1;
}

/* A plain alert record: the client has sent nothing but its ClientHello, so it is in the clear. */
static void send_plain_alert(struct session *s)
{
	uint16_t version = s->hello.legacy_version > 0x0303 ? 0x0303 : s->hello.legacy_version;
	uint8_t record[7] = {21, 3, (uint8_t)(version & 0xff), 0, 2, 2, s->alert_to_client};

	(void)!send(s->legs[LEG_CLIENT].fd, record, sizeof(record), MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void count_outcome(struct session *s, enum reason reason, enum reason_outcome outcome)
{
	struct counter_slab *c = s->host->counters;

	counter_add_reason(c, reason);
	switch (outcome) {
	case OUTCOME_INSPECTED:
		counter_add(c, COUNTER_inspected, 1);
		break;
	case OUTCOME_BLOCKED:
		counter_add(c, COUNTER_blocked, 1);
		break;
	case OUTCOME_BYPASSED:
		counter_add(c, COUNTER_bypassed, 1);
		break;
	case OUTCOME_NOT_DECRYPTED:
		counter_add(c, COUNTER_not_decrypted, 1);
		break;
	case OUTCOME_NOT_INSPECTED:
		counter_add(c, COUNTER_not_inspected, 1);
		break;
	default:
		break;
	}
}

/* The table's outcome, but a session that never relayed was not inspected, and a class's setting
 * turns bypassed into blocked. */
static enum reason_outcome outcome_of(const struct session *s, enum reason reason)
{
	enum reason_outcome outcome = reason_outcome(reason);

	if (s->splicing)
		return outcome == OUTCOME_INSPECTED ? OUTCOME_NOT_DECRYPTED
		       : outcome == OUTCOME_BLOCKED && reason == s->legs[LEG_CLIENT].reason
		               ? OUTCOME_BYPASSED
		               : outcome;
	if (s->plain != REASON_NONE && reason == s->plain)
		return OUTCOME_BYPASSED;
	if (outcome == OUTCOME_INSPECTED && !s->established)
		return OUTCOME_FAILED;
	if (outcome == OUTCOME_BYPASSED)
		return OUTCOME_BLOCKED;
	if (outcome == OUTCOME_INSPECTED && s->out && s->out->not_inspected)
		return OUTCOME_NOT_INSPECTED;
	return outcome;
}

void session_learn_shared(struct session *s, enum reason reason)
{
	const struct learned_key key = {
	        .server = &s->server, .port = s->server_port, .sni = s->hello.sni};

	learned_add(s->host->learned, &key, reason, clock_now_ns());
}

/*
 * What a client caused stays its own (R156); it has no say where everything is to be decrypted. A
 * leaf of the untrusted CA is there to be refused: who refuses it would else find the bad server
 * left alone the next time (R64).
 */
static void learn_of_client(struct session *s, enum reason reason)
{
	const struct learned_key key = {.client = &s->client,
	                                .server = &s->server,
	                                .port = s->server_port,
	                                .sni = s->hello.sni};

	if (s->out->fault == PKI_FAULT_NONE && s->out->source != POLICY_SOURCE_ALWAYS &&
	    s->out->domain.kind != DOMAIN_OVERRIDE)
		learned_add(s->host->learned, &key, reason, clock_now_ns());
}

/* A session that should have been bypassed and is past that: the next one to there will be. Only
 * by a setting of the administrator (R155); a session that was cleared or ran out teaches nothing.
 */
static void learn(struct session *s, enum reason reason)
{
	if (s->established || !s->proxy || s->splicing || reason_class(reason) == FAILURE_NONE ||
	    class_action(s->proxy->config, reason) != CONFIG_BYPASS)
		return;
	if (s->out && reason_class(reason) == FAILURE_PINNED)
		learn_of_client(s, reason);
	else
		session_learn_shared(s, reason);
}

/* R99: instead of an alert. What is blocked in the relay has had its judgement. */
static bool wants_reset(const struct session *s, enum reason_outcome outcome)
{
	return s->out && outcome == OUTCOME_BLOCKED && !s->established &&
	       s->proxy->config->tcp_reset;
}

static void end_session(struct session *s, enum reason reason, bool client_orderly,
                        bool server_orderly)
{
	struct host *h = s->host;
	enum reason_outcome outcome;
	uint64_t flow = s->flow;
	bool had_sockets = s->legs[LEG_CLIENT].fd >= 0;

	MAGIC_CHECK(s, SESSION_MAGIC);
	if (s->ending)
		return;
	s->ending = true;
	/* However it ended: that it was no TLS is what is told of it. */
	if (s->plain != REASON_NONE && reason_outcome(reason) == OUTCOME_INSPECTED)
		reason = s->plain;
	outcome = outcome_of(s, reason);
	if (wants_reset(s, outcome)) {
		s->alert_to_client = TLS_NO_ALERT;
		client_orderly = false;
	}
	if (s->alert_to_client != TLS_NO_ALERT && s->legs[LEG_CLIENT].fd >= 0 &&
	    !s->legs[LEG_CLIENT].ops)
		send_plain_alert(s);
	learn(s, reason);
	record_host_mismatch(s);
	record_end(s, reason, outcome);
	count_outcome(s, reason, outcome);
	inspection_end(s);
	/* A fatal alert is the end of the session too, for whoever would resume it. */
	if (s->legs[LEG_SERVER].end == LEG_BROKEN)
		resume_drop(h->resume, s->resume_key);
	loop_timer_cancel(&s->timer);
	loop_timer_cancel(&s->again);
	close_leg(&s->legs[LEG_CLIENT], client_orderly);
	close_leg(&s->legs[LEG_SERVER], server_orderly);
	splice_fini(s);
	outbound_destroy(s);
	buf_fini(&s->directions[0].held);
	buf_fini(&s->directions[1].held);
	session_unlink(s);
	setup_put(s->setup);
	MAGIC_CLEAR(s);
	free(s);
	if (had_sockets)
		h->ops->ended(h->arg, flow, reason);
}

/*
 * A client that has ended its side and got that acknowledged says no more: a RST that is lost would
 * leave it waiting, a FIN is repeated. Not once the relay has begun, where the RST is what tells a
 * body that is cut short from one that is complete.
 */
static bool client_waits_for_end(const struct session *s)
{
	struct tcp_info info;
	socklen_t len = sizeof(info);

	return !s->established && !s->splicing && s->legs[LEG_CLIENT].fd >= 0 &&
	       getsockopt(s->legs[LEG_CLIENT].fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0 &&
	       info.tcpi_state == TCP_CLOSE_WAIT;
}

void session_close(struct session *s, enum reason reason)
{
	/* An alert is only read by a client that does not get a RST behind it. */
	end_session(s, reason, s->alert_to_client != TLS_NO_ALERT || client_waits_for_end(s),
	            false);
}

void session_close_orderly(struct session *s, enum reason reason)
{
	end_session(s, reason, true, true);
}

void session_close_blocked(struct session *s, bool client_orderly, bool server_orderly)
{
	end_session(s, s->block_reason, client_orderly, server_orderly);
}
