/* SPDX-License-Identifier: Apache-2.0 */
/* What the document says of the flow that is asked about. */
#include <time.h>

#include "lib/conf/config.h"
#include "lib/event/counter.h"
#include "lib/pki/cert.h"
#include "tpsd/report/control.h"
#include "tpsd/report/licensing.h"
#include "tpsd/report/show_config.h"
#include "tpsd/report/troubleshoot_priv.h"

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

void trouble_check_licence(const struct trouble *t, struct verdict *v)
{
	const struct licensing *l = t->control->licensing;
	const struct licence_verdict *of = licensing_verdict(l, LICENCE_SSL_INSPECTION);

	if (licensing_denies(l, LICENCE_SSL_INSPECTION))
		verdict_fail(
		        v,
		        "get a licence for this device and run 'tps licence install', or see 'tps "
		        "licence show'",
		        "SSL inspection is %s: %s", licence_state_name(of->state), of->text);
	else
		verdict_say(v, "SSL inspection is allowed (%s): %s",
		            licence_source_name(of->source), of->text);
}

void trouble_check_enabled(const struct trouble *t, struct verdict *v)
{
	if (t->config->ssl_inspection.server)
		verdict_say(v, "ssl_inspection.server is true");
	else
		verdict_fail(v, "set ssl_inspection.server: true",
		             "ssl_inspection.server is false");
}

static bool certificate_bad(const struct config_certificate *cert, struct verdict *v)
{
	struct pki_chain *chain;
	struct pki_validity validity;
	struct pki_error err;
	bool bad = true;

	if (config_load_chain(cert, &chain, &err) != 0) {
		verdict_fail(v, "name files that can be read and belong together", "%.300s",
		             err.text);
		return true;
	}
	if (pki_cert_validity(chain->leaf, (int64_t)time(NULL), &validity) != 0 ||
	    validity.status != PKI_VALID)
		verdict_fail(v, "'tps cert replace' with a valid one", "certificate %.100s is %s",
		             cert->name, pki_status_name(validity.status));
	else
		bad = false;
	pki_chain_destroy(chain);
	return bad;
}

/* Keys from files are part of the transaction: a revision in force has them. Those that the SMS
 * sends may be missing (R57). */
void trouble_check_certificate(const struct trouble *t, struct verdict *v)
{
	unsigned long long missing =
	        counter_sum(t->control->proc->counter_file, COUNTER_keys_missing);
	size_t n = 0;

	if (missing > 0) {
		verdict_fail(v,
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
	verdict_say(v, "%zu certificates are valid and have their keys", n);
}

void trouble_check_server_tuple(const struct trouble *t, struct verdict *v)
{
	for (size_t i = 0; i < t->config->server_proxies_count; i++) {
		if (covers(t, &t->config->server_proxies[i])) {
			verdict_say(v, "proxy %.100s covers it",
			            t->config->server_proxies[i].common.name);
			return;
		}
	}
	verdict_fail(v,
	             "add the address to destinations and the port to detection_ports of a proxy",
	             "none of %zu proxies covers it", t->config->server_proxies_count);
}

static bool covered(const struct trouble *t)
{
	for (size_t i = 0; i < t->config->server_proxies_count; i++)
		if (covers(t, &t->config->server_proxies[i]))
			return true;
	return false;
}

void trouble_check_profile(const struct trouble *t, struct verdict *v)
{
	struct trouble any = *t;

	if (!covered(t)) /* another check's finding: any proxy will do here */
		any.server.family = ADDR_NONE;
	for (size_t i = 0; i < t->config->virtual_segments_count; i++) {
		const struct config_virtual_segment *vs = &t->config->virtual_segments[i];

		if (has_policy_for(&any, vs->profile, true)) {
			verdict_say(v, "profile %.100s on virtual segment %.100s",
			            vs->profile->name, vs->name);
			return;
		}
	}
	verdict_fail(v,
	             "add a policy with state on for the proxy to a profile of a virtual segment",
	             "no virtual segment has a profile with such a policy that is on");
}

static bool any_takes_vlan(const struct trouble *t)
{
	bool any = t->config->virtual_segments_count == 0;

	for (size_t i = 0; i < t->config->virtual_segments_count; i++)
		any |= vlan_fits(t, &t->config->virtual_segments[i]);
	return any;
}

void trouble_check_vlan(const struct trouble *t, struct verdict *v)
{
	bool any = any_takes_vlan(t);

	if (any && t->vlan < 0)
		verdict_say(v, "no VLAN was named (--vlan)");
	else if (any)
		verdict_say(v, "a virtual segment takes VLAN %d", t->vlan);
	else
		verdict_fail(v, "add it to vlans of a virtual segment",
		             "no virtual segment takes VLAN %d", t->vlan);
}

void trouble_check_address(const struct trouble *t, struct verdict *v)
{
	bool any_vlan = !any_takes_vlan(t); /* another check's finding */

	for (size_t i = 0; i < t->config->virtual_segments_count; i++) {
		const struct config_virtual_segment *vs = &t->config->virtual_segments[i];

		if ((any_vlan || vlan_fits(t, vs)) && addresses_fit(t, vs)) {
			verdict_say(v, "virtual segment %.100s takes them", vs->name);
			return;
		}
	}
	if (t->config->virtual_segments_count == 0)
		verdict_fail(v, "add a virtual segment", "there is no virtual segment");
	else
		verdict_fail(v, "add them to sources and destinations of a virtual segment",
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

void trouble_check_bypass_rule(const struct trouble *t, struct verdict *v)
{
	bool named = t->client.family != ADDR_NONE || t->server.family != ADDR_NONE;

	for (size_t i = 0; named && i < t->config->bypass_rules_count; i++) {
		if (rule_fits(t, &t->config->bypass_rules[i])) {
			verdict_fail(v, "narrow the rule or take it out",
			             "bypass rule %.100s matches", t->config->bypass_rules[i].name);
			return;
		}
	}
	verdict_say(v, named ? "none of %zu rules matches" : "%zu rules; name --client or --server",
	            t->config->bypass_rules_count);
}

void trouble_check_exception(const struct trouble *t, struct verdict *v)
{
	if (t->client.family == ADDR_NONE) {
		verdict_say(v, "no client was named (--client)");
		return;
	}
	for (size_t i = 0; i < t->config->profiles_count; i++) {
		const struct config_profile *profile = &t->config->profiles[i];

		for (size_t k = 0; k < profile->server_policies_count; k++) {
			const struct config_server_policy *p = &profile->server_policies[k];

			if (p->source_exceptions.count > 0 && covers(t, p->proxy) &&
			    config_prefixes_match(&p->source_exceptions, &t->client)) {
				verdict_fail(v, "take the client out of source_exceptions",
				             "policy %.100s excepts the client", p->common.name);
				return;
			}
		}
	}
	verdict_say(v, "no policy excepts the client");
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

void trouble_check_chain(const struct trouble *t, struct verdict *v)
{
	for (size_t i = 0; i < t->config->certificates_count; i++) {
		if (chain_bad(&t->config->certificates[i])) {
			verdict_fail(v, "put the intermediates in order into certificate or chain",
			             "certificate %.100s: its intermediates do not lead on from it",
			             t->config->certificates[i].name);
			return;
		}
	}
	verdict_say(v, "the intermediates of %zu certificates are in order",
	            t->config->certificates_count);
}
