/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What must fit together for client inspection: client proxies, decryption policies and client
 * policies; see check.c. All of it bears what earlier errors left behind.
 */
#include <string.h>

#include "lib/base/err.h"
#include "lib/conf/check_priv.h"
#include "lib/conf/suite.h"
#include "lib/domain/map.h"

/* R47: clients and servers with RSA are everywhere. */
static void check_rsa_suite(struct build *b, const struct conf_node *node,
                            const struct config_tls_side *side)
{
	const struct conf_suite *suites[CONF_SUITES_MAX];
	size_t count = conf_suites_select(side, suites);

	for (size_t i = 0; i < count; i++)
		if (suites[i]->authentication & CONFIG_BIT(CONFIG_AUTH_RSA))
			return;
	if (count > 0)
		(void)conf_errors_add(b->errs, check_place(node, "selections"), SL_ECONFLICT,
		                      "add rsa to authentication",
		                      "no selected cipher suite is for RSA certificates");
}

/* R153. */
static void check_successor(struct build *b, const struct conf_node *node,
                            const struct config_client_proxy *p)
{
	if (p->successor && p->successor_from == 0)
		(void)conf_errors_add(b->errs, check_place(node, "successor"), SL_ECONFLICT,
		                      "say from when in successor_from: 2027-01-31",
		                      "nothing says when the successor begins to sign");
	if (!conf_node_find(node, "successor") && p->successor_from != 0)
		(void)conf_errors_add(b->errs, check_place(node, "successor_from"), SL_ECONFLICT,
		                      "name the successor, or leave the time out",
		                      "there is no successor to begin to sign");
	if (p->successor && p->successor == p->signing_certificate)
		(void)conf_errors_add(b->errs, check_place(node, "successor"), SL_ECONFLICT,
		                      "name another certificate",
		                      "the successor is the signing certificate itself");
}

static bool serves(const struct config *c, const struct config_certificate *certificate)
{
	for (size_t i = 0; i < c->server_proxies_count; i++)
		for (size_t k = 0; k < c->server_proxies[i].certificates_count; k++)
			if (c->server_proxies[i].certificates[k] == certificate)
				return true;
	return false;
}

/* The key of a signing certificate signs leaves and nothing else, no handshake either. */
static void check_not_served(struct build *b, const struct conf_node *node, const char *key,
                             const struct config_certificate *certificate)
{
	if (certificate && serves(b->config, certificate))
		(void)conf_errors_add(
		        b->errs, check_place(node, key), SL_ECONFLICT,
		        "name a CA certificate that is for this alone",
		        "the certificate \"%s\" is a server's: a server proxy names it",
		        certificate->name);
}

void check_client_proxies(struct build *b, const struct conf_node *root)
{
	const struct conf_node *node = check_first(root, "ssl_client_proxies");

	for (size_t i = 0; i < b->config->client_proxies_count && node; i++, node = node->next) {
		const struct config_client_proxy *p = &b->config->client_proxies[i];

		check_selections(b, node, "selections", &p->common.client_side);
		check_rsa_suite(b, node, &p->common.client_side);
		check_successor(b, node, p);
		check_not_served(b, node, "signing_certificate", p->signing_certificate);
		check_not_served(b, node, "successor", p->successor);
		check_http2(b, node, &p->common);
	}
}

/* ---- decryption policies ----------------------------------------------------------------- */

static void check_domains(struct build *b, const struct conf_node *policy, const char *key)
{
	for (const struct conf_node *n = check_first(policy, key); n; n = n->next)
		if (n->kind == CONF_SCALAR && !domain_is_pattern(n->value, strlen(n->value)))
			(void)conf_errors_add(b->errs, n, SL_EMALFORMED,
			                      "write a domain, or *. in front of one; IDN as xn--",
			                      "%s: \"%.64s\" is not a domain", key, n->value);
}

void check_decryption_policies(struct build *b, const struct conf_node *root)
{
	for (const struct conf_node *n = check_first(root, "decryption_policies"); n; n = n->next) {
		check_domains(b, n, "domains");
		check_domains(b, n, "category_overrides");
	}
}

/* ---- client policies --------------------------------------------------------------------- */

static const struct config_port_range *shared_range(const struct config_ports *x,
                                                    const struct config_ports *y)
{
	for (size_t i = 0; i < x->count; i++)
		for (size_t j = 0; j < y->count; j++)
			if (x->items[i].first <= y->items[j].last &&
			    y->items[j].first <= x->items[i].last)
				return &x->items[i];
	return NULL;
}

/* R97. */
static void check_overlap(struct build *b, const struct conf_node *node,
                          const struct config_profile *profile, size_t index)
{
	const struct config_client_policy *p = &profile->client_policies[index];

	for (size_t i = 0; i < index && p->proxy; i++) {
		const struct config_client_policy *q = &profile->client_policies[i];
		const struct config_port_range *r =
		        q->proxy ? shared_range(&p->proxy->common.detection_ports,
		                                &q->proxy->common.detection_ports)
		                 : NULL;

		if (!r)
			continue;
		(void)conf_errors_add(
		        b->errs, check_place(node, "proxy"), SL_ECONFLICT,
		        "give each client policy of a profile detection ports of its "
		        "own",
		        "the detection ports %u-%u are those of the policy \"%s\" too", r->first,
		        r->last, q->common.name ? q->common.name : "");
		return;
	}
}

void check_client_policies(struct build *b, const struct conf_node *root)
{
	const struct conf_node *profile = check_first(root, "profiles");
	bool any = false;

	for (size_t i = 0; i < b->config->profiles_count && profile; i++, profile = profile->next) {
		const struct config_profile *p = &b->config->profiles[i];
		const struct conf_node *node = check_first(profile, "ssl_client_policies");

		for (size_t k = 0; k < p->client_policies_count && node; k++, node = node->next) {
			check_overlap(b, node, p, k);
			any = true;
		}
	}
	if (any && !b->config->ssl_inspection.client)
		conf_errors_notice(b->errs, check_place(root, "ssl_inspection"),
		                   "set ssl_inspection.client to true",
		                   "SSL client inspection is off: the client policies decrypt "
		                   "nothing");
}
