/* SPDX-License-Identifier: Apache-2.0 */
/* Between check.c and check_proxy.c. */
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
