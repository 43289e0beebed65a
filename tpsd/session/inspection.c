/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The session's side of inspection: which inspector reads which direction, and what a verdict does
 * to the session. The request's virtual segment gives the filters for what goes to the server, the
 * other direction's those for the answer (R129-R131, R166). An answer that no virtual segment names
 * is read with the request's: leaving it unread must be asked for, by a segment whose profile has
 * no filters. When both are the same, one flow of the inspector sees both and can relate them.
 */
#include <string.h>
#include <sys/socket.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/wire/clienthello.h"
#include "tpsd/session/blockpage.h"
#include "tpsd/session/session_priv.h"

static struct inspector *inspector_of(const struct setup *setup,
                                      const struct config_virtual_segment *segment)
{
	return segment && segment->profile ? setup->inspectors[segment->profile->index] : NULL;
}

bool inspection_is_there(const struct setup *setup, const struct config_virtual_segment *request,
                         const struct config_virtual_segment *response)
{
	return inspector_of(setup, request) || inspector_of(setup, response);
}

/* HTTP/2 that is let through is read as bytes: its own inspector is not in this build. What is no
 * TLS may be anything. */
static enum tse_service service_of(const struct session *s)
{
	if (s->plain != REASON_NONE)
		return TSE_SERVICE_DETECT;
	return s->http2 ? TSE_SERVICE_OTHER : (enum tse_service)s->proxy->config->decrypted_service;
}

int inspection_begin(struct session *s)
{
	struct tse_tuple tuple = {.client = s->client,
	                          .server = s->server,
	                          .client_port = s->client_port,
	                          .server_port = s->server_port};
	enum tse_service service = service_of(s);
	int rc = 0;

	if (s->out && s->out->not_inspected)
		return 0;
	s->inspectors[TSE_TO_SERVER] = inspector_of(s->setup, s->virtual_segment);
	s->inspectors[TSE_TO_CLIENT] = inspector_of(
	        s->setup, s->response_segment ? s->response_segment : s->virtual_segment);
	for (int d = 0; d < 2 && rc == 0; d++) {
		struct inspector *i = s->inspectors[d];

		if (d == TSE_TO_CLIENT && i == s->inspectors[TSE_TO_SERVER])
			s->flows[d] = s->flows[TSE_TO_SERVER];
		else if (i)
			rc = i->ops->begin(i, &tuple, service, &s->flows[d]);
	}
	if (rc == 0 && s->flows[1] && s->flows[1] != s->flows[0] &&
	    s->inspectors[TSE_TO_CLIENT]->ops->join)
		s->inspectors[TSE_TO_CLIENT]->ops->join(s->flows[1], s->flows[0]);
	/* What is decrypted must not lead the client to where nothing is (client.md). */
	if (rc == 0 && s->out && s->flows[1] && s->inspectors[TSE_TO_CLIENT]->ops->hide_quic)
		s->inspectors[TSE_TO_CLIENT]->ops->hide_quic(s->flows[1]);
	return rc;
}

uint64_t inspection_bytes(const struct session *s)
{
	uint64_t n = 0;

	for (int d = 0; d < 2; d++)
		if (s->flows[d] && (d == 0 || s->flows[1] != s->flows[0]))
			n += s->inspectors[d]->ops->bytes(s->flows[d]);
	return n;
}

void inspection_end(struct session *s)
{
	counter_add(s->host->counters, COUNTER_bytes_inspected, inspection_bytes(s));
	for (int d = 1; d >= 0; d--)
		if (s->flows[d] && (d == 0 || s->flows[1] != s->flows[0]))
			s->inspectors[d]->ops->end(s->flows[d]);
	s->flows[0] = s->flows[1] = NULL;
}

/* R99, R124, R166: a proxy's switch resets the end that is a stranger to us: the server of a server
 * proxy, the client of a client proxy. An action set may reset either end. */
static bool resets_server(const struct session *s, enum tse_reset reset)
{
	return (!s->out && s->proxy->config->tcp_reset) || (reset & TSE_RESET_DESTINATION);
}

static bool resets_client(const struct session *s, enum tse_reset reset)
{
	return (s->out && s->proxy->config->tcp_reset) || (reset & TSE_RESET_SOURCE);
}

static void block(struct session *s, enum tse_reset reset)
{
	bool server = resets_server(s, reset), client = resets_client(s, reset);

	if (!client)
		(void)s->legs[LEG_CLIENT].ops->shutdown(&s->legs[LEG_CLIENT], LEG_CLOSED);
	if (!server)
		(void)s->legs[LEG_SERVER].ops->shutdown(&s->legs[LEG_SERVER], LEG_CLOSED);
	session_close_blocked(s, !client, !server);
}

/* The first bytes of an HTTP session that were not negotiated as HTTP/2 and are (RFC 9113 3.3). */
static bool is_prior_knowledge(const struct session *s, enum tse_direction d, const uint8_t *view,
                               size_t len)
{
	return d == TSE_TO_SERVER && s->directions[d].bytes == 0 && !s->http2 &&
	       s->proxy->config->decrypted_service == CONFIG_SERVICE_HTTP &&
	       s->setup->config->ssl_inspection.http2_prior_knowledge == CONFIG_HTTP2_BLOCK &&
	       clienthello_is_http2_preface(view, len);
}

static void note_matches(struct session *s, const struct tse_result *r)
{
	for (size_t i = 0; i < r->nmatches && i < TSE_MATCHES_MAX; i++) {
		const struct tse_match *m = &r->matches[i];

		counter_add(s->host->counters, m->action.block ? COUNTER_blocks : COUNTER_alerts,
		            1);
		if (m->sid >= TSE_SID_ANOMALY)
			counter_add(s->host->counters, COUNTER_anomalies, 1);
		s->matches++;
		s->block_told |= m->action.block && m->action.notify;
		if (m->action.notify)
			record_match(s, m);
	}
}

static enum tse_reset reset_of(const struct tse_result *r)
{
	unsigned reset = TSE_RESET_NONE;

	for (size_t i = 0; i < r->nmatches && i < TSE_MATCHES_MAX; i++)
		if (r->matches[i].action.block)
			reset |= r->matches[i].action.reset;
	return (enum tse_reset)reset;
}

/* The engine says whether an answer is due; here stands whether one can still be given. */
static bool may_answer(const struct session *s, const struct tse_result *r)
{
	const struct direction *answers = &s->directions[TSE_TO_CLIENT];
	const struct leg *client = &s->legs[LEG_CLIENT];
	/* Answers that the engine does not see may have begun. */
	bool unseen = !s->flows[TSE_TO_CLIENT] || answers->trusted;

	return r->answerable && s->proxy->config->block_page && answers->unsent == 0 &&
	       !client->unsent && !client->shut && !(unseen && answers->bytes > 0);
}

/* The page in the server's place: true when the socket has taken all of it. */
static bool answer(struct session *s, const struct tse_result *r)
{
	struct blockpage page = {.filter = "",
	                         .contact = s->setup->config->device.contact,
	                         .device = s->setup->config->device.name,
	                         .flow = s->flow,
	                         .time_s = (int64_t)(clock_wall_us() / 1000000),
	                         .head = r->answers_head};
	struct leg *client = &s->legs[LEG_CLIENT];
	char text[BLOCKPAGE_MAX];
	size_t len, done = 0, n = 0;

	for (size_t i = r->nmatches; i-- > 0;)
		if (r->matches[i].action.block) {
			page.filter = r->matches[i].msg;
			page.sid = r->matches[i].sid;
		}
	len = blockpage_write(&page, text);
	while (done < len &&
	       client->ops->write(client, (uint8_t *)text + done, len - done, &n) == 0)
		done += n;
	return done == len && !client->unsent;
}

/* The anomalies that mean: more than what may be held. */
static bool is_too_long(const char *anomaly)
{
	static const char *const names[] = {"hold_limit", "header_too_long", "trailer_too_long"};

	for (size_t i = 0; anomaly && i < SL_ARRAY_LEN(names); i++)
		if (strcmp(anomaly, names[i]) == 0)
			return true;
	return false;
}

int inspection_feed(struct session *s, enum tse_direction d, uint8_t *view, size_t len, bool eof,
                    struct tse_result *ret)
{
	struct direction *dir = &s->directions[d];

	if (len > 0 && is_prior_knowledge(s, d, view, len)) {
		s->block_reason = REASON_HTTP2_PRIOR_KNOWLEDGE;
		block(s, TSE_RESET_NONE);
		return SL_EREFUSED;
	}
	if (!s->flows[d] || dir->trusted) {
		*ret = (struct tse_result){.verdict = TSE_GO_ON, .release = len};
		return 0;
	}
	s->inspectors[d]->ops->feed(s->flows[d], d, view, len, eof, ret);
	if (ret->verdict == TSE_BLOCK && may_answer(s, ret) && !resets_client(s, reset_of(ret)))
		s->answered = answer(s, ret);
	if (s->answered)
		counter_add(s->host->counters, COUNTER_block_pages, 1);
	note_matches(s, ret);
	if (ret->verdict == TSE_BLOCK) {
		s->block_reason = is_too_long(ret->anomaly) ? REASON_HOLD_LIMIT : REASON_RULE;
		block(s, reset_of(ret));
		return SL_EREFUSED;
	}
	if (ret->verdict == TSE_TRUST) {
		dir->trusted = true;
		ret->release = len;
	}
	return 0;
}
