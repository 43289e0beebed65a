/* SPDX-License-Identifier: Apache-2.0 */
/* A directory of packages becomes a source: its index, in one step. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/publish/content.h"
#include "lib/publish/index.h"
#include "tmc/tmc.h"

#define PACKAGE_END ".pkg"

static int fill_entry(struct publish_entry *e, const char *file, const struct buf *bytes,
                      struct pki_error *err)
{
	const struct package_info *info;
	struct package *p;
	int rc = package_open(bytes->data, bytes->len, PACKAGE_KIND_END, NULL, &p, err);

	if (rc != 0)
		return rc;
	info = package_info(p);
	*e = (struct publish_entry){
	        .kind = info->kind, .created = info->created, .size = bytes->len};
	memcpy(e->file, file, SL_MIN(strlen(file), sizeof(e->file) - 1));
	memcpy(e->name, info->name, sizeof(e->name));
	memcpy(e->version, info->version, sizeof(e->version));
	package_close(p);
	if (EVP_Digest(bytes->data, bytes->len, e->sha256, NULL, EVP_sha256(), NULL) != 1)
		return pki_error_set(err, SL_ECRYPTO, "", "%s has no digest", file);
	return 0;
}

static int add_file(struct publish_index *index, const char *directory, const char *file,
                    struct pki_error *err)
{
	char path[PATH_MAX];
	struct buf bytes;
	int rc;

	if (!publish_is_file(file))
		return pki_error_set(err, SL_EINVAL,
		                     "name it with letters, digits, dots, - and _ alone",
		                     "%s/%s cannot be published under this name", directory, file);
	if (index->count == PUBLISH_PACKAGES_MAX)
		return pki_error_set(err, SL_ELIMIT, "remove old ones",
		                     "%s has more than %d packages", directory,
		                     PUBLISH_PACKAGES_MAX);
	(void)snprintf(path, sizeof(path), "%s/%s", directory, file);
	buf_init(&bytes, PACKAGE_MAX);
	rc = file_read(path, &bytes, err);
	if (rc == 0)
		rc = fill_entry(&index->items[index->count], file, &bytes, err);
	index->count += rc == 0;
	buf_fini(&bytes);
	return rc;
}

static int is_package(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name), end = strlen(PACKAGE_END);

	return entry->d_name[0] != '.' && len > end &&
	       strcmp(entry->d_name + len - end, PACKAGE_END) == 0;
}

static int add_all(struct publish_index *index, const char *directory, struct pki_error *err)
{
	struct dirent **entries;
	int count = scandir(directory, &entries, is_package, alphasort);
	int rc = 0;

	if (count < 0)
		return pki_error_set(err, SL_ESYS, "name a directory", "%s: %s", directory,
		                     strerror(errno));
	for (int i = 0; i < count; i++) {
		if (rc == 0)
			rc = add_file(index, directory, entries[i]->d_name, err);
		free(entries[i]);
	}
	free(entries);
	return rc;
}

/* The package under its own name, into the directory. */
static int copy_in(int directory, const char *path, struct pki_error *err)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	size_t len = strlen(name);
	struct buf bytes;
	int rc;

	if (!publish_is_file(name) || len < sizeof(PACKAGE_END) ||
	    strcmp(name + len - strlen(PACKAGE_END), PACKAGE_END) != 0)
		return pki_error_set(err, SL_EINVAL, "name it NAME" PACKAGE_END,
		                     "%s cannot be published under this name", path);
	buf_init(&bytes, PACKAGE_MAX);
	rc = file_read(path, &bytes, err);
	if (rc == 0)
		rc = file_replace(directory, name, bytes.data, bytes.len, err);
	buf_fini(&bytes);
	return rc;
}

static int publish(const char *path, const char *package, struct publish_index *index,
                   struct pki_error *err)
{
	int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct buf text;
	int rc = 0;

	if (directory < 0)
		return pki_error_set(err, SL_ENOENT, "name a directory", "%s: %s", path,
		                     strerror(errno));
	buf_init(&text, PUBLISH_INDEX_MAX);
	if (package)
		rc = copy_in(directory, package, err);
	if (rc == 0)
		rc = add_all(index, path, err);
	if (rc == 0) {
		rc = publish_index_text(index, &text);
		if (rc != 0)
			(void)pki_error_set(err, rc, "", "the index cannot be written: %s",
			                    err_text(rc));
	}
	if (rc == 0)
		rc = file_replace(directory, PUBLISH_INDEX, text.data, text.len, err);
	buf_fini(&text);
	(void)close(directory);
	return rc;
}

enum tmc_exit tmc_publish(const struct tmc *tmc, const json_t *arguments)
{
	struct publish_index index = {.items = calloc(PUBLISH_PACKAGES_MAX, sizeof(*index.items))};
	json_t *record;
	struct pki_error err;
	int rc = index.items ? publish(tmc_argument(arguments, "directory", ""),
	                               tmc_argument(arguments, "package", NULL), &index, &err)
	                     : pki_error_set(&err, SL_ENOMEM, "", "out of memory");

	if (rc == 0) {
		record = json_pack("{s:I}", "packages", (json_int_t)index.count);
		tmc_print(tmc, record);
		json_decref(record);
	}
	publish_index_fini(&index);
	return rc == 0 ? TMC_OK : tmc_say(&err);
}
