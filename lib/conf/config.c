/* SPDX-License-Identifier: Apache-2.0 */
/* Life of a configuration and look-up by name. */
#include "lib/conf/config_priv.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/magic.h"
#include "lib/conf/node.h"

enum { CONFIG_MAGIC = 0x434f4e46 };

struct config_store {
	struct arena arena;
	unsigned refs;
};

struct config *config_create(void)
{
	struct config_store *store = calloc(1, sizeof(*store));
	struct config *c = calloc(1, sizeof(*c));

	if (!store || !c) {
		free(store);
		free(c);
		return NULL;
	}
	/* Structs are at most some tens of times the text they come from. */
	arena_init(&store->arena, 64ULL * CONF_DOCUMENT_MAX);
	store->refs = 1;
	c->store = store;
	MAGIC_SET(c, CONFIG_MAGIC);
	return c;
}

struct arena *config_arena(struct config *c)
{
	MAGIC_CHECK(c, CONFIG_MAGIC);
	return &c->store->arena;
}

struct config *config_get(struct config *c)
{
	MAGIC_CHECK(c, CONFIG_MAGIC);
	c->store->refs++;
	return c;
}

void config_put(struct config *c)
{
	if (!c)
		return;
	MAGIC_CHECK(c, CONFIG_MAGIC);
	if (--c->store->refs > 0)
		return;
	arena_fini(&c->store->arena);
	free(c->store);
	MAGIC_CLEAR(c);
	free(c);
}

/*
 * One look-up for each kind of named things: they differ in nothing else. From the end, since an
 * action set of the document takes the place of a built-in one of its name.
 */
#define FIND(what, list, name_of)                                                                  \
	const struct config_##what *config_find_##what(const struct config *c, const char *name)   \
	{                                                                                          \
		MAGIC_CHECK(c, CONFIG_MAGIC);                                                      \
		for (size_t i = c->list##_count; i > 0; i--)                                       \
			if (strcmp(c->list[i - 1].name_of, name) == 0)                             \
				return &c->list[i - 1];                                            \
		return NULL;                                                                       \
	}

FIND(segment, segments, name)
FIND(certificate, certificates, name)
FIND(ca_certificate, ca_certificates, name)
FIND(trust_store, trust_stores, name)
FIND(server_proxy, server_proxies, common.name)
FIND(client_proxy, client_proxies, common.name)
FIND(decryption_policy, decryption_policies, name)
FIND(action_set, action_sets, name)
FIND(profile, profiles, name)
FIND(virtual_segment, virtual_segments, name)

bool config_is_issuer(const struct config *c, const struct config_certificate *certificate)
{
	for (size_t i = 0; i < c->client_proxies_count; i++)
		if (c->client_proxies[i].signing_certificate == certificate ||
		    c->client_proxies[i].successor == certificate)
			return true;
	return false;
}
