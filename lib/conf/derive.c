/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one setting decides about another: selections by the preset (R42), the default certificate,
 * two failure classes by their settings (R155), and "all" for sets that mean it.
 */
#include <string.h>

#include "lib/conf/build_priv.h"
#include "lib/conf/suite.h"

/* The suites that seed_compatible leaves out (R45), unless the document has a list of its own. */
static void deselect_by_preset(struct build *b, struct config_tls_side *side)
{
	const struct conf_suite *suite;
	const char **names;
	size_t count = 0;

	if (side->deselected_suites.items)
		return;
	names = build_alloc(b, CONF_SUITES_MAX, sizeof(*names));
	if (!names)
		return;
	for (size_t i = 0; (suite = conf_suite_at(i)) != NULL; i++)
		if (!suite->seed)
			names[count++] = suite->name;
	side->deselected_suites = (struct config_names){names, count};
}

static void derive_side(struct build *b, enum config_preset preset, struct config_tls_side *side)
{
	conf_preset_fill(preset, side);
	if (preset == CONFIG_PRESET_SEED_COMPATIBLE)
		deselect_by_preset(b, side);
}

static bool is_written(const struct conf_node *map, const char *key)
{
	const struct conf_node *node = map ? conf_node_find(map, key) : NULL;

	return node && node->kind != CONF_NULL;
}

/* R120: duplicates are discarded. */
static void discard_duplicates(struct build *b, const struct conf_node *node,
                               struct config_server_proxy *proxy)
{
	bool seen[CONFIG_CERTIFICATES_MAX] = {false};
	const struct config_certificate **items =
	        (const struct config_certificate **)proxy->certificates;
	size_t kept = 0;

	for (size_t i = 0; i < proxy->certificates_count; i++) {
		const struct config_certificate *cert = items[i];

		if (cert && seen[cert->index]) {
			conf_errors_notice(b->errs, conf_node_find(node, "certificates"),
			                   "name it once", "the certificate \"%s\" is named twice",
			                   cert->name ? cert->name : "");
			continue;
		}
		if (cert)
			seen[cert->index] = true;
		items[kept++] = cert;
	}
	proxy->certificates_count = kept;
}

/* Two failure classes by the settings of their own, where the map does not name them. */
static void derive_classes(const struct conf_node *node, struct config_proxy *proxy)
{
	const struct conf_node *classes = conf_node_find(node, "on_failure_class");

	if (!is_written(classes, "overload"))
		proxy->on_failure[FAILURE_OVERLOAD] = proxy->on_overload;
	if (!is_written(classes, "keys_unavailable"))
		proxy->on_failure[FAILURE_KEYS] = proxy->on_keys_unavailable;
	proxy->on_overload = proxy->on_failure[FAILURE_OVERLOAD];
	proxy->on_keys_unavailable = proxy->on_failure[FAILURE_KEYS];
}

static void derive_server_proxy(struct build *b, const struct conf_node *node,
                                struct config_server_proxy *proxy)
{
	discard_duplicates(b, node, proxy);
	proxy->common.kind = CONFIG_PROXY_SERVER;
	derive_side(b, proxy->common.preset, &proxy->common.client_side);
	derive_side(b, proxy->common.preset, &proxy->common.server_side);
	if (!proxy->default_certificate && proxy->certificates_count > 0 &&
	    !is_written(node, "default_certificate"))
		proxy->default_certificate = proxy->certificates[0];
	derive_classes(node, &proxy->common);
}

/* R100 and R101 are two failure classes by other names; the map has the last word. */
static void derive_switch(const struct conf_node *node, const char *class,
                          enum config_action *action, bool *blocks)
{
	if (!is_written(conf_node_find(node, "on_failure_class"), class))
		*action = *blocks ? CONFIG_BLOCK : CONFIG_ALLOW;
	*blocks = *action == CONFIG_BLOCK;
}

static void derive_client_proxy(struct build *b, const struct conf_node *node,
                                struct config_client_proxy *proxy)
{
	derive_switch(node, "invalid_chain", &proxy->common.on_failure[FAILURE_CHAIN],
	              &proxy->block_invalid_certificates);
	derive_switch(node, "expired", &proxy->common.on_failure[FAILURE_EXPIRED],
	              &proxy->block_expired_certificates);
	proxy->common.kind = CONFIG_PROXY_CLIENT;
	derive_side(b, proxy->common.preset, &proxy->common.client_side);
	proxy->common.server_side = proxy->common.client_side;
	derive_classes(node, &proxy->common);
}

static const struct conf_node *first_of(const struct conf_node *root, const char *key)
{
	const struct conf_node *list = conf_node_find(root, key);

	return list ? list->child : NULL;
}

void build_derive(struct build *b, const struct conf_node *root)
{
	const struct conf_node *node = first_of(root, "ssl_server_proxies");
	struct config *c = b->config;

	/* The build's own arrays, which become read-only with the finished config. */
	for (size_t i = 0; i < c->server_proxies_count && node; i++, node = node->next)
		derive_server_proxy(b, node, (struct config_server_proxy *)&c->server_proxies[i]);
	node = first_of(root, "ssl_client_proxies");
	for (size_t i = 0; i < c->client_proxies_count && node; i++, node = node->next)
		derive_client_proxy(b, node, (struct config_client_proxy *)&c->client_proxies[i]);
	for (size_t i = 0; i < c->logging.syslog_count; i++)
		if (c->logging.syslog[i].kinds == 0)
			((struct config_syslog *)&c->logging.syslog[i])->kinds =
			        conf_choices_find("event_kind")->count < 32
			                ? (1u << conf_choices_find("event_kind")->count) - 1
			                : UINT32_MAX;
}
