/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cipher suites, and which of them a side's selections leave (R44-R51). Static tables: any
 * thread, any process. What the linked TLS library has of them is its owner's to find out (R52).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/conf/config.h"

struct conf_suite {
	uint16_t id;             /* of the IANA registry */
	const char *name;        /* IANA */
	const char *openssl;     /* as SSL_CTX_set_cipher_list or _ciphersuites takes it */
	uint8_t first, last;     /* enum config_tls_protocol */
	uint32_t key_exchange;   /* CONFIG_BIT()s, any of which selects it */
	uint32_t authentication; /* the same */
	uint32_t bulk, mac;      /* one CONFIG_BIT() each */
	bool seed;               /* on in the preset seed_compatible */
};

enum { CONF_SUITES_MAX = 64 };

/* By IANA or OpenSSL name, or by id; NULL when there is none. */
const struct conf_suite *conf_suite_find(const char *name) SL_NONNULL(1);
const struct conf_suite *conf_suite_by_id(uint16_t id);

/* All of them in order of preference; NULL behind the last. */
const struct conf_suite *conf_suite_at(size_t index);

/* The side's selections take this suite in at least one of its protocols. */
bool conf_suite_selected(const struct conf_suite *suite, const struct config_tls_side *side)
        SL_NONNULL(1, 2);

/* All that the side's selections take, in order of preference; returns how many. */
size_t conf_suites_select(const struct config_tls_side *side,
                          const struct conf_suite *ret_suites[CONF_SUITES_MAX]) SL_NONNULL(1, 2);

/* The preset's selections where the side has none of its own. What seed_compatible deselects beyond
 * them is by `seed` (R45), unless the side has a list. */
void conf_preset_fill(enum config_preset preset, struct config_tls_side *side) SL_NONNULL(2);
