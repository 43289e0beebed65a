/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is written down of sessions: the ssl_inspection event (R98, R139), alerts and blocks of
 * filters, the mismatch of a server (R152), the last closed sessions for explain (R163). Blocked,
 * bypassed, failed and not decrypted outcomes are always recorded; the same policy, name and reason
 * once a minute, with how often.
 */
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/conf/suite.h"
#include "tpsd/session/session_priv.h"
#include "tpsd/tls/failure.h"

static uint64_t hash_text(uint64_t hash, const char *text)
{
	for (; *text; text++)
		hash = (hash ^ (uint8_t)*text) * 0x100000001b3ULL;
	return (hash ^ 0xff) * 0x100000001b3ULL;
}

static const char *segment_name(const struct session *s)
{
	const struct config *c = s->setup->config;

	return s->segment < c->segments_count ? c->segments[s->segment].name : "";
}

static void put_flow(struct event_line *l, const struct session *s)
{
	event_uint(l, "flow_id", s->flow);
	event_tuple(l, &s->client, s->client_port, &s->server, s->server_port);
	event_text(l, "segment", segment_name(s));
	if (s->virtual_segment)
		event_text(l, "virtual_segment", s->virtual_segment->name);
	if (s->vlan)
		event_uint(l, "vlan", s->vlan);
}

static void put_policy(struct event_line *l, const struct session *s)
{
	if (s->virtual_segment && s->virtual_segment->profile)
		event_text(l, "profile", s->virtual_segment->profile->name);
	if (s->policy) {
		event_text(l, "policy", s->policy->name);
		event_text(l, "proxy", s->proxy->config->name);
	}
}

static void put_outcome(struct event_line *l, const struct session *s, enum reason reason,
                        enum reason_outcome outcome)
{
	event_text(l, "outcome", reason_outcome_name(outcome));
	event_text(l, "reason", reason_name(reason));
	event_text(l, "reason_text", reason_text(reason));
	if (reason_class(reason) != FAILURE_NONE)
		event_text(l, "class", failure_class_name(reason_class(reason)));
	event_text(l, "step", step_name(s->step));
}

/* How a flow of client inspection was judged: the list entry or category, and what it was judged
 * by (R31, R168). */
static void put_domain(struct event_line *l, const struct outbound *out)
{
	static const char *const kinds[] = {NULL, "domain", "override", "category"};

	if (!out || !kinds[out->domain.kind])
		return;
	event_object_begin(l, "decision");
	event_text(l, kinds[out->domain.kind], out->domain.text);
	event_text(l, "by", out->by_certificate ? "certificate" : "sni");
	event_object_end(l);
}

/* What the client was shown in the server's place. */
static void put_forged(struct event_line *l, const struct outbound *out)
{
	const struct leaf *leaf = out->leaf;

	if (!leaf)
		return;
	event_text(l, "signed_by", leaf->name.trusted ? "signing_certificate" : "untrusted_ca");
	event_text(l, "serial", leaf->certificate.serial);
}

static void put_would(struct event_line *l, enum reason_outcome outcome, enum reason reason)
{
	if (outcome == OUTCOME_NONE)
		return;
	event_object_begin(l, "would");
	event_text(l, "outcome", reason_outcome_name(outcome));
	if (reason != REASON_NONE)
		event_text(l, "reason", reason_name(reason));
	event_object_end(l);
}

static void put_offer(struct event_line *l, const struct session *s)
{
	const struct hello_summary *h = &s->hello;

	event_object_begin(l, "offer");
	event_array_begin(l, "versions");
	for (unsigned i = 0; i <= CONFIG_TLS1_3; i++)
		if (h->versions & 1u << i)
			event_text(l, NULL, tls_protocol_name((enum config_tls_protocol)i));
	event_array_end(l);
	event_array_begin(l, "suites");
	for (unsigned i = 0; i < h->suites_count; i++) {
		const struct conf_suite *suite = conf_suite_by_id(h->suites[i]);
		char text[8];

		(void)snprintf(text, sizeof(text), "0x%04x", h->suites[i]);
		event_text(l, NULL, suite ? suite->name : text);
	}
	event_array_end(l);
	event_uint(l, "suites_offered", h->suites_offered);
	if (h->ech)
		event_bool(l, "ech", true);
	event_object_end(l);
}

static void put_leg(struct event_line *l, const char *key, const struct leg *leg, bool resumed,
                    uint64_t handshake_ns)
{
	const struct tls_leg *tl = leg->tls;

	if (!tl)
		return;
	event_object_begin(l, key);
	if (tl->established) {
		event_text(l, "version", SSL_get_version(tl->ssl));
		event_text(l, "suite", SSL_CIPHER_standard_name(SSL_get_current_cipher(tl->ssl)));
		event_bool(l, "resumed", resumed);
		event_uint(l, "handshake_us", handshake_ns / 1000);
	}
	if (tl->alert_received != TLS_NO_ALERT)
		event_text(l, "alert_in", tls_alert_name(tl->alert_received));
	if (tl->alert_sent != TLS_NO_ALERT)
		event_text(l, "alert_out", tls_alert_name(tl->alert_sent));
}

static void put_alpn(struct event_line *l, const struct session *s)
{
	if (s->server_alpn_len && s->legs[LEG_SERVER].tls)
		event_text_n(l, "alpn", (const char *)s->server_alpn, s->server_alpn_len);
}

/* In EVE's names. */
static void put_fingerprint(struct event_line *l, const struct fingerprint *f)
{
	if (f->ja3[0]) {
		event_object_begin(l, "ja3");
		event_text(l, "hash", f->ja3);
		event_object_end(l);
	}
	if (f->ja4[0])
		event_text(l, "ja4", f->ja4);
}

static void put_tls(struct event_line *l, const struct session *s)
{
	const struct setup_identity *id = s->identity;

	event_object_begin(l, "tls");
	if (s->hello.sni[0])
		event_text(l, "sni", s->hello.sni);
	put_fingerprint(l, &s->fingerprint);
	put_alpn(l, s);
	if (s->legs[LEG_CLIENT].tls) {
		put_leg(l, "client", &s->legs[LEG_CLIENT], s->resumed_client,
		        s->client_ns - s->client_begun_ns);
		for (int i = 0; id && i < 2; i++)
			if (id->certs[i]) {
				event_text(l, "certificate", id->certs[i]->name);
				event_text(l, i ? "serial_ecdsa" : "serial_rsa",
				           id->certs[i]->serial);
				break;
			}
		if (s->out)
			put_forged(l, s->out);
		event_object_end(l);
	}
	if (s->legs[LEG_SERVER].tls) {
		put_leg(l, "server", &s->legs[LEG_SERVER], s->resumed_server,
		        s->server_ns - s->taken_ns);
		if (s->out && s->out->verified)
			event_text(l, "chain", pki_fault_name(s->out->fault));
		else if (s->verified_known)
			event_bool(l, "key_matches", s->verified.key_matches);
		event_object_end(l);
	}
	if (s->hello_seen)
		put_offer(l, s);
	event_object_end(l);
}

static void put_session(struct event_line *l, const struct session *s, enum reason reason,
                        enum reason_outcome outcome)
{
	put_flow(l, s);
	put_policy(l, s);
	put_outcome(l, s, reason, outcome);
	put_domain(l, s->out);
	event_uint(l, "duration_ms", (clock_now_ns() - s->begun_ns) / CLOCK_NS_PER_MS);
	put_tls(l, s);
	if (s->established) {
		event_uint(l, "bytes_to_server", s->directions[TSE_TO_SERVER].bytes);
		event_uint(l, "bytes_to_client", s->directions[TSE_TO_CLIENT].bytes);
		event_uint(l, "bytes_inspected", inspection_bytes(s));
		if (s->http2 || s->plain != REASON_NONE)
			event_text(l, "inspection", s->http2 ? "bytes_only" : "plain");
		if (s->matches)
			event_uint(l, "matches", s->matches);
		if (s->answered)
			event_bool(l, "block_page", true);
	}
}

static void send_line(struct host *h)
{
	if (h->ring)
		(void)event_end(&h->line, h->ring);
}

static void keep_for_explain(struct host *h, const struct session *s)
{
	struct closed *c = &h->closed[h->closed_at++ % HOST_CLOSED_KEPT];
	const char *text = event_finish(&h->line);
	size_t len = strlen(text);

	/* A longer record is not kept: half of a JSON object helps nobody. */
	c->flow = len < sizeof(c->text) ? s->flow : 0;
	c->len = c->flow ? (uint32_t)len : 0;
	if (c->flow)
		memcpy(c->text, text, len + 1);
}

static void count_failure(struct host *h, const struct session *s, enum reason reason)
{
	uint64_t hash = hash_text(h->seed ^ reason, s->hello.sni);
	struct failure_row *row, *oldest = &h->failures[0];

	for (size_t i = 0; i < sizeof(s->server.bytes); i++)
		hash = (hash ^ s->server.bytes[i]) * 0x100000001b3ULL;
	hash |= 1;
	for (row = h->failures; row < h->failures + HOST_FAILURES; row++) {
		if (row->hash == hash)
			break;
		if (row->last_us < oldest->last_us)
			oldest = row;
	}
	if (row == h->failures + HOST_FAILURES) {
		row = oldest;
		*row = (struct failure_row){.hash = hash,
		                            .reason = reason,
		                            .server = s->server,
		                            .server_port = s->server_port};
		memcpy(row->sni, s->hello.sni, sizeof(row->sni));
	}
	row->count++;
	row->last_us = clock_wall_us();
	row->last_flow = s->flow;
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
	put_would(l, r->would, r->would_reason);
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
	uint64_t hash = hash_text(hash_text(h->seed ^ what, s->hello.sni), policy) | 1;
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
		count_failure(h, s, reason);
	/* R140: sessions that a filter blocked are in the filter's log. */
	if (!logging && outcome != OUTCOME_INSPECTED && reason != REASON_RULE)
		wanted = !is_repeat(h, s, reason);
	/* The client has its reference from the page: it must be found somewhere. */
	wanted |= s->answered && !s->block_told;
	event_begin(&h->line, EVENT_SSL_INSPECTION, "ssl_inspection");
	put_session(&h->line, s, reason, outcome);
	keep_for_explain(h, s);
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
		count_failure(h, s, reason);
	if (is_repeat(h, s, reason))
		return;
	if (s->offer)
		fingerprint_of(s->offer, &s->fingerprint);
	event_begin(&h->line, EVENT_SSL_INSPECTION, "ssl_inspection");
	put_flow(&h->line, s);
	put_policy(&h->line, s);
	put_outcome(&h->line, s, reason, outcome);
	put_domain(&h->line, s->out);
	put_would(&h->line, s->would, s->would_reason);
	put_tls(&h->line, s);
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
	put_flow(l, s);
	put_policy(l, s);
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
	put_tls(l, s);
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
	put_flow(l, s);
	put_policy(l, s);
	put_domain(l, s->out);
	put_tls(l, s);
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
	put_flow(l, s);
	put_policy(l, s);
	event_text_n(l, "host", http.host, len);
	put_tls(l, s);
	send_line(s->host);
}

/* ---- JSON for the CLI ---- */

static int add_sep(struct buf *out, bool *first)
{
	int rc = *first ? 0 : buf_add(out, ",", 1);

	*first = false;
	return rc;
}

/* Names come through event fields, which escape them. */
static void put_live(struct event_line *l, const struct session *s)
{
	event_begin(l, EVENT_SSL_INSPECTION, "session");
	put_flow(l, s);
	put_policy(l, s);
	event_text(l, "step", step_name(s->step));
	event_uint(l, "age_ms", (clock_now_ns() - s->begun_ns) / CLOCK_NS_PER_MS);
	put_tls(l, s);
	event_uint(l, "bytes_to_server", s->directions[TSE_TO_SERVER].bytes);
	event_uint(l, "bytes_to_client", s->directions[TSE_TO_CLIENT].bytes);
}

/* Leaves off what would not fit into one answer. */
int host_list_json(const struct host *h, size_t max, struct buf *out)
{
	struct event_line *l = (struct event_line *)&h->line; /* scratch */
	const struct session *s = h->newest;
	bool first = true;
	int rc = buf_add(out, "[", 1);

	for (; rc == 0 && s && max > 0; s = s->older, max--) {
		const char *text;

		put_live(l, s);
		text = event_finish(l);
		if (strlen(text) + 2 > out->max - out->len)
			break;
		rc = add_sep(out, &first);
		if (rc == 0)
			rc = buf_add(out, text, strlen(text));
	}
	return rc == 0 ? buf_add(out, "]", 1) : rc;
}

int host_explain_json(const struct host *h, uint64_t flow, struct buf *out)
{
	for (size_t i = 0; i < HOST_CLOSED_KEPT; i++)
		if (h->closed[i].flow == flow && h->closed[i].len > 0)
			return buf_add(out, h->closed[i].text, h->closed[i].len);
	return SL_ENOENT;
}

int host_failures_json(const struct host *h, struct buf *out)
{
	struct event_line *l = (struct event_line *)&h->line;
	bool first = true;
	int rc = buf_add(out, "[", 1);

	for (size_t i = 0; rc == 0 && i < HOST_FAILURES; i++) {
		const struct failure_row *f = &h->failures[i];
		const char *text;

		if (f->hash == 0)
			continue;
		event_begin(l, EVENT_SSL_INSPECTION, "failure");
		event_text(l, "sni", f->sni);
		event_addr(l, "server", &f->server);
		event_uint(l, "port", f->server_port);
		event_text(l, "reason", reason_name(f->reason));
		event_text(l, "reason_text", reason_text(f->reason));
		event_uint(l, "count", f->count);
		event_uint(l, "last_us", f->last_us);
		event_uint(l, "sample_flow", f->last_flow);
		text = event_finish(l);
		rc = add_sep(out, &first);
		if (rc == 0)
			rc = buf_add(out, text, strlen(text));
	}
	return rc == 0 ? buf_add(out, "]", 1) : rc;
}
