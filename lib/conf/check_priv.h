/* SPDX-License-Identifier: Apache-2.0 */
/* Between check.c, check_proxy.c and check_client.c. */
#pragma once

#include "lib/conf/build_priv.h"

/* The node of an item's setting if it is written, else of the item. */
const struct conf_node *check_place(const struct conf_node *map, const char *key) SL_NONNULL(1, 2);

/* First item of a list; NULL when there is none. */
const struct conf_node *check_first(const struct conf_node *map, const char *key) SL_NONNULL(1, 2);

/* Rules about certificates, trust stores and server proxies. */
void check_ca_names(struct build *b, const struct conf_node *root) SL_NONNULL(1, 2);
void check_certificates(struct build *b, const struct conf_node *root) SL_NONNULL(1, 2);
void check_trust_stores(struct build *b, const struct conf_node *root) SL_NONNULL(1, 2);
void check_proxies(struct build *b, const struct conf_node *root) SL_NONNULL(1, 2);
void check_tuples(struct build *b, const struct conf_node *root) SL_NONNULL(1, 2);

/* What a proxy of either kind must obey: the setting `key` holds the selections of `side` (R43,
 * R51); HTTP/2 that will not be read is worth a notice (R102). */
void check_selections(struct build *b, const struct conf_node *proxy, const char *key,
                      const struct config_tls_side *side) SL_NONNULL(1, 2, 3, 4);
void check_http2(struct build *b, const struct conf_node *node, const struct config_proxy *p)
        SL_NONNULL(1, 2, 3);

/* Rules about client inspection. */
void check_client_proxies(struct build *b, const struct conf_node *root) SL_NONNULL(1, 2);
void check_decryption_policies(struct build *b, const struct conf_node *root) SL_NONNULL(1, 2);
void check_client_policies(struct build *b, const struct conf_node *root) SL_NONNULL(1, 2);
