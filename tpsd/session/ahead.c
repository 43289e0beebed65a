/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What would be done with a flow, said before it is there (R163). A flow is made up that a virtual
 * segment is for, with an offer that its proxy takes, and judged as any other; what was found on
 * the way is told step by step. Worker's thread.
 */
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/conf/schema.h"
#include "tpsd/session/session_priv.h"

enum { HTTPS = 443, FOUND_MAX = 512, LEARNED_SHOWN = 8 };

struct ahead {
	struct host *host;
	char name[SESSION_SNI_MAX]; /* as the SNI has it; "": an address was asked for */
	uint16_t port;
	const struct addr *client, *server; /* NULL: any */
	struct addr literal;                /* the server, when the name is an address */
	struct ipc_hello flow;
	struct clienthello hello;
	uint8_t suites[2 * CONF_SUITES_MAX];
	struct judgement j;
	size_t learned;
	json_t *steps;
};

static void add_step(struct ahead *a, const char *step, const char *fmt, ...) SL_PRINTF(3, 4);
static void add_step(struct ahead *a, const char *step, const char *fmt, ...)
{
	char found[FOUND_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(found, sizeof(found), fmt, ap);
	va_end(ap);
	(void)json_array_append_new(a->steps,
	                            json_pack("{s:s, s:s}", "step", step, "found", found));
}

/* ---- the question ------------------------------------------------------------------------ */

static bool is_host_name(const char *name)
{
	for (; *name; name++)
		if (*name <= ' ' || *name >= 0x7f)
			return false;
	return true;
}

/* "name", "name:8443", "https://name:8443/path". */
static int read_name(struct ahead *a, const struct host_question *q)
{
	const char *scheme = strstr(q->name, "://"), *name = scheme ? scheme + 3 : q->name;
	size_t len = strcspn(name, ":/?#");
	unsigned long port = name[len] == ':' ? strtoul(name + len + 1, NULL, 10) : HTTPS;

	if (len == 0 || len >= sizeof(a->name) || port == 0 || port > UINT16_MAX)
		return SL_EINVAL;
	memcpy(a->name, name, len);
	a->name[len] = '\0';
	a->port = q->port ? q->port : (uint16_t)port;
	a->client = q->client;
	a->server = q->server;
	if (addr_parse(a->name, &a->literal) == 0) { /* no SNI has an address (RFC 6066) */
		a->server = q->server ? q->server : &a->literal;
		a->name[0] = '\0';
	}
	return is_host_name(a->name) ? 0 : SL_EINVAL;
}

static struct addr any_of(const struct addr *asked, const struct config_prefixes *list)
{
	return asked ? *asked : list->count ? list->items[0].addr : addr_from_v4(0);
}

static bool is_side(const struct config_virtual_segment *v, unsigned side)
{
	return v->direction == CONFIG_DIRECTION_BOTH ||
	       (v->direction == CONFIG_DIRECTION_B_TO_A) == (side == 1);
}

/* Whether a policy applies to a flow that this virtual segment is for. */
static bool try_segment(struct ahead *a, const struct config_virtual_segment *v, unsigned side)
{
	const struct config *c = a->host->setup->config;
	struct policy_match match;

	a->flow = (struct ipc_hello){.client = any_of(a->client, &v->sources),
	                             .server = any_of(a->server, &v->destinations),
	                             .server_port = a->port,
	                             .segment = (uint16_t)v->segment->index,
	                             .client_side = (uint8_t)side,
	                             .vlan = v->vlans.count ? v->vlans.items[0].first : 0};
	policy_match(c, &a->flow, &match);
	return match.request.policy != NULL;
}

/* The first virtual segment with a policy for it; else the flow has none. */
static void make_flow(struct ahead *a)
{
	const struct config *c = a->host->setup->config;

	for (size_t i = 0; i < c->virtual_segments_count; i++)
		for (unsigned side = 0; side < 2; side++)
			if (is_side(&c->virtual_segments[i], side) &&
			    try_segment(a, &c->virtual_segments[i], side))
				return;
}

/* An offer that the proxy takes, since the client's is not known. */
static void make_hello(struct ahead *a)
{
	const struct setup_proxy *proxy;
	struct policy_match match;

	policy_match(a->host->setup->config, &a->flow, &match);
	proxy = setup_find_proxy(a->host->setup, match.request.proxy);
	if (!proxy)
		return;
	for (size_t i = 0; i < proxy->client_side.ids_count; i++) {
		a->suites[2 * i] = (uint8_t)(proxy->client_side.ids[i] >> 8);
		a->suites[2 * i + 1] = (uint8_t)proxy->client_side.ids[i];
	}
	a->hello = (struct clienthello){
	        .versions = proxy->client_side.protocols,
	        .suites = {a->suites, 2 * proxy->client_side.ids_count},
	        .sni = {(const uint8_t *)a->name, strlen(a->name)},
	        .no_compression = true,
	};
	a->j.hello = &a->hello;
}

/* ---- the answer -------------------------------------------------------------------------- */

static void tell_flow(struct ahead *a)
{
	const struct config *c = a->host->setup->config;
	char client[ADDR_TEXT_MAX], server[ADDR_TEXT_MAX];
	const struct config_segment *segment =
	        a->flow.segment < c->segments_count ? &c->segments[a->flow.segment] : NULL;

	add_step(a, "flow", "%s%s to %s%s, port %u, on segment %s, from port %c",
	         addr_format(&a->flow.client, client), a->client ? "" : " (any client)",
	         addr_format(&a->flow.server, server), a->server ? "" : " (any server)", a->port,
	         segment ? segment->name : "(none)", a->flow.client_side ? 'b' : 'a');
}

static void tell_policy(struct ahead *a)
{
	const struct config_match *m = &a->j.match.request;

	if (!m->segment) {
		add_step(a, "virtual segment", "none matches");
		return;
	}
	add_step(a, "virtual segment", "%s, profile %s", m->segment->name,
	         m->segment->profile ? m->segment->profile->name : "(none)");
	if (!m->policy) {
		add_step(a, "policy", "none of the profile's is for this server and port");
		return;
	}
	add_step(a, "policy", "%s policy %s, proxy %s, state %s", m->client ? "client" : "server",
	         m->policy->name, m->proxy->name, conf_choice_text("state", m->policy->state));
}

static void tell_source(struct ahead *a)
{
	static const char *const texts[] = {
	        [POLICY_SOURCE_ANY] = "in no list of sources",
	        [POLICY_SOURCE_EXCEPTED] = "its source is never decrypted",
	        [POLICY_SOURCE_ALWAYS] =
	                "its source is always decrypted: domains and categories do not count",
	};

	add_step(a, "source", "%s%s", texts[a->j.match.source],
	         a->client ? "" : "; another client may be, ask with --client");
}

static void tell_name(struct ahead *a)
{
	static const char *const kinds[] = {
	        [DOMAIN_EXCEPTED] = "domain, not decrypted",
	        [DOMAIN_OVERRIDE] = "category override, decrypted",
	        [DOMAIN_CATEGORY] = "category, not decrypted",
	};
	const struct outbound *out = &a->j.outbound;
	const struct config_decryption_policy *d = out->policy->decryption_policy;

	if (!d) {
		add_step(a, "name", "no decryption policy: every name is decrypted");
		return;
	}
	if (out->domain.kind == DOMAIN_DECRYPT)
		add_step(a, "name", "%s has nothing against it",
		         a->name[0] ? d->name : "no SNI: decryption policy");
	else
		add_step(a, "name", "%s has it as %s: %s", d->name, kinds[out->domain.kind],
		         out->domain.text);
	add_step(a, "decide by", "%s: %s", conf_choice_text("decide_by", d->decide_by),
	         d->decide_by == CONFIG_DECIDE_SNI && a->name[0]
	                 ? "the SNI is believed"
	                 : "the server's certificate has the last word");
}

static void tell_signing(struct ahead *a)
{
	const struct config_client_proxy *c = a->j.proxy->client;
	const struct setup_issuer *issuer = setup_find_issuer(a->j.proxy, clock_wall_s());

	if (issuer)
		add_step(a, "signing certificate", "%s can sign", issuer->certificate->name);
	else
		add_step(a, "signing certificate", "%s cannot be used now: %s",
		         c->signing_certificate->name,
		         conf_choice_text("action", c->on_signing_certificate));
}

static void tell_one_learned(void *arg, const struct learned_entry *e)
{
	struct ahead *a = arg;
	bool all = e->client.family == ADDR_NONE;
	char client[ADDR_TEXT_MAX], server[ADDR_TEXT_MAX];

	if (strcasecmp(e->sni, a->name) != 0 || e->port != a->port ||
	    (a->server && !addr_equal(&e->server, a->server)) ||
	    (a->client && !all && !addr_equal(&e->client, a->client)))
		return;
	if (a->learned++ >= LEARNED_SHOWN)
		return;
	add_step(a, "learned", "%s, port %u is left alone for %s: %s",
	         addr_format(&e->server, server), e->port,
	         all ? "all clients" : addr_format(&e->client, client),
	         reason_text((unsigned)e->reason < REASON_END ? e->reason : REASON_NONE));
}

static void tell_learned(struct ahead *a)
{
	learned_each(a->host->learned, loop_now_ns(a->host->loop), tell_one_learned, a);
	if (a->learned == 0)
		add_step(a, "learned", "nothing");
	else if (a->learned > LEARNED_SHOWN)
		add_step(a, "learned", "and %zu more", a->learned - LEARNED_SHOWN);
}

static void tell_steps(struct ahead *a)
{
	const struct judgement *j = &a->j;

	tell_flow(a);
	tell_policy(a);
	if (!j->match.request.policy)
		return;
	tell_source(a);
	if (!j->proxy)
		return;
	if (j->out) {
		tell_name(a);
		tell_signing(a);
	}
	tell_learned(a);
	if (j->decision.reason != j->would.reason)
		add_step(a, "above policy", "%s", reason_text(j->decision.reason));
}

static json_t *answer_of(struct ahead *a)
{
	enum reason reason;
	enum reason_outcome outcome = judgement_outcome(&a->j, &a->j.decision, &reason);
	json_t *answer;

	if (outcome == OUTCOME_NOT_INSPECTED)
		add_step(a, "server",
		         "once it has shown a trusted certificate for the name it is left alone; "
		         "without one the session is inspected");
	answer = json_pack("{s:s}", "outcome", reason_outcome_name(outcome));
	if (reason != REASON_NONE) {
		(void)json_object_set_new(answer, "reason", json_string(reason_name(reason)));
		(void)json_object_set_new(answer, "reason_text", json_string(reason_text(reason)));
	}
	(void)json_object_set_new(answer, "steps", a->steps);
	return answer;
}

int host_decisions_json(struct host *h, const struct host_question *q, struct buf *out)
{
	struct ahead a = {.host = h};
	char *text = NULL;
	json_t *answer;
	int rc = h->setup ? read_name(&a, q) : SL_ENOENT;

	if (rc != 0)
		return rc;
	a.steps = json_array();
	make_flow(&a);
	make_hello(&a);
	a.j.flow = &a.flow;
	flow_judge(h, &a.j);
	tell_steps(&a);
	answer = answer_of(&a);
	text = answer ? json_dumps(answer, JSON_COMPACT) : NULL;
	rc = text ? buf_add(out, text, strlen(text)) : SL_ENOMEM;
	free(text);
	json_decref(answer);
	return rc;
}
