/* SPDX-License-Identifier: Apache-2.0 */
/* What a package brings that is not here, and what it leaves out. */
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/domain/category.h"
#include "lib/pki/cert.h"
#include "lib/publish/content.h"

enum { FIRST = 20 /* names that are told one by one */ };

/* Names of one side that the other has not. */
struct side {
	json_t *first;
	json_int_t count;
};

static void side_add(struct side *side, const char *name, size_t len)
{
	side->count++;
	if (json_array_size(side->first) < FIRST)
		(void)json_array_append_new(side->first, json_stringn(name, len));
}

/* Takes the list over. */
static int side_put(json_t *diff, const char *key, struct side *side)
{
	json_t *value = json_pack("{s:I, s:o}", "count", side->count, "first", side->first);

	side->first = NULL;
	return json_object_set_new(diff, key, value) == 0 ? 0 : SL_ENOMEM;
}

/* ---- categories -------------------------------------------------------------------------- */

/* A name, and whether it is in the same categories there. */
static bool has_name(const struct categories *of, const struct domain_match *m,
                     const struct categories *in)
{
	struct domain_match there;
	size_t count = category_set_size(of, m->value);

	if (!categories_lookup(in, m->pattern, m->pattern_len, &there) ||
	    there.pattern_len != m->pattern_len || category_set_size(in, there.value) != count)
		return false;
	for (size_t i = 0; i < count; i++) {
		const char *name = category_name(of, category_set_member(of, m->value, i));
		bool found = false;

		for (size_t k = 0; k < count && !found; k++)
			found = strcmp(category_name(in, category_set_member(in, there.value, k)),
			               name) == 0;
		if (!found)
			return false;
	}
	return true;
}

static void compare_categories(const struct categories *of, const struct categories *in,
                               struct side *names, struct side *categories)
{
	struct domain_match m;
	size_t at = 0;
	uint32_t other;

	while (domain_map_next(&of->map, &at, &m))
		if (!has_name(of, &m, in))
			side_add(names, m.pattern, m.pattern_len);
	for (uint32_t i = 0; i < of->count; i++)
		if (category_find(in, category_name(of, i), &other) != 0)
			side_add(categories, category_name(of, i), strlen(category_name(of, i)));
}

/* ---- lists of texts ---------------------------------------------------------------------- */

static void compare_texts(const json_t *of, const json_t *in, struct side *names)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)of, key, value)
	{
		if (!json_object_get(in, key))
			side_add(names, json_string_value(value), json_string_length(value));
	}
}

/* Subjects by digest: two of one subject are two. */
static int list_certificates(const void *bytes, size_t len, json_t *to)
{
	char subject[PKI_SUBJECT_MAX], hex[2 * EVP_MAX_MD_SIZE + 1];
	unsigned char digest[EVP_MAX_MD_SIZE];
	STACK_OF(X509) * certs;
	struct pki_error err;
	unsigned size;
	int rc = pki_certificates_parse("", bytes, len, &certs, &err);

	if (rc != 0)
		return rc;
	for (int i = 0; rc == 0 && i < sk_X509_num(certs); i++) {
		X509 *cert = sk_X509_value(certs, i);

		if (X509_digest(cert, EVP_sha256(), digest, &size) != 1) {
			rc = SL_ECRYPTO;
			break;
		}
		for (unsigned k = 0; k < size; k++)
			(void)snprintf(hex + 2ul * k, 3, "%02x", digest[k]);
		if (json_object_set_new(to, hex, json_string(pki_cert_subject(cert, subject))) != 0)
			rc = SL_ENOMEM;
	}
	sk_X509_pop_free(certs, X509_free);
	return rc;
}

static int list_policy(const void *bytes, size_t len, const char *key, json_t *to)
{
	json_t *policy = json_loadb(bytes, len, 0, NULL), *text;
	size_t i;
	int rc = policy ? 0 : SL_EMALFORMED;

	json_array_foreach(json_object_get(policy, key), i, text)
	{
		const char *name = json_string_value(text);

		if (name && json_object_set(to, name, text) != 0)
			rc = SL_ENOMEM;
	}
	json_decref(policy);
	return rc;
}

/* ---- the whole --------------------------------------------------------------------------- */

struct diff {
	struct side added, removed, categories_added, categories_removed;
};

static int diff_categories(const void *old_bytes, size_t old_len, const void *new_bytes,
                           size_t new_len, struct diff *d)
{
	struct categories now = {.count = 0}, next;
	int rc = categories_open(new_bytes, new_len, &next);

	if (rc == 0 && old_len > 0)
		rc = categories_open(old_bytes, old_len, &now);
	if (rc != 0)
		return rc;
	compare_categories(&next, &now, &d->added, &d->categories_added);
	compare_categories(&now, &next, &d->removed, &d->categories_removed);
	return 0;
}

static int list_one(enum package_kind kind, const void *bytes, size_t len, const char *key,
                    json_t *to)
{
	if (len == 0)
		return 0;
	return kind == PACKAGE_CA ? list_certificates(bytes, len, to)
	                          : list_policy(bytes, len, key, to);
}

static int diff_lists(enum package_kind kind, const char *key, const void *old_bytes,
                      size_t old_len, const void *new_bytes, size_t new_len, struct side *added,
                      struct side *removed)
{
	json_t *now = json_object(), *next = json_object();
	int rc = now && next ? list_one(kind, old_bytes, old_len, key, now) : SL_ENOMEM;

	if (rc == 0)
		rc = list_one(kind, new_bytes, new_len, key, next);
	if (rc == 0) {
		compare_texts(next, now, added);
		compare_texts(now, next, removed);
	}
	json_decref(now);
	json_decref(next);
	return rc;
}

static int diff_all(enum package_kind kind, const void *old_bytes, size_t old_len,
                    const void *new_bytes, size_t new_len, struct diff *d)
{
	int rc;

	if (kind == PACKAGE_CATEGORIES)
		return diff_categories(old_bytes, old_len, new_bytes, new_len, d);
	if (kind != PACKAGE_CA && kind != PACKAGE_DECRYPTION)
		return 0;
	rc = diff_lists(kind, "domains", old_bytes, old_len, new_bytes, new_len, &d->added,
	                &d->removed);
	if (rc == 0 && kind == PACKAGE_DECRYPTION)
		rc = diff_lists(kind, "categories", old_bytes, old_len, new_bytes, new_len,
		                &d->categories_added, &d->categories_removed);
	return rc;
}

int publish_content_diff(enum package_kind kind, const void *old_bytes, size_t old_len,
                         const void *new_bytes, size_t new_len, json_t **ret_diff)
{
	struct diff d = {
	        {json_array(), 0}, {json_array(), 0}, {json_array(), 0}, {json_array(), 0}};
	json_t *diff = json_object();
	int rc = diff && d.added.first && d.removed.first && d.categories_added.first &&
	                         d.categories_removed.first
	                 ? diff_all(kind, old_bytes, old_len, new_bytes, new_len, &d)
	                 : SL_ENOMEM;

	if (rc == 0)
		rc = side_put(diff, "added", &d.added);
	if (rc == 0)
		rc = side_put(diff, "removed", &d.removed);
	if (rc == 0)
		rc = side_put(diff, "categories_added", &d.categories_added);
	if (rc == 0)
		rc = side_put(diff, "categories_removed", &d.categories_removed);
	json_decref(d.added.first);
	json_decref(d.removed.first);
	json_decref(d.categories_added.first);
	json_decref(d.categories_removed.first);
	if (rc == 0)
		*ret_diff = diff;
	else
		json_decref(diff);
	return rc;
}
