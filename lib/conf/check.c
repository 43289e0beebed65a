/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What no single row of the schema can see: settings that must fit together. Each check is one
 * function of a table, looks at the built config for the meaning and at the nodes for the place,
 * and must bear what earlier errors left behind: NULL names, NULL references, empty lists.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/conf/build_priv.h"
#include "lib/conf/suite.h"

/* The node of an item's setting if it is written, else of the item. */
static const struct conf_node *place(const struct conf_node *map, const char *key)
{
	const struct conf_node *node = conf_node_find(map, key);

	return node ? node : map;
}

static const struct conf_node *top(const struct conf_node *root, const char *key)
{
	return place(root, key);
}

/* First item of a top list; NULL when there is none. */
static const struct conf_node *first_of(const struct conf_node *root, const char *key)
{
	const struct conf_node *list = conf_node_find(root, key);

	return list && list->kind == CONF_LIST ? list->child : NULL;
}

/* ---- device and segments ----------------------------------------------------------------- */

/* R9, R10, R11. */
static void check_modes(struct build *b, const struct conf_node *root)
{
	const struct config_device *d = &b->config->device;
	const struct {
		bool on;
		const char *key;
		const char *reason;
	} modes[] = {
	        {d->asymmetric_network, "asymmetric_network",
	         "the other half of a session may take another device"},
	        {d->web_mode, "web_mode", "web mode sees parts of a stream only"},
	        {d->vlan_translation, "vlan_translation",
	         "packets could not be put back with the tag they need"},
	};

	for (size_t i = 0; i < SL_ARRAY_LEN(modes); i++)
		if (modes[i].on && b->config->ssl_inspection.server)
			(void)conf_errors_add(b->errs, place(top(root, "device"), modes[i].key),
			                      SL_ECONFLICT,
			                      "turn it off, or set ssl_inspection.server to false",
			                      "%s does not go together with SSL inspection: %s",
			                      modes[i].key, modes[i].reason);
}

struct port_use {
	const char *port;
	const struct conf_node *node;
};

static int by_port(const void *a, const void *b)
{
	const struct port_use *x = a;
	const struct port_use *y = b;
	int order = strcmp(x->port, y->port);

	return order ? order : (x->node->line > y->node->line) - (x->node->line < y->node->line);
}

static void check_ports(struct build *b, const struct conf_node *root)
{
	struct port_use uses[2 * CONFIG_SEGMENTS_MAX];
	const struct conf_node *node = first_of(root, "segments");
	size_t count = 0;

	for (size_t i = 0; i < b->config->segments_count && node; i++, node = node->next) {
		const struct config_segment *s = &b->config->segments[i];

		if (s->port_a)
			uses[count++] = (struct port_use){s->port_a, place(node, "port_a")};
		if (s->port_b)
			uses[count++] = (struct port_use){s->port_b, place(node, "port_b")};
	}
	qsort(uses, count, sizeof(uses[0]), by_port);
	for (size_t i = 1; i < count; i++)
		if (strcmp(uses[i - 1].port, uses[i].port) == 0)
			(void)conf_errors_add(
			        b->errs, uses[i].node, SL_ECONFLICT, "name another interface",
			        "the interface \"%s\" is a port already", uses[i].port);
}

static void check_bypass_rules(struct build *b, const struct conf_node *root)
{
	const struct conf_node *node = first_of(root, "inspection_bypass_rules");

	for (size_t i = 0; i < b->config->bypass_rules_count && node; i++, node = node->next) {
		const struct config_bypass_rule *r = &b->config->bypass_rules[i];

		if (r->protocol == CONFIG_PROTOCOL_ANY &&
		    r->source_ports.count + r->destination_ports.count > 0)
			(void)conf_errors_add(
			        b->errs, place(node, "protocol"), SL_ECONFLICT,
			        "set protocol to tcp or udp",
			        "a rule that names ports needs a protocol with ports");
	}
}

/* ---- certificates and trust -------------------------------------------------------------- */

/* R76. */
static void check_ca_names(struct build *b, const struct conf_node *root)
{
	const struct conf_node *node = first_of(root, "ca_certificates");

	for (; node; node = node->next) {
		const struct conf_node *name = conf_node_find(node, "name");

		if (name && strcmp(name->value, "ca") == 0)
			(void)conf_errors_add(b->errs, name, SL_EINVAL, "choose another name",
			                      "the name \"ca\" is reserved");
	}
}

static void check_certificates(struct build *b, const struct conf_node *root)
{
	const struct conf_node *node = first_of(root, "certificates");

	for (size_t i = 0; i < b->config->certificates_count && node; i++, node = node->next) {
		const struct config_certificate *c = &b->config->certificates[i];

		if (c->format != CONFIG_FORMAT_PKCS12)
			continue;
		if (c->private_key && c->private_key[0])
			(void)conf_errors_add(b->errs, place(node, "private_key"), SL_ECONFLICT,
			                      "leave it out",
			                      "the key of a PKCS12 file is in that file");
	}
}

static void check_trust_stores(struct build *b, const struct conf_node *root)
{
	const struct conf_node *node = first_of(root, "trust_stores");

	for (size_t i = 0; i < b->config->trust_stores_count && node; i++, node = node->next) {
		const struct config_trust_store *t = &b->config->trust_stores[i];

		if (!t->include_default_ca_certificates && t->ca_certificates_count == 0)
			(void)conf_errors_add(b->errs, node, SL_EINVAL,
			                      "name ca_certificates, or include the default ones",
			                      "this trust store trusts nobody");
	}
}

/* ---- server proxies ---------------------------------------------------------------------- */

static bool is_contiguous(uint32_t bits)
{
	uint32_t low = bits & -bits;

	return ((bits + low) & bits) == 0;
}

static void notice_bare_protocols(struct build *b, const struct conf_node *at,
                                  const struct config_tls_side *side)
{
	for (unsigned p = CONFIG_SSL3; p <= CONFIG_TLS1_3; p++) {
		const struct conf_suite *suites[CONF_SUITES_MAX];
		struct config_tls_side alone = *side;

		alone.protocols &= CONFIG_BIT(p);
		if (alone.protocols && conf_suites_select(&alone, suites) == 0)
			conf_errors_notice(b->errs, place(at, "protocols"),
			                   "select more of key_exchange, bulk and mac, or leave "
			                   "the protocol out",
			                   "no selected cipher suite is for %s",
			                   conf_choice_text("tls_protocol", p));
	}
}

/* R43, R51. */
static void check_side(struct build *b, const struct conf_node *proxy, const char *key,
                       const struct config_tls_side *side)
{
	const uint32_t tls = CONFIG_BIT(CONFIG_TLS1_0) | CONFIG_BIT(CONFIG_TLS1_1) |
	                     CONFIG_BIT(CONFIG_TLS1_2) | CONFIG_BIT(CONFIG_TLS1_3);
	const struct conf_suite *suites[CONF_SUITES_MAX];
	const struct conf_node *at = place(proxy, key);

	if (side->protocols & CONFIG_BIT(CONFIG_SSL3) && (side->protocols & tls) != tls)
		(void)conf_errors_add(b->errs, place(at, "protocols"), SL_ECONFLICT,
		                      "name TLSv1.0, TLSv1.1, TLSv1.2 and TLSv1.3 too",
		                      "SSLv3 requires every TLS version");
	else if (!is_contiguous(side->protocols))
		(void)conf_errors_add(b->errs, place(at, "protocols"), SL_ECONFLICT,
		                      "name the versions in between too",
		                      "protocols between the lowest and the highest are missing");
	for (size_t i = 0; i < side->deselected_suites.count; i++)
		if (!conf_suite_find(side->deselected_suites.items[i]))
			(void)conf_errors_add(b->errs, place(at, "deselected_suites"), SL_ENOENT,
			                      "docs/configuration.md lists the suites",
			                      "there is no cipher suite \"%.64s\"",
			                      side->deselected_suites.items[i]);
	if (conf_suites_select(side, suites) > 0)
		notice_bare_protocols(b, at, side);
	else
		(void)conf_errors_add(b->errs, at, SL_ECONFLICT,
		                      "select more of protocols, bulk and mac",
		                      "the selections leave no cipher suite");
}

static void check_default_certificate(struct build *b, const struct conf_node *node,
                                      const struct config_server_proxy *p)
{
	for (size_t i = 0; i < p->certificates_count; i++)
		if (p->certificates[i] == p->default_certificate)
			return;
	if (p->default_certificate)
		(void)conf_errors_add(b->errs, place(node, "default_certificate"), SL_ECONFLICT,
		                      "name it under certificates too",
		                      "the default certificate is not one of the proxy's");
}

/* R155: what a client could bring about must not lead round inspection unseen. */
static void notice_client_caused(struct build *b, const struct conf_node *node,
                                 const struct config_server_proxy *p)
{
	static const struct {
		const char *key;
		bool by_client;
	} classes[FAILURE_END] = {
#define X(id, name, server, client, by_client, help) [FAILURE_##id] = {name, by_client},
#include "lib/conf/failure.def"
	};
	const struct conf_node *map = conf_node_find(node, "on_failure_class");

	if (!map)
		return;
	for (int i = FAILURE_NONE + 1; i < FAILURE_END; i++) {
		const struct conf_node *at = conf_node_find(map, classes[i].key);

		if (at && classes[i].by_client && p->on_failure[i] == CONFIG_BYPASS)
			conf_errors_notice(b->errs, at,
			                   "set it to block unless you know all clients",
			                   "%s: a client can bring this about, and so go round "
			                   "inspection",
			                   classes[i].key);
	}
}

/* R5: a destination that cannot be inspected must not look as if it were. */
static void check_families(struct build *b, const struct conf_node *node,
                           const struct config_server_proxy *p)
{
	for (size_t i = 0; i < p->destinations.count; i++)
		if (p->destinations.items[i].addr.family == ADDR_V6) {
			(void)conf_errors_add(b->errs, place(node, "destinations"), SL_EUNSUPPORTED,
			                      "name IPv4 addresses",
			                      "this build inspects IPv4; IPv6 is forwarded "
			                      "uninspected");
			return;
		}
}

static void check_proxies(struct build *b, const struct conf_node *root)
{
	const struct conf_node *node = first_of(root, "ssl_server_proxies");

	for (size_t i = 0; i < b->config->server_proxies_count && node; i++, node = node->next) {
		const struct config_server_proxy *p = &b->config->server_proxies[i];

		check_side(b, node, "client_side", &p->client_side);
		check_side(b, node, "server_side", &p->server_side);
		check_default_certificate(b, node, p);
		check_families(b, node, p);
		notice_client_caused(b, node, p);
		if (!p->downgrade_http2)
			conf_errors_notice(b->errs, place(node, "downgrade_http2"),
			                   "leave it on to have HTTP/1 negotiated",
			                   "HTTP/2 has no inspector in this build: its sessions "
			                   "are read as bytes only");
	}
}

/* One destination and port range of a proxy (R165). */
struct tuple {
	struct addr_prefix prefix;
	struct config_port_range ports;
	uint32_t proxy;
};

static int by_tuple(const void *a, const void *b)
{
	const struct tuple *x = a;
	const struct tuple *y = b;
	int order = memcmp(x->prefix.addr.bytes, y->prefix.addr.bytes, 16);

	if (order == 0)
		order = (int)x->prefix.prefix_len - (int)y->prefix.prefix_len;
	if (order == 0)
		order = (int)x->ports.first - (int)y->ports.first;
	if (order == 0)
		order = (int)x->ports.last - (int)y->ports.last;
	if (order == 0)
		order = x->proxy < y->proxy ? -1 : x->proxy > y->proxy;
	return order;
}

static bool same_tuple(const struct tuple *x, const struct tuple *y)
{
	return memcmp(x->prefix.addr.bytes, y->prefix.addr.bytes, 16) == 0 &&
	       x->prefix.prefix_len == y->prefix.prefix_len && x->ports.first == y->ports.first &&
	       x->ports.last == y->ports.last;
}

static size_t add_tuples(struct tuple *tuples, const struct config_server_proxy *p)
{
	size_t count = 0;

	for (size_t d = 0; d < p->destinations.count; d++)
		for (size_t r = 0; r < p->detection_ports.count; r++)
			tuples[count++] = (struct tuple){p->destinations.items[d],
			                                 p->detection_ports.items[r], p->index};
	return count;
}

static const struct conf_node *item_at(const struct conf_node *first, size_t index)
{
	while (first && index-- > 0)
		first = first->next;
	return first;
}

static void same_tuple_error(struct build *b, const struct conf_node *root, const struct tuple *x,
                             const struct tuple *y)
{
	const struct conf_node *node = item_at(first_of(root, "ssl_server_proxies"), y->proxy);
	const char *other = b->config->server_proxies[x->proxy].name;
	char prefix[ADDR_PREFIX_TEXT_MAX];

	(void)conf_errors_add(b->errs, node ? place(node, "destinations") : NULL, SL_ECONFLICT,
	                      "keep each destination and port range in one proxy",
	                      "%s with ports %u-%u is in the proxy \"%s\" already",
	                      addr_format_prefix(&y->prefix, prefix), y->ports.first, y->ports.last,
	                      other ? other : "");
}

static void check_tuples(struct build *b, const struct conf_node *root)
{
	enum { TUPLES_MAX = 1000000 };
	const struct config *c = b->config;
	struct tuple *tuples;
	size_t count = 0;

	for (size_t i = 0; i < c->server_proxies_count; i++)
		count += c->server_proxies[i].destinations.count *
		         c->server_proxies[i].detection_ports.count;
	if (count > TUPLES_MAX) {
		(void)conf_errors_add(b->errs, top(root, "ssl_server_proxies"), SL_ELIMIT,
		                      "use CIDR blocks and port ranges",
		                      "the proxies name more than %d pairs of destination and "
		                      "port range",
		                      TUPLES_MAX);
		return;
	}
	tuples = reallocarray(NULL, count ? count : 1, sizeof(*tuples));
	if (!tuples) {
		(void)conf_errors_add(b->errs, NULL, SL_ENOMEM, "", "out of memory");
		return;
	}
	count = 0;
	for (size_t i = 0; i < c->server_proxies_count; i++)
		count += add_tuples(tuples + count, &c->server_proxies[i]);
	qsort(tuples, count, sizeof(*tuples), by_tuple);
	for (size_t i = 1; i < count; i++)
		if (same_tuple(&tuples[i - 1], &tuples[i]) &&
		    tuples[i - 1].proxy != tuples[i].proxy)
			same_tuple_error(b, root, &tuples[i - 1], &tuples[i]);
	free(tuples);
}

/* ---- profiles ---------------------------------------------------------------------------- */

static void check_policy_name(struct build *b, const struct conf_node *name,
                              const struct conf_node **seen, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(seen[i]->value, name->value) == 0) {
			(void)conf_errors_add(b->errs, name, SL_EEXIST, "choose another name",
			                      "a policy is named \"%.64s\" already", name->value);
			return;
		}
}

/* R113: unique over all profiles and both kinds. */
static void check_policy_names(struct build *b, const struct conf_node *root)
{
	enum { POLICIES_MAX = 4096 };
	static const char *const kinds[] = {"ssl_server_policies", "ssl_client_policies"};
	const struct conf_node **seen = reallocarray(NULL, POLICIES_MAX, sizeof(*seen));
	size_t count = 0;

	for (const struct conf_node *p = first_of(root, "profiles"); p && seen; p = p->next)
		for (size_t k = 0; k < SL_ARRAY_LEN(kinds); k++)
			for (const struct conf_node *n = first_of(p, kinds[k]); n; n = n->next) {
				const struct conf_node *name = conf_node_find(n, "name");

				if (!name || name->kind != CONF_SCALAR)
					continue;
				check_policy_name(b, name, seen, count);
				if (count < POLICIES_MAX)
					seen[count++] = name;
			}
	if (count == POLICIES_MAX)
		(void)conf_errors_add(b->errs, top(root, "profiles"), SL_ELIMIT,
		                      "use fewer, wider policies",
		                      "the profiles have %d policies or more", POLICIES_MAX);
	free(seen);
}

static void check_action_sets(struct build *b, const struct conf_node *root)
{
	const struct conf_node *node = first_of(root, "action_sets");
	size_t i = CONFIG_BUILTIN_ACTION_SETS;

	for (; i < b->config->action_sets_count && node; i++, node = node->next) {
		const struct config_action_set *a = &b->config->action_sets[i];

		if (a->action == CONFIG_VERB_PERMIT && a->tcp_reset != CONFIG_RESET_NONE)
			(void)conf_errors_add(b->errs, place(node, "tcp_reset"), SL_ECONFLICT,
			                      "set action to block, or leave tcp_reset out",
			                      "a stream that is permitted cannot be reset");
	}
}

static void notice_unused(struct build *b, const struct conf_node *root)
{
	const struct config *c = b->config;
	const struct conf_node *node = first_of(root, "ssl_server_proxies");

	for (size_t i = 0; i < c->server_proxies_count && node; i++, node = node->next) {
		bool used = false;

		for (size_t p = 0; p < c->profiles_count && !used; p++)
			for (size_t s = 0; s < c->profiles[p].server_policies_count && !used; s++)
				used = c->profiles[p].server_policies[s].proxy ==
				       &c->server_proxies[i];
		if (!used)
			conf_errors_notice(b->errs, node,
			                   "name it in ssl_server_policies of a profile",
			                   "no policy uses this proxy: its servers are not "
			                   "inspected");
	}
	node = first_of(root, "profiles");
	for (size_t i = 0; i < c->profiles_count && node; i++, node = node->next) {
		bool used = false;

		for (size_t v = 0; v < c->virtual_segments_count && !used; v++)
			used = c->virtual_segments[v].profile == &c->profiles[i];
		if (!used)
			conf_errors_notice(b->errs, node, "name it in a virtual segment",
			                   "no virtual segment uses this profile");
	}
}

/* ---- limits ------------------------------------------------------------------------------ */

static void check_limits(struct build *b, const struct conf_node *root)
{
	const struct config_limits *l = &b->config->limits;
	const struct {
		uint64_t part, whole;
		const char *part_key, *whole_key;
	} pairs[] = {
	        {l->embryos, l->flows, "embryos", "flows"},
	        {l->held_packets_per_flow, l->held_packets, "held_packets_per_flow",
	         "held_packets"},
	        {l->sessions_per_source, l->sessions, "sessions_per_source", "sessions"},
	        {l->sessions_per_destination, l->sessions, "sessions_per_destination", "sessions"},
	};

	for (size_t i = 0; i < SL_ARRAY_LEN(pairs); i++)
		if (pairs[i].part > pairs[i].whole)
			(void)conf_errors_add(
			        b->errs, place(top(root, "limits"), pairs[i].part_key),
			        SL_ECONFLICT, "lower the one or raise the other",
			        "%s (%" PRIu64 ") is more than %s (%" PRIu64 ")", pairs[i].part_key,
			        pairs[i].part, pairs[i].whole_key, pairs[i].whole);
}

void build_check(struct build *b, const struct conf_node *root)
{
	static void (*const checks[])(struct build *, const struct conf_node *) = {
	        check_modes,        check_ports,        check_bypass_rules, check_ca_names,
	        check_certificates, check_trust_stores, check_proxies,      check_tuples,
	        check_policy_names, check_action_sets,  check_limits,       notice_unused,
	};

	for (size_t i = 0; i < SL_ARRAY_LEN(checks); i++)
		checks[i](b, root);
}
