/* SPDX-License-Identifier: Apache-2.0 */
#include "tpsd/policy/domain.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/conf/config.h"
#include "lib/conf/image.h"
#include "lib/domain/category.h"

struct decryption {
	const struct conf_image *image; /* all of the following lies in it */
	struct domain_map domains, overrides;
	struct categories categories;
	bool excepted[CATEGORIES_MAX]; /* by category: not decrypted */
	bool by_category;              /* any of them */
};

/* A list that the image does not have is empty. */
static int open_map(const struct conf_image *image, const char *pattern, const char *policy,
                    struct domain_map *ret)
{
	const void *data;
	size_t len;

	if (conf_image_section_of(image, pattern, policy, &data, &len) != 0)
		return 0;
	return domain_map_open(data, len, ret);
}

static int open_categories(struct decryption *d, const struct config_names *names)
{
	const void *data;
	uint32_t category;
	size_t len;
	int rc;

	if (names->count == 0 ||
	    conf_image_section(d->image, CONF_SECTION_CATEGORIES, &data, &len) != 0)
		return 0;
	rc = categories_open(data, len, &d->categories);
	if (rc != 0)
		return rc;
	for (size_t i = 0; i < names->count; i++)
		if (category_find(&d->categories, names->items[i], &category) == 0)
			d->excepted[category] = d->by_category = true;
	return 0;
}

int decryption_create(const struct conf_image *image, const struct config_decryption_policy *policy,
                      struct decryption **ret)
{
	struct decryption *d = calloc(1, sizeof(*d));
	int rc;

	if (!d)
		return SL_ENOMEM;
	d->image = conf_image_get(image);
	rc = open_map(image, CONF_SECTION_DOMAINS, policy->name, &d->domains);
	if (rc == 0)
		rc = open_map(image, CONF_SECTION_OVERRIDES, policy->name, &d->overrides);
	if (rc == 0)
		rc = open_categories(d, &policy->categories);
	if (rc != 0) {
		decryption_destroy(d);
		return rc;
	}
	*ret = d;
	return 0;
}

void decryption_destroy(struct decryption *d)
{
	if (!d)
		return;
	conf_image_close(d->image);
	free(d);
}

static void set_verdict(struct domain_verdict *v, enum domain_kind kind, const char *text,
                        size_t len)
{
	len = SL_MIN(len, sizeof(v->text) - 1);
	v->kind = kind;
	memcpy(v->text, text, len);
	v->text[len] = '\0';
}

/* The first of the name's categories that is not decrypted. */
static void find_category(const struct decryption *d, const char *name, size_t len,
                          struct domain_verdict *ret)
{
	struct domain_match m;

	if (!d->by_category || !categories_lookup(&d->categories, name, len, &m))
		return;
	for (size_t i = 0; i < category_set_size(&d->categories, m.value); i++) {
		uint32_t category = category_set_member(&d->categories, m.value, i);
		const char *text = category_name(&d->categories, category);

		if (!d->excepted[category])
			continue;
		set_verdict(ret, DOMAIN_CATEGORY, text, strlen(text));
		return;
	}
}

void decryption_judge(const struct decryption *d, const char *name, size_t len, bool categories,
                      struct domain_verdict *ret)
{
	struct domain_match m;

	set_verdict(ret, DOMAIN_DECRYPT, "", 0);
	if (!d)
		return;
	if (domain_map_find(&d->domains, name, len, &m)) {
		set_verdict(ret, DOMAIN_EXCEPTED, m.pattern, m.pattern_len);
		return;
	}
	if (domain_map_find(&d->overrides, name, len, &m)) {
		set_verdict(ret, DOMAIN_OVERRIDE, m.pattern, m.pattern_len);
		return;
	}
	if (categories)
		find_category(d, name, len, ret);
}
