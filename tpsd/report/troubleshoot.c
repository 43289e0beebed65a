/* SPDX-License-Identifier: Apache-2.0 */
/* The checks. Each looks at one thing only, so that one fault fails one check. */
#include "tpsd/report/troubleshoot.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "lib/conf/config.h"
#include "lib/event/counter.h"
#include "lib/pki/cert.h"
#include "tpsd/report/control.h"
#include "tpsd/report/licensing.h"
#include "tpsd/report/panic.h"
#include "tpsd/report/show_config.h"

static void say(struct verdict *v, const char *fmt, ...) SL_PRINTF(2, 3);
static void fail(struct verdict *v, const char *remedy, const char *fmt, ...) SL_PRINTF(3, 4);

static void say(struct verdict *v, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(v->evidence, sizeof(v->evidence), fmt, ap);
	va_end(ap);
}

static void fail(struct verdict *v, const char *remedy, const char *fmt, ...)
{
	va_list ap;

	v->fail = true;
	v->remedy = remedy;
	va_start(ap, fmt);
	(void)vsnprintf(v->evidence, sizeof(v->evidence), fmt, ap);
	va_end(ap);
}

static unsigned long long count(const struct trouble *t, enum counter c)
{
	return counter_sum(t->control->proc->counter_file, c);
}

static unsigned long long ended(const struct trouble *t, enum reason r)
{
	return counter_sum_reason(t->control->proc->counter_file, r);
}

/* ---- what the question is about ---------------------------------------------------------- */

static bool covers(const struct trouble *t, const struct config_server_proxy *p)
{
	if (t->server.family == ADDR_NONE)
		return true;
	return config_prefixes_match(&p->destinations, &t->server) &&
	       (t->server_port == 0 ||
	        config_ports_match(&p->common.detection_ports, t->server_port));
}

static bool vlan_fits(const struct trouble *t, const struct config_virtual_segment *v)
{
	return t->vlan < 0 || config_vlans_match(&v->vlans, (uint16_t)t->vlan);
}

static bool addresses_fit(const struct trouble *t, const struct config_virtual_segment *v)
{
	return (t->client.family == ADDR_NONE || config_prefixes_match(&v->sources, &t->client)) &&
	       (t->server.family == ADDR_NONE ||
	        config_prefixes_match(&v->destinations, &t->server));
}

static bool has_policy_for(const struct trouble *t, const struct config_profile *profile,
                           bool on_only)
{
	for (size_t i = 0; i < profile->server_policies_count; i++) {
		const struct config_server_policy *p = &profile->server_policies[i];

		if (covers(t, p->proxy) && (!on_only || p->common.state == CONFIG_STATE_ON))
			return true;
	}
	return false;
}

/* ---- checks ------------------------------------------------------------------------------ */

static void check_licence(const struct trouble *t, struct verdict *v)
{
	const struct licensing *l = t->control->licensing;
	const struct licence_verdict *of = licensing_verdict(l, LICENCE_SSL_INSPECTION);

	if (licensing_denies(l, LICENCE_SSL_INSPECTION))
		fail(v,
		     "get a licence for this device and run 'tps licence install', or see 'tps "
		     "licence show'",
		     "SSL inspection is %s: %s", licence_state_name(of->state), of->text);
	else
		say(v, "SSL inspection is allowed (%s): %s", licence_source_name(of->source),
		    of->text);
}

static void check_enabled(const struct trouble *t, struct verdict *v)
{
	if (t->config->ssl_inspection.server)
		say(v, "ssl_inspection.server is true");
	else
		fail(v, "set ssl_inspection.server: true", "ssl_inspection.server is false");
}

static bool certificate_bad(const struct config_certificate *cert, struct verdict *v)
{
	struct pki_chain *chain;
	struct pki_validity validity;
	struct pki_error err;
	bool bad = true;

	if (config_load_chain(cert, &chain, &err) != 0) {
		fail(v, "name files that can be read and belong together", "%.300s", err.text);
		return true;
	}
	if (pki_cert_validity(chain->leaf, (int64_t)time(NULL), &validity) != 0 ||
	    validity.status != PKI_VALID)
		fail(v, "'tps cert replace' with a valid one", "certificate %.100s is %s",
		     cert->name, pki_status_name(validity.status));
	else
		bad = false;
	pki_chain_destroy(chain);
	return bad;
}

/* Keys from files are part of the transaction: a revision in force has them. Those that the SMS
 * sends may be missing (R57). */
static void check_certificate(const struct trouble *t, struct verdict *v)
{
	unsigned long long missing = count(t, COUNTER_keys_missing);
	size_t n = 0;

	if (missing > 0) {
		fail(v,
		     "see 'tps sms status': until they come, what needs them goes by "
		     "on_keys_unavailable",
		     "the SMS has not sent %llu private keys", missing);
		return;
	}

	for (size_t i = 0; i < t->config->server_proxies_count; i++) {
		const struct config_server_proxy *p = &t->config->server_proxies[i];

		for (size_t k = 0; covers(t, p) && k < p->certificates_count; k++, n++)
			if (certificate_bad(p->certificates[k], v))
				return;
	}
	say(v, "%zu certificates are valid and have their keys", n);
}

static void check_server_tuple(const struct trouble *t, struct verdict *v)
{
	for (size_t i = 0; i < t->config->server_proxies_count; i++) {
		if (covers(t, &t->config->server_proxies[i])) {
			say(v, "proxy %.100s covers it", t->config->server_proxies[i].common.name);
			return;
		}
	}
	fail(v, "add the address to destinations and the port to detection_ports of a proxy",
	     "none of %zu proxies covers it", t->config->server_proxies_count);
}

static bool covered(const struct trouble *t)
{
	for (size_t i = 0; i < t->config->server_proxies_count; i++)
		if (covers(t, &t->config->server_proxies[i]))
			return true;
	return false;
}

static void check_profile(const struct trouble *t, struct verdict *v)
{
	struct trouble any = *t;

	if (!covered(t)) /* another check's finding: any proxy will do here */
		any.server.family = ADDR_NONE;
	for (size_t i = 0; i < t->config->virtual_segments_count; i++) {
		const struct config_virtual_segment *vs = &t->config->virtual_segments[i];

		if (has_policy_for(&any, vs->profile, true)) {
			say(v, "profile %.100s on virtual segment %.100s", vs->profile->name,
			    vs->name);
			return;
		}
	}
	fail(v, "add a policy with state on for the proxy to a profile of a virtual segment",
	     "no virtual segment has a profile with such a policy that is on");
}

static const char *segment_trouble(const json_t *s)
{
	static const char *const ports[] = {"port_a", "port_b"};

	for (size_t i = 0; i < SL_ARRAY_LEN(ports); i++) {
		const char *link =
		        json_string_value(json_object_get(json_object_get(s, ports[i]), "link"));

		if (link && strcmp(link, "up") != 0)
			return ports[i];
	}
	return NULL;
}

static void check_segment(const struct trouble *t, struct verdict *v)
{
	json_t *one;
	size_t i;

	if (!t->segments) {
		fail(v, "see 'tps show processes'", "wire does not answer");
		return;
	}
	json_array_foreach(t->segments, i, one)
	{
		const char *port = segment_trouble(one);

		if (port) {
			fail(v, "check the cable and the other end",
			     "segment %.100s: the link of %s is down",
			     json_string_value(json_object_get(one, "name")), port);
			return;
		}
	}
	say(v, "%zu segments, all links are up", json_array_size(t->segments));
}

static bool any_takes_vlan(const struct trouble *t)
{
	bool any = t->config->virtual_segments_count == 0;

	for (size_t i = 0; i < t->config->virtual_segments_count; i++)
		any |= vlan_fits(t, &t->config->virtual_segments[i]);
	return any;
}

static void check_vlan(const struct trouble *t, struct verdict *v)
{
	bool any = any_takes_vlan(t);

	if (any && t->vlan < 0)
		say(v, "no VLAN was named (--vlan)");
	else if (any)
		say(v, "a virtual segment takes VLAN %d", t->vlan);
	else
		fail(v, "add it to vlans of a virtual segment", "no virtual segment takes VLAN %d",
		     t->vlan);
}

static void check_address(const struct trouble *t, struct verdict *v)
{
	bool any_vlan = !any_takes_vlan(t); /* another check's finding */

	for (size_t i = 0; i < t->config->virtual_segments_count; i++) {
		const struct config_virtual_segment *vs = &t->config->virtual_segments[i];

		if ((any_vlan || vlan_fits(t, vs)) && addresses_fit(t, vs)) {
			say(v, "virtual segment %.100s takes them", vs->name);
			return;
		}
	}
	if (t->config->virtual_segments_count == 0)
		fail(v, "add a virtual segment", "there is no virtual segment");
	else
		fail(v, "add them to sources and destinations of a virtual segment",
		     "no virtual segment takes these addresses");
}

static bool rule_fits(const struct trouble *t, const struct config_bypass_rule *r)
{
	return r->protocol != CONFIG_PROTOCOL_UDP &&
	       (t->client.family == ADDR_NONE || config_prefixes_match(&r->sources, &t->client)) &&
	       (t->server.family == ADDR_NONE ||
	        config_prefixes_match(&r->destinations, &t->server)) &&
	       (t->server_port == 0 || config_ports_match(&r->destination_ports, t->server_port)) &&
	       (t->vlan < 0 || config_vlans_match(&r->vlans, (uint16_t)t->vlan));
}

static void check_bypass_rule(const struct trouble *t, struct verdict *v)
{
	bool named = t->client.family != ADDR_NONE || t->server.family != ADDR_NONE;

	for (size_t i = 0; named && i < t->config->bypass_rules_count; i++) {
		if (rule_fits(t, &t->config->bypass_rules[i])) {
			fail(v, "narrow the rule or take it out", "bypass rule %.100s matches",
			     t->config->bypass_rules[i].name);
			return;
		}
	}
	say(v, named ? "none of %zu rules matches" : "%zu rules; name --client or --server",
	    t->config->bypass_rules_count);
}

static void check_exception(const struct trouble *t, struct verdict *v)
{
	if (t->client.family == ADDR_NONE) {
		say(v, "no client was named (--client)");
		return;
	}
	for (size_t i = 0; i < t->config->profiles_count; i++) {
		const struct config_profile *profile = &t->config->profiles[i];

		for (size_t k = 0; k < profile->server_policies_count; k++) {
			const struct config_server_policy *p = &profile->server_policies[k];

			if (p->source_exceptions.count > 0 && covers(t, p->proxy) &&
			    config_prefixes_match(&p->source_exceptions, &t->client)) {
				fail(v, "take the client out of source_exceptions",
				     "policy %.100s excepts the client", p->common.name);
				return;
			}
		}
	}
	say(v, "no policy excepts the client");
}

static void check_panic(const struct trouble *t, struct verdict *v)
{
	int step = (int)panic_step(t->control->panic);

	if (step != 0)
		fail(v, "'tps panic clear'", "panic mode is on, step %d", step);
	else if (t->control->draining)
		fail(v, "'tps drain --off'", "the device drains");
	else
		say(v, "off");
}

static void check_threshold(const struct trouble *t, struct verdict *v)
{
	unsigned long long active = count(t, COUNTER_active), refused = ended(t, REASON_OVERLOAD);
	uint32_t limit = t->config->limits.sessions;

	if (limit > 0 && active >= limit)
		fail(v, "raise limits.sessions, or see 'tps show capacity'",
		     "%llu sessions of %u are open", active, limit);
	else if (refused > 0)
		fail(v, "see 'tps show capacity' for the limit that binds",
		     "%llu flows were turned away by a limit", refused);
	else
		say(v, "%llu sessions of %u are open, none was turned away", active, limit);
}

static void check_traffic(const struct trouble *t, struct verdict *v)
{
	unsigned long long watched = count(t, COUNTER_watched_flows),
	                   taken = count(t, COUNTER_taken);

	if (watched == 0)
		fail(v,
		     "look at cabling, routing and the proxy's addresses: the device sees no such "
		     "connection",
		     "no TCP connection to a watched address was seen");
	else if (taken == 0)
		fail(v, "see 'tps show ssl-inspection failures'",
		     "%llu connections were watched, none was taken over", watched);
	else
		say(v, "%llu connections were watched, %llu taken over", watched, taken);
}

static void check_inspected(const struct trouble *t, struct verdict *v)
{
	unsigned long long established = count(t, COUNTER_established);
	unsigned long long bytes = count(t, COUNTER_bytes_inspected);

	if (established > 0 && bytes == 0)
		fail(v, "name filters in the profile, and decrypted_service as it is",
		     "%llu sessions were decrypted and no byte of them was read", established);
	else
		say(v, "%llu sessions decrypted, %llu bytes read", established, bytes);
}

static void check_server_leg(const struct trouble *t, struct verdict *v)
{
	unsigned long long failures = count(t, COUNTER_serverConnectionFailures);

	if (failures > 0)
		fail(v, "'tps probe' the server, and 'tps show ssl-inspection failures'",
		     "%llu TLS connections to servers failed", failures);
	else
		say(v, "none failed");
}

/* Blocked for a class that has a setting. */
static void check_failure_class(const struct trouble *t, struct verdict *v)
{
	unsigned long long n = 0, most = 0;
	enum reason worst = REASON_NONE;

	for (unsigned r = 0; r < REASON_END; r++) {
		unsigned long long of_reason = ended(t, (enum reason)r);

		if (reason_class((enum reason)r) == FAILURE_NONE || r == REASON_OVERLOAD)
			continue;
		n += of_reason;
		if (of_reason > most) {
			most = of_reason;
			worst = (enum reason)r;
		}
	}
	if (n > 0)
		fail(v, "'tps show ssl-inspection failures' has the line that fixes each",
		     "%llu sessions, most of them: %s", n, reason_text(worst));
	else
		say(v, "none");
}

static void check_filters(const struct trouble *t, struct verdict *v)
{
	unsigned long long n = ended(t, REASON_RULE);

	if (n > 0)
		fail(v, "'tps show log ips_block'; change the filter's action set if it is wrong",
		     "%llu sessions", n);
	else
		say(v, "none");
}

static void check_traffic_management(const struct trouble *t, struct verdict *v)
{
	say(v, "this build has no traffic management and no reputation: they block nothing");
}

static void check_trust(const struct trouble *t, struct verdict *v)
{
	unsigned long long bad = ended(t, REASON_CHAIN_INVALID);

	if (bad > 0)
		fail(v,
		     "add the CA that signed the server's certificate to the proxy's server_trust",
		     "%llu servers' certificates did not verify", bad);
	else
		say(v, "every server's certificate verified, or is known by its key");
}

static bool chain_bad(const struct config_certificate *cert)
{
	struct pki_chain *chain;
	struct pki_error err;
	bool bad;

	if (config_load_chain(cert, &chain, &err) != 0)
		return false; /* the check of certificates says it */
	bad = pki_chain_is_broken(chain);
	pki_chain_destroy(chain);
	return bad;
}

static void check_chain(const struct trouble *t, struct verdict *v)
{
	for (size_t i = 0; i < t->config->certificates_count; i++) {
		if (chain_bad(&t->config->certificates[i])) {
			fail(v, "put the intermediates in order into certificate or chain",
			     "certificate %.100s: its intermediates do not lead on from it",
			     t->config->certificates[i].name);
			return;
		}
	}
	say(v, "the intermediates of %zu certificates are in order", t->config->certificates_count);
}

static void check_client_alert(const struct trouble *t, struct verdict *v)
{
	unsigned long long n = ended(t, REASON_CLIENT_ALERT);

	if (n > 0)
		fail(v, "compare 'tps show certificates' with what these clients trust",
		     "%llu clients ended the handshake with an alert", n);
	else
		say(v, "none");
}

static void check_mismatch(const struct trouble *t, struct verdict *v)
{
	unsigned long long n = count(t, COUNTER_serverMismatch);

	if (n > 0)
		fail(v, "'tps cert replace' with the server's present certificate and key",
		     "%llu handshakes showed another key than the one configured", n);
	else
		say(v, "no server showed another key");
}

/* ---- the table --------------------------------------------------------------------------- */

#define N NOT_INSPECTED
#define U UNREACHABLE
#define A UNEXPECTED_ALERTS
static const struct {
	unsigned cases;
	const char *text;
	void (*run)(const struct trouble *t, struct verdict *v);
} checks[] = {
#define X(name, cases, text) {cases, text, check_##name},
#include "tpsd/report/troubleshoot.def"
#undef X
};
#undef N
#undef U
#undef A

json_t *troubleshoot(const struct trouble *trouble, enum trouble_case which)
{
	json_t *list = json_array();

	for (size_t i = 0; i < SL_ARRAY_LEN(checks); i++) {
		struct verdict v = {.remedy = ""};

		if (!(checks[i].cases & (unsigned)which))
			continue;
		checks[i].run(trouble, &v);
		(void)json_array_append_new(
		        list, json_pack("{s:s,s:s,s:s,s:s}", "check", checks[i].text, "result",
		                        v.fail ? "fail" : "pass", "evidence", v.evidence, "remedy",
		                        v.fail ? v.remedy : ""));
	}
	return list;
}
