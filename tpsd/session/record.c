/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is written down of sessions: the ssl_inspection event (R98, R139), alerts and blocks of
 * filters, the mismatch of a server (R152). Blocked, bypassed, failed and not decrypted outcomes
 * are always recorded; the same policy, name and reason once a minute, with how often.
 */
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "tpsd/session/session_priv.h"

static void send_line(struct host *h)
{
	if (h->ring)
		(void)event_end(&h->line, h->ring);
}

static void write_repeat(struct host *h, struct repeat *r)
{
	struct event_line *l = &h->line;

	event_begin(l, EVENT_SSL_INSPECTION, "ssl_inspection");
	event_tuple(l, &r->client, r->client_port, &r->server, r->server_port);
	event_text(l, "policy", r->policy);
	event_text(l, "outcome", reason_outcome_name(reason_outcome(r->reason)));
	event_text(l, "reason", reason_name(r->reason));
	event_text(l, "reason_text", reason_text(r->reason));
	line_would(l, r->would, r->would_reason);
	event_uint(l, "count", r->count);
	event_object_begin(l, "tls");
	if (r->sni[0])
		event_text(l, "sni", r->sni);
	event_object_end(l);
	send_line(h);
	r->count = 0;
}

void record_minute(struct loop_timer *timer)
{
	struct host *h = (struct host *)((char *)timer - offsetof(struct host, minute));

	for (size_t i = 0; i < HOST_REPEATS; i++) {
		if (h->repeats[i].count > 0)
			write_repeat(h, &h->repeats[i]);
		h->repeats[i].hash = 0;
	}
	(void)loop_timer_set(h->loop, timer, 60 * CLOCK_NS_PER_S, record_minute);
}

/* True when the same was recorded this minute already: it is only counted. */
static bool is_repeat(struct host *h, const struct session *s, enum reason reason)
{
	const char *policy = s->policy ? s->policy->name : "";
	uint64_t what = reason | (uint64_t)s->would << 16 | (uint64_t)s->would_reason << 32;
	uint64_t hash = recall_hash(recall_hash(h->seed ^ what, s->hello.sni), policy) | 1;
	struct repeat *r = &h->repeats[hash % HOST_REPEATS];

	if (r->hash == hash) {
		r->count++;
		r->client = s->client;
		r->client_port = s->client_port;
		return true;
	}
	if (r->count > 0)
		write_repeat(h, r);
	*r = (struct repeat){.hash = hash,
	                     .reason = reason,
	                     .would = s->would,
	                     .would_reason = s->would_reason,
	                     .client = s->client,
	                     .server = s->server,
	                     .client_port = s->client_port,
	                     .server_port = s->server_port};
	(void)snprintf(r->sni, sizeof(r->sni), "%s", s->hello.sni);
	(void)snprintf(r->policy, sizeof(r->policy), "%s", policy);
	return false;
}

static bool is_failure(enum reason_outcome outcome)
{
	return outcome == OUTCOME_BLOCKED || outcome == OUTCOME_FAILED ||
	       outcome == OUTCOME_BYPASSED;
}

static void record(struct session *s, enum reason reason, enum reason_outcome outcome)
{
	struct host *h = s->host;
	bool logging = s->proxy && s->proxy->config->logging;
	bool wanted = logging;

	if (is_failure(outcome))
		recall_count_failure(h, s, reason);
	/* R140: sessions that a filter blocked are in the filter's log. */
	if (!logging && outcome != OUTCOME_INSPECTED && reason != REASON_RULE)
		wanted = !is_repeat(h, s, reason);
	/* The client has its reference from the page: it must be found somewhere. */
	wanted |= s->answered && !s->block_told;
	event_begin(&h->line, EVENT_SSL_INSPECTION, "ssl_inspection");
	line_session(&h->line, s, reason, outcome);
	recall_keep(h, s);
	if (wanted)
		send_line(h);
}

void record_end(struct session *s, enum reason reason, enum reason_outcome outcome)
{
	struct counter_slab *c = s->host->counters;
	const struct tls_leg *server = s->legs[LEG_SERVER].tls, *client = s->legs[LEG_CLIENT].tls;

	counter_add(c, COUNTER_bytes_to_server, s->directions[TSE_TO_SERVER].bytes);
	counter_add(c, COUNTER_bytes_to_client, s->directions[TSE_TO_CLIENT].bytes);
	if (server)
		counter_add(c, COUNTER_renegotiationRefused, server->renegotiations_refused);
	if (client)
		counter_add(c, COUNTER_renegotiationRefused, client->renegotiations_refused);
	if (s->legs[LEG_CLIENT].fd >= 0)
		record(s, reason, outcome);
}

void record_decision(struct session *s, enum reason reason, enum reason_outcome outcome)
{
	struct host *h = s->host;

	if (is_failure(outcome))
		recall_count_failure(h, s, reason);
	if (is_repeat(h, s, reason))
		return;
	if (s->offer)
		fingerprint_of(s->offer, &s->fingerprint);
	event_begin(&h->line, EVENT_SSL_INSPECTION, "ssl_inspection");
	line_flow(&h->line, s);
	line_policy(&h->line, s);
	line_outcome(&h->line, s, reason, outcome);
	line_domain(&h->line, s->out);
	line_would(&h->line, s->would, s->would_reason);
	line_tls(&h->line, s);
	send_line(h);
}

static void put_http(struct event_line *l, const struct session *s, enum tse_direction d)
{
	struct tse_http_info http;

	if (!s->flows[d] || !s->inspectors[d]->ops->http(s->flows[d], &http))
		return;
	event_object_begin(l, "http");
	event_text(l, "hostname", http.host);
	event_text(l, "url", http.uri);
	event_text(l, "http_method", http.method);
	event_text(l, "http_user_agent", http.user_agent);
	if (http.status)
		event_uint(l, "status", http.status);
	event_object_end(l);
}

void record_match(struct session *s, const struct tse_match *m)
{
	struct event_line *l = &s->host->line;

	event_begin(l, m->action.block ? EVENT_IPS_BLOCK : EVENT_IPS_ALERT, "alert");
	line_flow(l, s);
	line_policy(l, s);
	event_bool(l, "ssl_inspect", s->plain == REASON_NONE);
	event_text(l, "direction", m->direction == TSE_TO_SERVER ? "to_server" : "to_client");
	event_uint(l, "tx_id", m->transaction);
	if (m->action.block && s->answered)
		event_bool(l, "block_page", true);
	event_object_begin(l, "alert");
	event_text(l, "action", m->action.block ? "blocked" : "allowed");
	event_uint(l, "gid", m->gid);
	event_uint(l, "signature_id", m->sid);
	event_uint(l, "rev", m->rev);
	event_text(l, "signature", m->msg);
	event_text(l, "category", m->classtype);
	event_uint(l, "severity", m->priority);
	if (m->metadata && m->metadata[0])
		event_text(l, "metadata", m->metadata);
	event_object_end(l);
	put_http(l, s, m->direction);
	line_tls(l, s);
	send_line(s->host);
}

/* R152: once a day for each identity of a proxy, with both serials and dates. */
void record_mismatch(struct session *s, X509 *leaf)
{
	const uint64_t day = 24 * 3600 * CLOCK_NS_PER_S;
	uint64_t now = clock_now_ns();
	struct setup_identity *id;
	const struct tls_certificate *ours;
	BIO *bio = BIO_new(BIO_s_mem());
	char text[512];
	bool named;
	int n;

	id = setup_find_identity(s->setup, s->proxy, s->hello.sni, NULL, &named);
	if (!id || !bio || (id->mismatch_said_ns && now - id->mismatch_said_ns < day))
		goto out;
	id->mismatch_said_ns = now;
	ours = id->certs[1] ? id->certs[1] : id->certs[0];
	BIO_printf(bio, "configured %s serial %s, valid until ", ours->name, ours->serial);
	ASN1_TIME_print(bio, X509_get0_notAfter(ours->leaf));
	BIO_puts(bio, "; the server shows serial ");
	i2a_ASN1_INTEGER(bio, X509_get0_serialNumber(leaf));
	BIO_puts(bio, ", valid until ");
	ASN1_TIME_print(bio, X509_get0_notAfter(leaf));
	n = BIO_read(bio, text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = '\0';
	log_warning("server mismatch: proxy %s, name %s: %s; replace the certificate with "
	            "`tps cert replace`",
	            s->proxy->config->name, s->hello.sni[0] ? s->hello.sni : "(none)", text);
out:
	BIO_free(bio);
}

void record_sni_forged(struct session *s)
{
	struct event_line *l = &s->host->line;

	event_begin(l, EVENT_SSL_INSPECTION, "sni_forged");
	line_flow(l, s);
	line_policy(l, s);
	line_domain(l, s->out);
	line_tls(l, s);
	send_line(s->host);
}

static bool covers(const struct setup_identity *id, const char *host, size_t len)
{
	for (size_t i = 0; i < 2; i++)
		if (id->certs[i] &&
		    X509_check_host(id->certs[i]->leaf, host, len,
		                    X509_CHECK_FLAG_SINGLE_LABEL_SUBDOMAINS, NULL) == 1)
			return true;
	return false;
}

void record_host_mismatch(struct session *s)
{
	struct event_line *l = &s->host->line;
	struct tse_http_info http;
	size_t len;

	if (!s->identity || !s->named || !s->flows[TSE_TO_SERVER] ||
	    !s->inspectors[TSE_TO_SERVER]->ops->http(s->flows[TSE_TO_SERVER], &http))
		return;
	len = strcspn(http.host, ":");
	if (len == 0 || strspn(http.host, "0123456789.") == len ||
	    covers(s->identity, http.host, len))
		return;
	event_begin(l, EVENT_SSL_INSPECTION, "sni_host_mismatch");
	line_flow(l, s);
	line_policy(l, s);
	event_text_n(l, "host", http.host, len);
	line_tls(l, s);
	send_line(s->host);
}
