/* SPDX-License-Identifier: Apache-2.0 */
/* Packages out of what people have. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/conf/error.h"
#include "lib/conf/node.h"
#include "lib/conf/object.h"
#include "lib/domain/category.h"
#include "lib/package/category_import.h"
#include "lib/pki/cert.h"
#include "lib/publish/content.h"
#include "tmc/tmc.h"

/* Where Debian's package ca-certificates has the Mozilla list. */
#define SYSTEM_CAS "/etc/ssl/certs/ca-certificates.crt"

/* ---- any package ------------------------------------------------------------------------- */

static bool fill_text(char *to, size_t size, const char *text)
{
	return (size_t)snprintf(to, size, "%s", text) < size;
}

static int fill_info(struct package_info *info, const json_t *arguments, const char *name,
                     struct pki_error *err)
{
	char date[16];
	time_t when = (time_t)info->created;
	struct tm tm;

	if (!gmtime_r(&when, &tm))
		return pki_error_set(err, SL_EINVAL, "", "SOURCE_DATE_EPOCH is no time");
	(void)strftime(date, sizeof(date), "%Y-%m-%d", &tm);
	if (fill_text(info->name, sizeof(info->name), tmc_argument(arguments, "name", name)) &&
	    fill_text(info->version, sizeof(info->version),
	              tmc_argument(arguments, "version", date)) &&
	    fill_text(info->description, sizeof(info->description),
	              tmc_argument(arguments, "description", "")))
		return 0;
	return pki_error_set(err, SL_ELIMIT, "shorten them",
	                     "name, version or description is too long");
}

static int sign(const json_t *arguments, const struct package_info *info,
                const struct package_section *section, struct buf *out, struct pki_error *err)
{
	EVP_PKEY *key;
	int rc = package_key_load(tmc_argument(arguments, "key", ""), &key, err);

	if (rc != 0)
		return rc;
	rc = package_write(info, section, 1, key, out);
	EVP_PKEY_free(key);
	return rc ? pki_error_set(err, rc, "", "the package cannot be made: %s", err_text(rc)) : 0;
}

/* What is made is what smsd takes. */
static int check(const struct package_info *info, const struct package_section *section,
                 json_t **ret_summary, struct pki_error *err)
{
	return publish_content_check(info->kind, section->data ? section->data : "", section->len,
	                             ret_summary, err);
}

enum tmc_exit tmc_make(const struct tmc *tmc, const json_t *arguments, enum package_kind kind,
                       const struct package_section *section, const char *name, json_t *summary)
{
	struct package_info info = {.kind = kind, .created = package_time()};
	const char *output = tmc_argument(arguments, "output", "");
	json_t *holds = NULL;
	struct pki_error err;
	struct buf out;
	int rc;

	if (output[0] == '\0' || !tmc_argument(arguments, "key", NULL))
		return tmc_fail(TMC_USAGE, "name --key FILE, which signs it, and --output FILE");
	buf_init(&out, PACKAGE_MAX);
	rc = fill_info(&info, arguments, name, &err);
	if (rc == 0)
		rc = check(&info, section, &holds, &err);
	if (rc == 0)
		rc = sign(arguments, &info, section, &out, &err);
	if (rc == 0 && out.len > publish_size_max(kind))
		rc = pki_error_set(&err, SL_ELIMIT, "leave some out", "the package is too large");
	if (rc == 0)
		rc = file_write_new(output, 0644, out.data, out.len, &err);
	if (rc == 0) {
		(void)json_object_del(holds, "categories");
		(void)json_object_set_new(summary, "package", json_string(output));
		(void)json_object_set_new(summary, "version", json_string(info.version));
		(void)json_object_update(summary, holds);
		tmc_print(tmc, summary);
	}
	json_decref(holds);
	buf_fini(&out);
	return rc == 0 ? TMC_OK : tmc_say(&err);
}

/* Of bytes that are there; takes `summary` over. */
static enum tmc_exit make_of(const struct tmc *tmc, const json_t *arguments, enum package_kind kind,
                             const struct buf *bytes, const char *name, json_t *summary)
{
	const struct package_section section = {
	        .name = publish_section(kind), .data = bytes->data, .len = bytes->len};
	enum tmc_exit status = summary ? tmc_make(tmc, arguments, kind, &section, name, summary)
	                               : tmc_fail(TMC_REFUSED, "%s", err_text(SL_ENOMEM));

	json_decref(summary);
	return status;
}

/* ---- CA certificates --------------------------------------------------------------------- */

enum tmc_exit tmc_make_ca_certificates(const struct tmc *tmc, const json_t *arguments)
{
	const char *from = tmc_argument(arguments, "from", SYSTEM_CAS);
	enum tmc_exit status;
	struct pki_error err;
	struct buf bytes;

	buf_init(&bytes, publish_content_max(PACKAGE_CA));
	if (pki_certificates_load_pem(from, &bytes, &err) != 0)
		status = tmc_say(&err);
	else
		status = make_of(tmc, arguments, PACKAGE_CA, &bytes, "CA certificates",
		                 json_object());
	buf_fini(&bytes);
	return status;
}

/* ---- categories -------------------------------------------------------------------------- */

enum tmc_exit tmc_make_categories(const struct tmc *tmc, const json_t *arguments)
{
	struct category_import import = {.program = "tmc", .to = category_builder_create()};
	enum tmc_exit status;
	struct pki_error err;
	struct buf bytes;
	int rc = import.to ? category_import_list(&import, tmc_argument(arguments, "format", ""),
	                                          tmc_argument(arguments, "source", ""),
	                                          tmc_argument(arguments, "category", ""), &err)
	                   : pki_error_set(&err, SL_ENOMEM, "", "out of memory");

	buf_init(&bytes, publish_content_max(PACKAGE_CATEGORIES));
	if (rc == 0) {
		rc = category_builder_finish(import.to, &bytes);
		if (rc != 0)
			(void)pki_error_set(&err, rc, "leave some out", "too many names: %s",
			                    err_text(rc));
	}
	if (rc != 0)
		status = tmc_say(&err);
	else
		status = make_of(tmc, arguments, PACKAGE_CATEGORIES, &bytes, "Categories",
		                 json_pack("{s:i}", "lines_left_out", (int)import.left_out));
	buf_fini(&bytes);
	category_builder_destroy(import.to);
	return status;
}

/* ---- decryption policies ----------------------------------------------------------------- */

/* A domain a line. */
static int policy_of_domains(const char *path, json_t **ret_policy, struct pki_error *err)
{
	struct domain_text t;
	struct buf text;
	json_t *domains = json_array();
	int rc;

	buf_init(&text, publish_content_max(PACKAGE_DECRYPTION));
	rc = file_read(path, &text, err);
	t = domain_text_of(buf_text(&text), text.len);
	while (rc == 0 && domain_text_next(&t)) {
		if (!domain_is_pattern(t.text, t.len))
			rc = pki_error_set(err, SL_EMALFORMED,
			                   "write a domain, or *. in front of one",
			                   "%s:%u: this is no domain", path, t.line);
		else if (json_array_append_new(domains, json_stringn(t.text, t.len)) != 0)
			rc = pki_error_set(err, SL_ENOMEM, "", "out of memory");
	}
	buf_fini(&text);
	if (rc == 0)
		*ret_policy = json_pack("{s:s, s:O}", "name", PUBLISH_POLICY, "domains", domains);
	json_decref(domains);
	return rc;
}

/* As it stands in a document. */
static int policy_of_file(const char *path, json_t **ret_policy, struct pki_error *err)
{
	struct conf_document *doc = NULL;
	struct conf_errors errs;
	int rc;

	conf_errors_init(&errs);
	rc = conf_load_file(path, &errs, &doc);
	if (rc == 0 && !conf_document_root(doc))
		rc = conf_errors_add(&errs, NULL, SL_EINVAL, "", "%s is empty", path);
	if (rc == 0)
		rc = conf_object_of_node(&conf_object_decryption_policy, conf_document_root(doc),
		                         &errs, ret_policy);
	if (rc != 0) {
		const struct conf_error *first = errs.count ? &errs.items[0] : NULL;

		(void)pki_error_set(err, rc, first ? first->remedy : "", "%s:%u:%u: %s: %s", path,
		                    first ? first->line : 0, first ? first->column : 0,
		                    first ? first->pointer : "",
		                    first ? first->text : err_text(rc));
	}
	conf_errors_fini(&errs);
	conf_document_destroy(doc);
	return rc;
}

/* In its one spelling. */
static int write_policy(const json_t *policy, struct buf *out, struct pki_error *err)
{
	json_t *canonical = NULL;
	char *text = NULL;
	int rc = policy ? conf_object_canonical(&conf_object_decryption_policy, policy, 0,
	                                        &canonical)
	                : SL_ENOMEM;

	if (rc == 0)
		text = json_dumps(canonical, JSON_COMPACT);
	json_decref(canonical);
	if (rc == 0)
		rc = text ? buf_add(out, text, strlen(text)) : SL_ENOMEM;
	free(text);
	return rc ? pki_error_set(err, rc, "", "the policy cannot be written: %s", err_text(rc))
	          : 0;
}

enum tmc_exit tmc_make_decryption_policy(const struct tmc *tmc, const json_t *arguments)
{
	const char *path = tmc_argument(arguments, "file", "");
	bool domains = strcmp(tmc_argument(arguments, "format", ""), "domains") == 0;
	json_t *policy = NULL;
	enum tmc_exit status;
	struct pki_error err;
	struct buf bytes;
	int rc = domains ? policy_of_domains(path, &policy, &err)
	                 : policy_of_file(path, &policy, &err);

	buf_init(&bytes, publish_content_max(PACKAGE_DECRYPTION));
	if (rc == 0)
		rc = write_policy(policy, &bytes, &err);
	json_decref(policy);
	if (rc != 0)
		status = tmc_say(&err);
	else
		status = make_of(tmc, arguments, PACKAGE_DECRYPTION, &bytes,
		                 "Recommended decryption policy", json_object());
	buf_fini(&bytes);
	return status;
}
