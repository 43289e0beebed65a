/* SPDX-License-Identifier: Apache-2.0 */
/* The table of suites, the one rule by which selections choose from it, and the presets (R42). */
#include "lib/conf/suite.h"

#include <assert.h>
#include <string.h>

#include "lib/conf/config.h"

enum {
	KX_ANY = CONFIG_BIT(CONFIG_KX_ECDHE) | CONFIG_BIT(CONFIG_KX_RSA),
	KX_ECDHE = CONFIG_BIT(CONFIG_KX_ECDHE),
	KX_RSA = CONFIG_BIT(CONFIG_KX_RSA),
	AUTH_ANY = CONFIG_BIT(CONFIG_AUTH_RSA) | CONFIG_BIT(CONFIG_AUTH_ECDSA),
	AUTH_RSA = CONFIG_BIT(CONFIG_AUTH_RSA),
	AUTH_ECDSA = CONFIG_BIT(CONFIG_AUTH_ECDSA),
};

static const struct conf_suite suites[] = {
#define X(id, name, openssl, first, last, kx, auth, bulk, mac, seed)                               \
	{id,                                                                                       \
	 name,                                                                                     \
	 openssl,                                                                                  \
	 CONFIG_##first,                                                                           \
	 CONFIG_##last,                                                                            \
	 KX_##kx,                                                                                  \
	 AUTH_##auth,                                                                              \
	 CONFIG_BIT(CONFIG_BULK_##bulk),                                                           \
	 CONFIG_BIT(CONFIG_MAC_##mac),                                                             \
	 seed},
#include "lib/conf/suite.def"
};

_Static_assert(SL_ARRAY_LEN(suites) <= CONF_SUITES_MAX, "a caller's array holds them all");

const struct conf_suite *conf_suite_find(const char *name)
{
	for (size_t i = 0; i < SL_ARRAY_LEN(suites); i++)
		if (strcmp(suites[i].name, name) == 0 || strcmp(suites[i].openssl, name) == 0)
			return &suites[i];
	return NULL;
}

const struct conf_suite *conf_suite_by_id(uint16_t id)
{
	for (size_t i = 0; i < SL_ARRAY_LEN(suites); i++)
		if (suites[i].id == id)
			return &suites[i];
	return NULL;
}

const struct conf_suite *conf_suite_at(size_t index)
{
	return index < SL_ARRAY_LEN(suites) ? &suites[index] : NULL;
}

static bool is_deselected(const struct conf_suite *suite, const struct config_tls_side *side)
{
	for (size_t i = 0; i < side->deselected_suites.count; i++)
		if (conf_suite_find(side->deselected_suites.items[i]) == suite)
			return true;
	return false;
}

bool conf_suite_selected(const struct conf_suite *suite, const struct config_tls_side *side)
{
	/* Bits first to last of the protocols. */
	uint32_t protocols = (2u << suite->last) - (1u << suite->first);

	return (side->protocols & protocols) && (side->key_exchange & suite->key_exchange) &&
	       (side->authentication & suite->authentication) && (side->bulk & suite->bulk) &&
	       (side->mac & suite->mac) && !is_deselected(suite, side);
}

size_t conf_suites_select(const struct config_tls_side *side,
                          const struct conf_suite *ret_suites[CONF_SUITES_MAX])
{
	size_t count = 0;

	for (size_t i = 0; i < SL_ARRAY_LEN(suites); i++)
		if (conf_suite_selected(&suites[i], side))
			ret_suites[count++] = &suites[i];
	return count;
}

/* ---- presets ----------------------------------------------------------------------------- */

struct preset {
	uint32_t protocols, key_exchange, authentication, bulk, mac;
};

#define BIT(id) CONFIG_BIT(CONFIG_##id)

static const struct preset presets[] = {
        [CONFIG_PRESET_MODERN] =
                {
                        .protocols = BIT(TLS1_2) | BIT(TLS1_3),
                        .key_exchange = BIT(KX_ECDHE),
                        .authentication = BIT(AUTH_RSA) | BIT(AUTH_ECDSA),
                        .bulk = BIT(BULK_AES256) | BIT(BULK_AES128) | BIT(BULK_CHACHA20),
                        .mac = BIT(MAC_GCM) | BIT(MAC_POLY1305),
                },
        [CONFIG_PRESET_SEED_COMPATIBLE] =
                {
                        .protocols = BIT(TLS1_0) | BIT(TLS1_1) | BIT(TLS1_2) | BIT(TLS1_3),
                        .key_exchange = BIT(KX_ECDHE) | BIT(KX_RSA),
                        .authentication = BIT(AUTH_RSA) | BIT(AUTH_ECDSA),
                        .bulk = BIT(BULK_AES256) | BIT(BULK_AES128) | BIT(BULK_CHACHA20) |
                                BIT(BULK_3DES),
                        .mac = BIT(MAC_GCM) | BIT(MAC_POLY1305) | BIT(MAC_SHA384) |
                               BIT(MAC_SHA256) | BIT(MAC_SHA1),
                },
};

static void preset_set(uint32_t *set, uint32_t value)
{
	if (*set == 0)
		*set = value;
}

void conf_preset_fill(enum config_preset preset, struct config_tls_side *side)
{
	const struct preset *p = &presets[preset];

	preset_set(&side->protocols, p->protocols);
	preset_set(&side->key_exchange, p->key_exchange);
	preset_set(&side->authentication, p->authentication);
	preset_set(&side->bulk, p->bulk);
	preset_set(&side->mac, p->mac);
}
