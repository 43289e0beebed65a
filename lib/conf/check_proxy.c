/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What must fit together of certificates, trust stores and server proxies; see check.c. All of it
 * bears what earlier errors left behind.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/conf/check_priv.h"
#include "lib/conf/suite.h"

/* ---- certificates and trust -------------------------------------------------------------- */

/* R76. */
void check_ca_names(struct build *b, const struct conf_node *root)
{
	const struct conf_node *node = check_first(root, "ca_certificates");

	for (; node; node = node->next) {
		const struct conf_node *name = conf_node_find(node, "name");

		if (name && strcmp(name->value, "ca") == 0)
			(void)conf_errors_add(b->errs, name, SL_EINVAL, "choose another name",
			                      "the name \"ca\" is reserved");
	}
}

static bool is_key_id(const char *text)
{
	return strlen(text) == 2 * (size_t)CONFIG_KEY_ID &&
	       strspn(text, "0123456789abcdef") == 2 * (size_t)CONFIG_KEY_ID;
}

/* A key comes from one place: a file here, or the management system. */
static void check_key_id(struct build *b, const struct conf_node *node,
                         const struct config_certificate *c)
{
	const struct conf_node *at = check_place(node, "key_id");

	if (!is_key_id(c->key_id))
		(void)conf_errors_add(b->errs, at, SL_EMALFORMED,
		                      "write 64 hexadecimal digits in lower case",
		                      "key_id is not the SHA-256 of a public key");
	if (c->private_key && c->private_key[0])
		(void)conf_errors_add(b->errs, at, SL_ECONFLICT, "name one of both",
		                      "a key that the management system sends is in no file");
	if (c->password_file && c->password_file[0])
		(void)conf_errors_add(b->errs, check_place(node, "password_file"), SL_ECONFLICT,
		                      "leave it out",
		                      "a key that the management system sends has no password");
	if (c->format == CONFIG_FORMAT_PKCS12)
		(void)conf_errors_add(b->errs, at, SL_ECONFLICT, "leave it out",
		                      "the key of a PKCS12 file is in that file");
}

void check_certificates(struct build *b, const struct conf_node *root)
{
	const struct conf_node *node = check_first(root, "certificates");

	for (size_t i = 0; i < b->config->certificates_count && node; i++, node = node->next) {
		const struct config_certificate *c = &b->config->certificates[i];

		if (c->key_id && c->key_id[0])
			check_key_id(b, node, c);
		else if (c->format == CONFIG_FORMAT_PKCS12 && c->private_key && c->private_key[0])
			(void)conf_errors_add(b->errs, check_place(node, "private_key"),
			                      SL_ECONFLICT, "leave it out",
			                      "the key of a PKCS12 file is in that file");
	}
}

void check_trust_stores(struct build *b, const struct conf_node *root)
{
	const struct conf_node *node = check_first(root, "trust_stores");

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
			conf_errors_notice(b->errs, check_place(at, "protocols"),
			                   "select more of key_exchange, bulk and mac, or leave "
			                   "the protocol out",
			                   "no selected cipher suite is for %s",
			                   conf_choice_text("tls_protocol", p));
	}
}

/* R43, R51. */
void check_selections(struct build *b, const struct conf_node *proxy, const char *key,
                      const struct config_tls_side *side)
{
	const uint32_t tls = CONFIG_BIT(CONFIG_TLS1_0) | CONFIG_BIT(CONFIG_TLS1_1) |
	                     CONFIG_BIT(CONFIG_TLS1_2) | CONFIG_BIT(CONFIG_TLS1_3);
	const struct conf_suite *suites[CONF_SUITES_MAX];
	const struct conf_node *at = check_place(proxy, key);

	if (side->protocols & CONFIG_BIT(CONFIG_SSL3) && (side->protocols & tls) != tls)
		(void)conf_errors_add(b->errs, check_place(at, "protocols"), SL_ECONFLICT,
		                      "name TLSv1.0, TLSv1.1, TLSv1.2 and TLSv1.3 too",
		                      "SSLv3 requires every TLS version");
	else if (!is_contiguous(side->protocols))
		(void)conf_errors_add(b->errs, check_place(at, "protocols"), SL_ECONFLICT,
		                      "name the versions in between too",
		                      "protocols between the lowest and the highest are missing");
	for (size_t i = 0; i < side->deselected_suites.count; i++)
		if (!conf_suite_find(side->deselected_suites.items[i]))
			(void)conf_errors_add(b->errs, check_place(at, "deselected_suites"),
			                      SL_ENOENT, "docs/configuration.md lists the suites",
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
		(void)conf_errors_add(b->errs, check_place(node, "default_certificate"),
		                      SL_ECONFLICT, "name it under certificates too",
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

		if (at && classes[i].by_client && p->common.on_failure[i] == CONFIG_BYPASS)
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
			(void)conf_errors_add(b->errs, check_place(node, "destinations"),
			                      SL_EUNSUPPORTED, "name IPv4 addresses",
			                      "this build inspects IPv4; IPv6 is forwarded "
			                      "uninspected");
			return;
		}
}

void check_http2(struct build *b, const struct conf_node *node, const struct config_proxy *p)
{
	if (!p->downgrade_http2)
		conf_errors_notice(b->errs, check_place(node, "downgrade_http2"),
		                   "leave it on to have HTTP/1 negotiated",
		                   "HTTP/2 has no inspector in this build: its sessions are read "
		                   "as bytes only");
}

void check_proxies(struct build *b, const struct conf_node *root)
{
	const struct conf_node *node = check_first(root, "ssl_server_proxies");

	for (size_t i = 0; i < b->config->server_proxies_count && node; i++, node = node->next) {
		const struct config_server_proxy *p = &b->config->server_proxies[i];

		check_selections(b, node, "client_side", &p->common.client_side);
		check_selections(b, node, "server_side", &p->common.server_side);
		check_default_certificate(b, node, p);
		check_families(b, node, p);
		notice_client_caused(b, node, p);
		check_http2(b, node, &p->common);
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
		for (size_t r = 0; r < p->common.detection_ports.count; r++)
			tuples[count++] =
			        (struct tuple){p->destinations.items[d],
			                       p->common.detection_ports.items[r], p->common.index};
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
	const struct conf_node *node = item_at(check_first(root, "ssl_server_proxies"), y->proxy);
	const char *other = b->config->server_proxies[x->proxy].common.name;
	char prefix[ADDR_PREFIX_TEXT_MAX];

	(void)conf_errors_add(b->errs, node ? check_place(node, "destinations") : NULL,
	                      SL_ECONFLICT, "keep each destination and port range in one proxy",
	                      "%s with ports %u-%u is in the proxy \"%s\" already",
	                      addr_format_prefix(&y->prefix, prefix), y->ports.first, y->ports.last,
	                      other ? other : "");
}

void check_tuples(struct build *b, const struct conf_node *root)
{
	enum { TUPLES_MAX = 1000000 };
	const struct config *c = b->config;
	struct tuple *tuples;
	size_t count = 0;

	for (size_t i = 0; i < c->server_proxies_count; i++)
		count += c->server_proxies[i].destinations.count *
		         c->server_proxies[i].common.detection_ports.count;
	if (count > TUPLES_MAX) {
		(void)conf_errors_add(b->errs, check_place(root, "ssl_server_proxies"), SL_ELIMIT,
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
