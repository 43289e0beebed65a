/* SPDX-License-Identifier: Apache-2.0 */
/* Looking into packages. */
#include <stdio.h>
#include <time.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/conf/value.h"
#include "lib/publish/content.h"
#include "tmc/tmc.h"

static json_t *describe(const struct package *p)
{
	const struct package_info *info = package_info(p);
	char created[VALUE_TEXT_MAX], format[32];

	(void)snprintf(format, sizeof(format), "%u.%u", info->major, info->minor);
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "kind", package_kind_name(info->kind),
	                 "name", info->name, "version", info->version, "format", format, "created",
	                 value_format_time(info->created, created), "description",
	                 info->description);
}

/* What it says of itself; with keys also whose it is, and without, what is in it. */
static int look(const struct buf *bytes, const struct package_keys *keys, json_t **ret_record,
                struct pki_error *err)
{
	char fingerprint[PACKAGE_FINGERPRINT_MAX];
	json_t *holds = NULL;
	struct package *p;
	struct buf content;
	int rc = package_open(bytes->data, bytes->len, PACKAGE_KIND_END, keys, &p, err);

	if (rc != 0)
		return rc;
	buf_init(&content, publish_content_max(package_info(p)->kind)
	                           ? publish_content_max(package_info(p)->kind)
	                           : 1);
	rc = publish_content_read(p, &content, &holds, err);
	if (rc == 0) {
		*ret_record = describe(p);
		if (keys &&
		    package_key_fingerprint(keys->items[package_signer(p)], fingerprint) == 0)
			(void)json_object_set_new(*ret_record, "signer", json_string(fingerprint));
		(void)json_object_update(*ret_record, holds);
	}
	json_decref(holds);
	buf_fini(&content);
	package_close(p);
	return rc;
}

static enum tmc_exit show(const struct tmc *tmc, const json_t *arguments,
                          const struct package_keys *keys)
{
	json_t *record = NULL;
	struct pki_error err;
	struct buf bytes;
	int rc;

	buf_init(&bytes, PACKAGE_MAX);
	rc = file_read(tmc_argument(arguments, "package", ""), &bytes, &err);
	if (rc == 0)
		rc = look(&bytes, keys, &record, &err);
	buf_fini(&bytes);
	if (rc != 0)
		return tmc_say(&err);
	tmc_print(tmc, record);
	json_decref(record);
	return TMC_OK;
}

enum tmc_exit tmc_show(const struct tmc *tmc, const json_t *arguments)
{
	return show(tmc, arguments, NULL);
}

enum tmc_exit tmc_verify(const struct tmc *tmc, const json_t *arguments)
{
	const char *path = tmc_argument(arguments, "keys", NULL);
	struct package_keys keys = {.count = 0};
	struct pki_error err;
	enum tmc_exit status;

	if (!path)
		return tmc_fail(TMC_USAGE, "name --keys FILE: the public keys that are trusted");
	if (package_keys_load(&keys, path, &err) != 0)
		status = tmc_say(&err);
	else
		status = show(tmc, arguments, &keys);
	package_keys_fini(&keys);
	return status;
}
