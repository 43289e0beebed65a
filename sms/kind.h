/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kinds of objects as they are named on the command line, once: X(word, "collection", object).
 * `object`: the schema's row of a setting's body. The two lists of words are what command.def
 * writes its arguments with; tests/unit/sms/kinds.c holds all of it against the kinds of smsd.
 */
#pragma once

#include <stddef.h>

#include "lib/base/attr.h"
#include "lib/conf/schema.h"

#define SETTING_KINDS(X)                                                                           \
	X("trust-store", "trust-stores", conf_object_trust_store)                                  \
	X("action-set", "action-sets", conf_object_action_set)                                     \
	X("decryption-policy", "decryption-policies", conf_object_decryption_policy)               \
	X("server-proxy", "server-proxies", conf_object_server_proxy)                              \
	X("client-proxy", "client-proxies", conf_object_client_proxy)                              \
	X("profile", "profiles", conf_object_profile)                                              \
	X("virtual-segment", "virtual-segments", conf_object_virtual_segment)

#define CERTIFICATE_WORDS "certificate|ca-certificate|signing-request"
#define SETTING_WORDS                                                                              \
	"trust-store|action-set|decryption-policy|server-proxy|client-proxy|profile|"              \
	"virtual-segment"

struct kind {
	const char *word;       /* "server-proxy" */
	const char *collection; /* "server-proxies" */
	const struct conf_object *object;
};

/* In an order in which each may refer to those before it; NULL behind the last. */
const struct kind *kind_at(size_t index);

/* NULL: the word is no setting's. */
const struct kind *kind_find(const char *word) SL_NONNULL(1);
