/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/publish/content.h"

#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/conf/config.h"
#include "lib/conf/error.h"
#include "lib/conf/node.h"
#include "lib/conf/object.h"
#include "lib/domain/category.h"
#include "lib/licence/licence.h"
#include "lib/pki/cert.h"
#include "lib/pki/file.h"

#define MIB (1024ull * 1024)

static const struct {
	const char *section;
	uint64_t size_max, content_max;
} kinds[PACKAGE_KIND_END] = {
        [PACKAGE_CATEGORIES] = {PACKAGE_SECTION_CATEGORIES, 128 * MIB, 256 * MIB},
        [PACKAGE_DECRYPTION] = {PACKAGE_SECTION_DECRYPTION, 4 * MIB, 4 * MIB},
        [PACKAGE_CA] = {PACKAGE_SECTION_CA, PKI_FILE_MAX, PKI_FILE_MAX},
        [PACKAGE_LICENCE] = {LICENCE_SECTION, LICENCE_MAX, LICENCE_JSON_MAX},
};

uint64_t publish_size_max(enum package_kind kind)
{
	return kind < PACKAGE_KIND_END ? kinds[kind].size_max : 0;
}

uint64_t publish_content_max(enum package_kind kind)
{
	return kind < PACKAGE_KIND_END ? kinds[kind].content_max : 0;
}

const char *publish_section(enum package_kind kind)
{
	return kind < PACKAGE_KIND_END && kinds[kind].section ? kinds[kind].section : "";
}

/* ---- checks ------------------------------------------------------------------------------ */

static int malformed(struct pki_error *err, enum package_kind kind, int code)
{
	return pki_error_set(err, code, "get the package again, or make it with tmc",
	                     "its %s cannot be read: %s", package_kind_title(kind), err_text(code));
}

/* How many names are in each category. */
static json_t *list_categories(const struct categories *c)
{
	size_t *counts = calloc(c->count + 1ul, sizeof(*counts)), at = 0;
	json_t *list = counts ? json_array() : NULL;
	struct domain_match m;

	while (list && domain_map_next(&c->map, &at, &m))
		for (size_t i = 0; i < category_set_size(c, m.value); i++)
			counts[category_set_member(c, m.value, i)]++;
	for (uint32_t i = 0; list && i < c->count; i++)
		(void)json_array_append_new(
		        list, json_pack("{s:s, s:s, s:I}", "category", category_name(c, i), "title",
		                        category_title(c, i), "names", (json_int_t)counts[i]));
	free(counts);
	return list;
}

static int check_categories(const void *bytes, size_t len, json_t **ret_summary,
                            struct pki_error *err)
{
	struct categories c;
	json_t *list;
	int rc = categories_open(bytes, len, &c);

	if (rc != 0)
		return malformed(err, PACKAGE_CATEGORIES, rc);
	list = list_categories(&c);
	*ret_summary =
	        list ? json_pack("{s:I, s:o}", "names", (json_int_t)c.map.count, "categories", list)
	             : NULL;
	return 0;
}

static int check_certificates(const void *bytes, size_t len, json_t **ret_summary,
                              struct pki_error *err)
{
	STACK_OF(X509) * certs;
	int rc = pki_certificates_parse("the package", bytes, len, &certs, err);

	if (rc != 0)
		return rc;
	*ret_summary = json_pack("{s:i}", "certificates", sk_X509_num(certs));
	sk_X509_pop_free(certs, X509_free);
	return 0;
}

static bool is_empty(const json_t *policy, const char *key)
{
	const char *text = json_string_value(json_object_get(policy, key));

	return !text || text[0] == '\0';
}

static int refused(const struct conf_errors *errs, int code, const char *what,
                   struct pki_error *err)
{
	const struct conf_error *first = errs->count ? &errs->items[0] : NULL;

	return pki_error_set(err, code, first ? first->remedy : "", "%s: %s%s%s", what,
	                     first ? first->pointer : "", first && first->pointer[0] ? ": " : "",
	                     first ? first->text : err_text(code));
}

/* By the check of a whole document, with a segment that stands for any. */
static int check_in_document(const json_t *policy, struct conf_errors *errs)
{
	json_t *root = json_pack("{s:i, s:[{s:s, s:s, s:s}], s:[O]}", "version", 1, "segments",
	                         "name", "any", "port_a", "a", "port_b", "b", "decryption_policies",
	                         (json_t *)policy);
	struct conf_document *doc;
	struct config *config = NULL;
	int rc = root ? conf_load_value("", root, errs, &doc) : SL_ENOMEM;

	json_decref(root);
	if (rc != 0)
		return rc;
	rc = config_build(conf_document_root(doc), errs, &config);
	config_put(config);
	conf_document_destroy(doc);
	return rc;
}

static int check_policy(const void *bytes, size_t len, json_t **ret_summary, struct pki_error *err)
{
	struct conf_errors errs;
	const char *name;
	json_t *policy;
	int rc;

	conf_errors_init(&errs);
	rc = conf_object_read(&conf_object_decryption_policy, bytes, len, &errs, &policy);
	if (rc == 0) {
		rc = check_in_document(policy, &errs);
		if (rc != 0)
			json_decref(policy);
	}
	if (rc != 0)
		(void)refused(&errs, rc, "decryption policy", err);
	conf_errors_fini(&errs);
	if (rc != 0)
		return rc;
	name = json_string_value(json_object_get(policy, "name"));
	if (!name || strcmp(name, PUBLISH_POLICY) != 0)
		rc = pki_error_set(err, SL_EINVAL, "name it " PUBLISH_POLICY,
		                   "the recommended decryption policy is called " PUBLISH_POLICY);
	else if (!is_empty(policy, "domains_file") || !is_empty(policy, "category_overrides_file"))
		rc = pki_error_set(err, SL_EINVAL, "write the domains into the policy itself",
		                   "a decryption policy in a package names no file");
	else
		*ret_summary = json_pack(
		        "{s:I, s:I, s:I}", "domains",
		        (json_int_t)json_array_size(json_object_get(policy, "domains")),
		        "overrides",
		        (json_int_t)json_array_size(json_object_get(policy, "category_overrides")),
		        "categories",
		        (json_int_t)json_array_size(json_object_get(policy, "categories")));
	json_decref(policy);
	return rc;
}

static int check_licence(const void *bytes, size_t len, json_t **ret_summary, struct pki_error *err)
{
	struct conf_errors errs;
	json_t *licence;
	int rc;

	conf_errors_init(&errs);
	rc = licence_read(bytes, len, &errs, &licence);
	if (rc != 0) {
		(void)refused(&errs, rc, "licence", err);
	} else {
		*ret_summary =
		        json_pack("{s:I}", "devices",
		                  (json_int_t)json_array_size(json_object_get(licence, "devices")));
		json_decref(licence);
	}
	conf_errors_fini(&errs);
	return rc;
}

int publish_content_check(enum package_kind kind, const void *bytes, size_t len,
                          json_t **ret_summary, struct pki_error *err)
{
	json_t *summary = NULL;
	int rc;

	if (len > publish_content_max(kind))
		return pki_error_set(err, SL_ELIMIT, "leave some out",
		                     "%s have at most %llu bytes, this has %zu",
		                     package_kind_title(kind),
		                     (unsigned long long)publish_content_max(kind), len);
	if (kind == PACKAGE_CATEGORIES)
		rc = check_categories(bytes, len, &summary, err);
	else if (kind == PACKAGE_CA)
		rc = check_certificates(bytes, len, &summary, err);
	else if (kind == PACKAGE_DECRYPTION)
		rc = check_policy(bytes, len, &summary, err);
	else
		rc = check_licence(bytes, len, &summary, err);
	if (rc == 0 && !summary)
		rc = pki_error_set(err, SL_ENOMEM, "", "out of memory");
	if (rc == 0)
		*ret_summary = summary;
	return rc;
}

int publish_content_read(const struct package *package, struct buf *out, json_t **ret_summary,
                         struct pki_error *err)
{
	enum package_kind kind = package_info(package)->kind;
	int rc;

	if (publish_content_max(kind) == 0)
		return pki_error_set(err, SL_EUNSUPPORTED, "update, or leave it out",
		                     "this build has no use for a package of %s",
		                     package_kind_title(kind));
	rc = package_read(package, publish_section(kind), out);
	if (rc != 0)
		return malformed(err, kind, rc);
	return publish_content_check(kind, out->data ? out->data : (const uint8_t *)"", out->len,
	                             ret_summary, err);
}
