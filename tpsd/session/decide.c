/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DECIDE: what `wire` holds comes here, policy and the ClientHello say forward, take or drop.
 * Nothing is kept of a flow that is not taken, so an answer of `more` costs nothing.
 */
#include <string.h>
#include <strings.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "tpsd/session/session_priv.h"

int hello_read(struct host *h, const uint8_t *data, size_t len, struct clienthello *ret)
{
	size_t most = h->setup ? h->setup->config->limits.hello_size : CLIENTHELLO_MAX;

	return clienthello_parse_within(data, len, most, h->hello_scratch, ret);
}

void hello_summarise(const struct clienthello *h, struct hello_summary *ret)
{
	struct clienthello_view name;
	size_t at = 0;

	*ret = (struct hello_summary){.versions = h->versions,
	                              .legacy_version = h->legacy_version,
	                              .psk = h->psk,
	                              .ticket = h->ticket,
	                              .ech = h->ech};
	memcpy(ret->sni, h->sni.len ? h->sni.data : (const uint8_t *)"", h->sni.len);
	while (clienthello_alpn_next(&h->alpn, &at, &name)) {
		if (ret->alpn_len + 1 + name.len > sizeof(ret->alpn))
			break;
		ret->alpn[ret->alpn_len] = (uint8_t)name.len;
		memcpy(ret->alpn + ret->alpn_len + 1, name.data, name.len);
		ret->alpn_len += 1 + name.len;
	}
	for (size_t i = 0; i + 1 < h->suites.len; i += 2) {
		uint16_t id = (uint16_t)(h->suites.data[i] << 8 | h->suites.data[i + 1]);

		ret->suites_offered++;
		if (ret->suites_count < SESSION_SUITES_KEPT && !clienthello_is_grease(id))
			ret->suites[ret->suites_count++] = id;
	}
}

/* No library here compresses (R122). RFC 8446 section 4.1.2 has null alone with TLS 1.3. */
static bool insists_on_compression(const struct tls_selection *sel, const struct clienthello *h)
{
	bool tls13 = h->versions & sel->protocols & CONFIG_BIT(CONFIG_TLS1_3);

	return !h->no_compression || (h->compression && tls13);
}

enum reason hello_judge(const struct setup_proxy *proxy, const struct clienthello *h)
{
	const struct tls_selection *sel = &proxy->client_side;

	/* Both enumerations count from SSL 3.0. */
	if (!(h->versions & sel->protocols))
		return REASON_CLIENT_VERSION;
	if (insists_on_compression(sel, h))
		return REASON_COMPRESSION;
	/* GREASE looks the same, and every Chromium sends it: blocking is to be asked for. */
	if (h->ech && class_action(proxy->config, REASON_ECH) != CONFIG_ALLOW)
		return REASON_ECH;
	for (size_t i = 0; i < sel->ids_count; i++)
		if (clienthello_list_has(&h->suites, sel->ids[i]))
			return REASON_NONE;
	return REASON_CLIENT_SUITE;
}

enum config_action class_action(const struct config_proxy *proxy, enum reason reason)
{
	enum failure_class class = reason_class(reason);

	return class == FAILURE_NONE ? CONFIG_BLOCK : proxy->on_failure[class];
}

/* ALLOW is for what is no TLS here: taken, and relayed as it is (R154). */
static struct decision by_class(const struct setup_proxy *proxy, enum reason reason)
{
	enum config_action action = class_action(proxy->config, reason);
	struct decision d = {.reason = reason, .alert = TLS_NO_ALERT};

	d.plain = action == CONFIG_ALLOW;
	d.action = action == CONFIG_BLOCK ? IPC_DROP : d.plain ? IPC_TAKE : IPC_FORWARD;
	d.reset = action == CONFIG_BLOCK ? IPC_RESET_BOTH : IPC_RESET_NONE;
	return d;
}

/* A count over its limit until it has fallen below it by the hysteresis (R160). */
static bool over(bool *state, size_t count, uint64_t limit, uint32_t hysteresis)
{
	if (limit == 0)
		return false;
	*state = *state ? count * 100 > limit * (100 - hysteresis) : count >= limit;
	return *state;
}

/* R145, word for word; said when the threshold is reached, not for each flow. */
static void say_critical(const struct setup_proxy *proxy)
{
	log_critical("SSL Inspection reached Critical threshold of Max Concurrent Connections. "
	             "Action: %s",
	             class_action(proxy->config, REASON_OVERLOAD) == CONFIG_BLOCK
	                     ? "Block"
	                     : "Allow but bypass Inspection");
}

static bool is_overloaded(struct host *h, const struct ipc_hello *flow,
                          const struct setup_proxy *proxy)
{
	const struct config_limits *l = &h->setup->config->limits;
	uint64_t share = l->sessions ? SL_MAX(l->sessions / h->workers, 1u) : 0;
	uint64_t handshakes = l->handshakes ? SL_MAX(l->handshakes / h->workers, 1u) : 0;
	bool before = h->over_sessions;
	bool sessions = over(&h->over_sessions, h->sessions, share, l->hysteresis_percent);

	if (sessions && !before)
		say_critical(proxy);
	if (l->sessions_per_source &&
	    host_source(h, &flow->client)->sessions >= l->sessions_per_source)
		return true;
	if (l->sessions_per_destination &&
	    host_destination(h, &flow->server, flow->server_port)->sessions >=
	            l->sessions_per_destination)
		return true;
	return over(&h->over_handshakes, h->handshakes, handshakes, l->hysteresis_percent) ||
	       sessions;
}

/* What stands in the way before any ClientHello is whole. */
static bool decide_without_hello(const struct ipc_hello *hello, int parse,
                                 struct setup_proxy *proxy, struct decision *ret)
{
	bool ended = hello->flags & IPC_HELLO_FIN;

	if (hello->flags & IPC_HELLO_SERVER_FIRST)
		*ret = by_class(proxy, REASON_SERVER_FIRST);
	else if (hello->flags & IPC_HELLO_SILENT)
		*ret = by_class(proxy, REASON_NO_HANDSHAKE);
	else if (parse == SL_EMISMATCH)
		*ret = by_class(proxy, REASON_CLEARTEXT);
	else if (parse == SL_EAGAIN && ended && hello->bytes.len == 0)
		/* Closed without a byte: a health check (R21), neither an error nor logged. */
		*ret = (struct decision){.action = IPC_FORWARD, .alert = TLS_NO_ALERT};
	else if (parse == SL_EAGAIN && ended)
		*ret = by_class(proxy, REASON_INCOMPLETE_HELLO);
	else if (parse == SL_EAGAIN)
		*ret = (struct decision){.action = (hello->flags & IPC_HELLO_TIMED_OUT) ? IPC_TAKE
		                                                                        : IPC_MORE,
		                         .alert = TLS_NO_ALERT};
	else if (parse != 0)
		*ret = by_class(proxy, REASON_HELLO_MALFORMED);
	else
		return false;
	return true;
}

uint8_t hello_alert(enum reason reason)
{
	if (reason == REASON_COMPRESSION)
		return SSL_AD_ILLEGAL_PARAMETER;
	return reason == REASON_CLIENT_VERSION ? SSL_AD_PROTOCOL_VERSION : SSL_AD_HANDSHAKE_FAILURE;
}

static struct decision decide_by_hello(struct setup_proxy *proxy, const struct clienthello *hello)
{
	enum reason reason = hello_judge(proxy, hello);
	struct decision d = {.action = IPC_TAKE, .alert = TLS_NO_ALERT};

	if (reason == REASON_NONE)
		return d;
	d = by_class(proxy, reason);
	/* The client is told why, which takes the connection (RFC 8446 section 4.1.1). */
	if (d.action == IPC_DROP) {
		d.action = IPC_TAKE;
		d.alert = hello_alert(reason);
	}
	return d;
}

static struct decision leave_alone(enum reason reason)
{
	return (struct decision){.action = IPC_FORWARD, .reason = reason, .alert = TLS_NO_ALERT};
}

/* R114: what would have happened is in the record; the flow is left alone. */
static bool is_observed(const struct policy_match *match)
{
	return match->request.policy->state == CONFIG_STATE_OBSERVE;
}

/* "*.a.test" stands for every name below a.test, of any depth (R166). */
static bool domain_matches(const char *domain, const struct clienthello *hello)
{
	size_t len = strlen(domain);

	if (!hello || hello->sni.len == 0)
		return false;
	if (domain[0] == '*' && domain[1] == '.')
		return hello->sni.len > len - 1 &&
		       strncasecmp((const char *)hello->sni.data + hello->sni.len - (len - 1),
		                   domain + 1, len - 1) == 0;
	return hello->sni.len == len &&
	       strncasecmp((const char *)hello->sni.data, domain, len) == 0;
}

static bool is_excepted(const struct host *h, const struct ipc_hello *flow,
                        const struct clienthello *hello)
{
	for (size_t i = 0; i < h->exceptions_count; i++) {
		const struct host_exception *e = &h->exceptions[i];

		if ((e->kind == HOST_EXCEPT_CLIENT && addr_equal(&e->addr, &flow->client)) ||
		    (e->kind == HOST_EXCEPT_SERVER && addr_equal(&e->addr, &flow->server)) ||
		    (e->kind == HOST_EXCEPT_DOMAIN && domain_matches(e->domain, hello)))
			return true;
	}
	return false;
}

/* For all; for this client only where its own doing counts (R156). */
enum reason what_is_learned(struct host *h, const struct learned_key *of,
                            const struct outbound *out)
{
	struct learned_key key = {.server = of->server, .port = of->port, .sni = of->sni};
	uint64_t now = loop_now_ns(h->loop);
	enum reason learned = learned_find(h->learned, &key, now);

	if (out && out->source == POLICY_SOURCE_ALWAYS)
		return reason_outcome(learned) == OUTCOME_NOT_DECRYPTED ? REASON_NONE : learned;
	if (learned == REASON_NONE && out)
		learned = learned_find(h->learned, of, now);
	return learned;
}

/* By policy, and what the ClientHello says. */
static struct decision by_policy(struct host *h, const struct judgement *j)
{
	struct decision d;

	if (!decide_without_hello(j->flow, j->parse, j->proxy, &d) &&
	    (!j->out || !outbound_decide(h, j->proxy, j->out, &d)))
		d = decide_by_hello(j->proxy, j->hello);
	/* With nobody to read it, it may as well not be taken. */
	if (d.plain && !inspection_is_there(h->setup, j->match.request.segment, j->match.response))
		d = leave_alone(d.reason);
	return d;
}

/* What stands above policy: panic, the licence, observing, what was learned, overload. */
static struct decision overruled(struct host *h, const struct judgement *j)
{
	struct decision d = j->would;

	if (h->paused || is_excepted(h, j->flow, j->hello))
		return leave_alone(REASON_PANIC);
	if (h->unlicensed.inspection)
		return leave_alone(REASON_LICENCE);
	if (is_observed(&j->match))
		return leave_alone(REASON_OBSERVED);
	if (d.action == IPC_TAKE && !d.plain && j->learned != REASON_NONE)
		return leave_alone(j->learned);
	if (d.action == IPC_TAKE && d.alert == TLS_NO_ALERT && is_overloaded(h, j->flow, j->proxy))
		return by_class(j->proxy, REASON_OVERLOAD);
	return d;
}

static void read_hello(struct host *h, struct judgement *j)
{
	const struct ipc_bytes *bytes = &j->flow->bytes;

	j->parse = hello_read(h, bytes->data, bytes->len, &j->parsed);
	if (j->parse == 0)
		j->hello = &j->parsed;
}

void flow_judge(struct host *h, struct judgement *j)
{
	char sni[SESSION_SNI_MAX] = "";
	struct learned_key key;

	policy_match(h->setup ? h->setup->config : NULL, j->flow, &j->match);
	if (!j->match.request.policy || j->match.source == POLICY_SOURCE_EXCEPTED) {
		j->would = leave_alone(j->match.request.policy ? REASON_SOURCE_EXCEPTION
		                                               : REASON_NO_POLICY);
		j->decision = j->would;
		return;
	}
	j->proxy = setup_find_proxy(h->setup, j->match.request.proxy);
	if (!j->hello)
		read_hello(h, j);
	if (j->hello && j->hello->sni.len > 0)
		memcpy(sni, j->hello->sni.data, j->hello->sni.len);
	if (j->match.request.client) {
		j->out = &j->outbound;
		outbound_init(h, j->out, h->setup, &j->match, j->hello);
	}
	j->would = by_policy(h, j);
	j->decision = j->would;
	if (j->would.action == IPC_MORE)
		return;
	key = (struct learned_key){.client = &j->flow->client,
	                           .server = &j->flow->server,
	                           .port = j->flow->server_port,
	                           .sni = sni};
	j->learned = what_is_learned(h, &key, j->out);
	j->decision = overruled(h, j);
}
