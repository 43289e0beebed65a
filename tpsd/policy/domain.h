/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a decryption policy says of a name (R105-R109): its domain list, its category overrides, its
 * categories, in this order. Opened once a revision from the image, looked up without an
 * allocation. Worker's thread, which owns it. docs/internals/client.md.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/attr.h"

struct conf_image;
struct config_decryption_policy;
struct decryption;

enum domain_kind {
	DOMAIN_DECRYPT,  /* nothing speaks against it */
	DOMAIN_EXCEPTED, /* R109: a domain that is not decrypted */
	DOMAIN_OVERRIDE, /* R108: a domain that is decrypted whatever its category */
	DOMAIN_CATEGORY, /* R106: a category that is not decrypted */
};

enum { DOMAIN_VERDICT_TEXT = 128 };

struct domain_verdict {
	enum domain_kind kind;
	/* The pattern, or the category's name; cut when longer; "" with DOMAIN_DECRYPT. */
	char text[DOMAIN_VERDICT_TEXT];
};

/* Whether the name is not to be decrypted. */
static inline bool domain_is_excepted(const struct domain_verdict *v)
{
	return v->kind == DOMAIN_EXCEPTED || v->kind == DOMAIN_CATEGORY;
}

/* `d` NULL: everything is decrypted. A name that is none is decrypted. `categories` false: they are
 * not licensed (R40), and count for nothing. */
void decryption_judge(const struct decryption *d, const char *name, size_t len, bool categories,
                      struct domain_verdict *ret) SL_NONNULL(2, 5);

/*
 * Opens a policy's lists and the categories in the image, and keeps a reference of the image while
 * it lives. A category that the image does not know matches nothing. SL_EMALFORMED, SL_ENOMEM.
 */
int decryption_create(const struct conf_image *image, const struct config_decryption_policy *policy,
                      struct decryption **ret) SL_NONNULL(1, 2, 3) SL_MUST;

void decryption_destroy(struct decryption *d);
