/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A session as fields of an event: its flow, its policy, how it ended, both of its legs. Names that
 * came from outside go through event fields, which escape them.
 */

#include "lib/base/clock.h"
#include "lib/conf/suite.h"
#include "tpsd/session/session_priv.h"
#include "tpsd/tls/failure.h"

static const char *segment_name(const struct session *s)
{
	const struct config *c = s->setup->config;

	return s->segment < c->segments_count ? c->segments[s->segment].name : "";
}

void line_flow(struct event_line *l, const struct session *s)
{
	event_uint(l, "flow_id", s->flow);
	event_tuple(l, &s->client, s->client_port, &s->server, s->server_port);
	event_text(l, "segment", segment_name(s));
	if (s->virtual_segment)
		event_text(l, "virtual_segment", s->virtual_segment->name);
	if (s->vlan)
		event_uint(l, "vlan", s->vlan);
}

void line_policy(struct event_line *l, const struct session *s)
{
	if (s->virtual_segment && s->virtual_segment->profile)
		event_text(l, "profile", s->virtual_segment->profile->name);
	if (s->policy) {
		event_text(l, "policy", s->policy->name);
		event_text(l, "proxy", s->proxy->config->name);
	}
}

void line_outcome(struct event_line *l, const struct session *s, enum reason reason,
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
void line_domain(struct event_line *l, const struct outbound *out)
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

void line_would(struct event_line *l, enum reason_outcome outcome, enum reason reason)
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

void line_tls(struct event_line *l, const struct session *s)
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

void line_session(struct event_line *l, const struct session *s, enum reason reason,
                  enum reason_outcome outcome)
{
	line_flow(l, s);
	line_policy(l, s);
	line_outcome(l, s, reason, outcome);
	line_domain(l, s->out);
	event_uint(l, "duration_ms", (clock_now_ns() - s->begun_ns) / CLOCK_NS_PER_MS);
	line_tls(l, s);
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

void line_live(struct event_line *l, const struct session *s)
{
	event_begin(l, EVENT_SSL_INSPECTION, "session");
	line_flow(l, s);
	line_policy(l, s);
	event_text(l, "step", step_name(s->step));
	event_uint(l, "age_ms", (clock_now_ns() - s->begun_ns) / CLOCK_NS_PER_MS);
	line_tls(l, s);
	event_uint(l, "bytes_to_server", s->directions[TSE_TO_SERVER].bytes);
	event_uint(l, "bytes_to_client", s->directions[TSE_TO_CLIENT].bytes);
}
