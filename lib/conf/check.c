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
#include "lib/conf/check_priv.h"

/* The node of an item's setting if it is written, else of the item. */
const struct conf_node *check_place(const struct conf_node *map, const char *key)
{
	const struct conf_node *node = conf_node_find(map, key);

	return node ? node : map;
}

/* First item of a top list; NULL when there is none. */
const struct conf_node *check_first(const struct conf_node *root, const char *key)
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
		if (modes[i].on &&
		    (b->config->ssl_inspection.server || b->config->ssl_inspection.client))
			(void)conf_errors_add(
			        b->errs, check_place(check_place(root, "device"), modes[i].key),
			        SL_ECONFLICT,
			        "turn it off, or set ssl_inspection.server and .client to false",
			        "%s does not go together with SSL inspection: %s", modes[i].key,
			        modes[i].reason);
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
	const struct conf_node *node = check_first(root, "segments");
	size_t count = 0;

	for (size_t i = 0; i < b->config->segments_count && node; i++, node = node->next) {
		const struct config_segment *s = &b->config->segments[i];

		if (s->port_a)
			uses[count++] = (struct port_use){s->port_a, check_place(node, "port_a")};
		if (s->port_b)
			uses[count++] = (struct port_use){s->port_b, check_place(node, "port_b")};
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
	const struct conf_node *node = check_first(root, "inspection_bypass_rules");

	for (size_t i = 0; i < b->config->bypass_rules_count && node; i++, node = node->next) {
		const struct config_bypass_rule *r = &b->config->bypass_rules[i];

		if (r->protocol == CONFIG_PROTOCOL_ANY &&
		    r->source_ports.count + r->destination_ports.count > 0)
			(void)conf_errors_add(
			        b->errs, check_place(node, "protocol"), SL_ECONFLICT,
			        "set protocol to tcp or udp",
			        "a rule that names ports needs a protocol with ports");
	}
}

/* ---- profiles ---------------------------------------------------------------------------- */

/* A policy's name, in which profile it stands, and whose it is: the same policy may be in its own
 * profile and in those that inherit it. */
struct policy_name {
	const struct conf_node *name;
	const struct conf_node *profile;
	const char *owner;
};

static const char *scalar_of(const struct conf_node *map, const char *key)
{
	const struct conf_node *node = conf_node_find(map, key);

	return node && node->kind == CONF_SCALAR ? node->value : NULL;
}

static const char *owner_of(const struct conf_node *policy, const struct conf_node *profile)
{
	const char *owner = scalar_of(policy, "inherited_from");

	if (!owner)
		owner = scalar_of(profile, "name");
	return owner ? owner : "";
}

static void check_policy_name(struct build *b, const struct policy_name *p,
                              const struct policy_name *seen, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(seen[i].name->value, p->name->value) == 0 &&
		    (seen[i].profile == p->profile || strcmp(seen[i].owner, p->owner) != 0)) {
			(void)conf_errors_add(b->errs, p->name, SL_EEXIST, "choose another name",
			                      "a policy is named \"%.64s\" already",
			                      p->name->value);
			return;
		}
}

/* R113: unique over all profiles and both kinds. */
static void check_policy_names(struct build *b, const struct conf_node *root)
{
	enum { POLICIES_MAX = 4096 };
	static const char *const kinds[] = {"ssl_server_policies", "ssl_client_policies"};
	struct policy_name *seen = reallocarray(NULL, POLICIES_MAX, sizeof(*seen));
	size_t count = 0;

	for (const struct conf_node *p = check_first(root, "profiles"); p && seen; p = p->next)
		for (size_t k = 0; k < SL_ARRAY_LEN(kinds); k++)
			for (const struct conf_node *n = check_first(p, kinds[k]); n; n = n->next) {
				const struct policy_name policy = {conf_node_find(n, "name"), p,
				                                   owner_of(n, p)};

				if (!policy.name || policy.name->kind != CONF_SCALAR)
					continue;
				check_policy_name(b, &policy, seen, count);
				if (count < POLICIES_MAX)
					seen[count++] = policy;
			}
	if (count == POLICIES_MAX)
		(void)conf_errors_add(b->errs, check_place(root, "profiles"), SL_ELIMIT,
		                      "use fewer, wider policies",
		                      "the profiles have %d policies or more", POLICIES_MAX);
	free(seen);
}

static void check_action_sets(struct build *b, const struct conf_node *root)
{
	const struct conf_node *node = check_first(root, "action_sets");
	size_t i = CONFIG_BUILTIN_ACTION_SETS;

	for (; i < b->config->action_sets_count && node; i++, node = node->next) {
		const struct config_action_set *a = &b->config->action_sets[i];

		if (a->action == CONFIG_VERB_PERMIT && a->tcp_reset != CONFIG_RESET_NONE)
			(void)conf_errors_add(b->errs, check_place(node, "tcp_reset"), SL_ECONFLICT,
			                      "set action to block, or leave tcp_reset out",
			                      "a stream that is permitted cannot be reset");
	}
}

static void notice_unused(struct build *b, const struct conf_node *root)
{
	const struct config *c = b->config;
	const struct conf_node *node = check_first(root, "ssl_server_proxies");

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
	node = check_first(root, "profiles");
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
	        {l->held_packets_per_flow, l->held_packets, "held_packets_per_flow",
	         "held_packets"},
	        {l->sessions_per_source, l->sessions, "sessions_per_source", "sessions"},
	        {l->sessions_per_destination, l->sessions, "sessions_per_destination", "sessions"},
	};

	for (size_t i = 0; i < SL_ARRAY_LEN(pairs); i++)
		if (pairs[i].part > pairs[i].whole)
			(void)conf_errors_add(
			        b->errs,
			        check_place(check_place(root, "limits"), pairs[i].part_key),
			        SL_ECONFLICT, "lower the one or raise the other",
			        "%s (%" PRIu64 ") is more than %s (%" PRIu64 ")", pairs[i].part_key,
			        pairs[i].part, pairs[i].whole_key, pairs[i].whole);
}

void build_check(struct build *b, const struct conf_node *root)
{
	static void (*const checks[])(struct build *, const struct conf_node *) = {
	        check_modes,           check_ports,
	        check_bypass_rules,    check_ca_names,
	        check_certificates,    check_trust_stores,
	        check_proxies,         check_tuples,
	        check_policy_names,    check_action_sets,
	        check_limits,          notice_unused,
	        check_client_proxies,  check_decryption_policies,
	        check_client_policies,
	};

	for (size_t i = 0; i < SL_ARRAY_LEN(checks); i++)
		checks[i](b, root);
}
