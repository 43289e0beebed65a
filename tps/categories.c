/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tps categories: packages of categories made out of lists, signed, and looked into. Nothing of it
 * needs the daemon.
 */
#include <errno.h>
#include <fcntl.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/domain/category.h"
#include "lib/package/category_import.h"
#include "lib/package/package.h"
#include "tps/render.h"
#include "tps/run.h"

static enum tps_exit say(const struct pki_error *err)
{
	(void)fprintf(stderr, "tps: %s\n", err->text);
	if (err->remedy[0])
		(void)fprintf(stderr, "  %s\n", err->remedy);
	return TPS_REFUSED;
}

static const char *text_of(const json_t *arguments, const char *key, const char *fallback)
{
	const char *text = json_string_value(json_object_get(arguments, key));

	return text ? text : fallback;
}

/* A new file; what is there already is never overwritten. */
static FILE *create_file(const char *path, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w");

	if (!f)
		(void)fprintf(stderr, "tps: %s: %s\n", path, strerror(errno));
	return f;
}

/* ---- keys -------------------------------------------------------------------------------- */

static bool write_key(const char *path, EVP_PKEY *key, bool private)
{
	FILE *f = create_file(path, private ? 0600 : 0644);
	int good;

	if (!f)
		return false;
	good = private ? PEM_write_PKCS8PrivateKey(f, key, NULL, NULL, 0, NULL, NULL)
	               : PEM_write_PUBKEY(f, key);
	if (fclose(f) != 0 || good != 1) {
		(void)fprintf(stderr, "tps: %s cannot be written\n", path);
		return false;
	}
	return true;
}

enum tps_exit tps_categories_make_key(struct tps *tps, json_t *arguments)
{
	const char *path = text_of(arguments, "file", "");
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	char public[PATH_MAX];
	bool good;

	(void)snprintf(public, sizeof(public), "%s.pub", path);
	good = key && write_key(path, key, true) && write_key(public, key, false);
	EVP_PKEY_free(key);
	if (!good)
		return TPS_REFUSED;
	(void)printf("%s signs packages: keep it\n"
	             "%s goes to the devices, into device.package_keys\n",
	             path, public);
	return TPS_OK;
}

/* ---- making a package -------------------------------------------------------------------- */

static bool fill_text(char *to, size_t size, const char *text)
{
	return (size_t)snprintf(to, size, "%s", text) < size;
}

static int fill_info(struct package_info *info, const json_t *arguments, struct pki_error *err)
{
	char date[16];
	time_t when;

	*info = (struct package_info){.kind = PACKAGE_CATEGORIES, .created = package_time()};
	when = (time_t)info->created;
	(void)strftime(date, sizeof(date), "%Y-%m-%d", gmtime(&when));
	if (fill_text(info->name, sizeof(info->name), text_of(arguments, "name", "Categories")) &&
	    fill_text(info->version, sizeof(info->version), text_of(arguments, "version", date)) &&
	    fill_text(info->description, sizeof(info->description),
	              text_of(arguments, "description", "")))
		return 0;
	return pki_error_set(err, SL_ELIMIT, "shorten them",
	                     "name, version or description is too "
	                     "long");
}

static int make_package(const struct category_builder *from, const json_t *arguments,
                        struct buf *out, struct pki_error *err)
{
	struct package_section section = {.name = PACKAGE_SECTION_CATEGORIES};
	struct package_info info;
	EVP_PKEY *key;
	struct buf bytes;
	int rc = fill_info(&info, arguments, err);

	if (rc != 0)
		return rc;
	rc = package_key_load(text_of(arguments, "key", ""), &key, err);
	if (rc != 0)
		return rc;
	buf_init(&bytes, PACKAGE_MAX);
	rc = category_builder_finish(from, &bytes);
	section.data = bytes.data;
	section.len = bytes.len;
	if (rc == 0)
		rc = package_write(&info, &section, 1, key, out);
	if (rc != 0)
		(void)pki_error_set(err, rc, "", "the package cannot be made: %s", err_text(rc));
	buf_fini(&bytes);
	EVP_PKEY_free(key);
	return rc;
}

static enum tps_exit write_package(const char *path, const struct buf *bytes)
{
	FILE *f = create_file(path, 0644);
	bool good;

	if (!f)
		return TPS_REFUSED;
	good = fwrite(bytes->data, 1, bytes->len, f) == bytes->len;
	if (fclose(f) != 0 || !good) {
		(void)fprintf(stderr, "tps: %s cannot be written: %s\n", path, strerror(errno));
		(void)unlink(path);
		return TPS_REFUSED;
	}
	return TPS_OK;
}

enum tps_exit tps_categories_make(struct tps *tps, json_t *arguments)
{
	struct category_import import = {.program = "tps", .to = category_builder_create()};
	const char *path = text_of(arguments, "output", "");
	enum tps_exit status = TPS_REFUSED;
	struct pki_error err;
	struct buf out;
	int rc = import.to ? category_import_list(&import, text_of(arguments, "format", ""),
	                                          text_of(arguments, "source", ""),
	                                          text_of(arguments, "category", ""), &err)
	                   : pki_error_set(&err, SL_ENOMEM, "", "out of memory");

	buf_init(&out, PACKAGE_MAX);
	if (rc == 0)
		rc = make_package(import.to, arguments, &out, &err);
	if (rc == 0)
		status = write_package(path, &out);
	else
		(void)say(&err);
	if (status == TPS_OK)
		(void)printf("%s: %zu names, %u lines left out\n", path,
		             category_builder_count(import.to), import.left_out);
	buf_fini(&out);
	category_builder_destroy(import.to);
	return status;
}

/* ---- looking into one -------------------------------------------------------------------- */

struct opened {
	void *file;
	size_t file_len;
	struct package *package;
	struct package_keys keys;
	struct buf bytes;
	struct categories categories;
};

static int map_file(struct opened *o, const char *path, struct pki_error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;

	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0) {
		o->file_len = (size_t)st.st_size;
		o->file = mmap(NULL, o->file_len, PROT_READ, MAP_PRIVATE, fd, 0);
		if (o->file == MAP_FAILED)
			o->file = NULL;
	}
	if (fd >= 0)
		(void)close(fd);
	return o->file ? 0
	               : pki_error_set(err, SL_ENOENT, "name a package",
	                               "%s is no package that can be read", path);
}

static int open_package(struct opened *o, const json_t *arguments, struct pki_error *err)
{
	const char *keys = text_of(arguments, "keys", NULL);
	int rc = map_file(o, text_of(arguments, "package", ""), err);

	if (rc == 0 && keys)
		rc = package_keys_load(&o->keys, keys, err);
	if (rc == 0)
		rc = package_open(o->file, o->file_len, PACKAGE_CATEGORIES, keys ? &o->keys : NULL,
		                  &o->package, err);
	if (rc != 0)
		return rc;
	rc = package_read(o->package, PACKAGE_SECTION_CATEGORIES, &o->bytes);
	if (rc == 0)
		rc = categories_open(o->bytes.data, o->bytes.len, &o->categories);
	return rc == 0 ? 0
	               : pki_error_set(err, rc, "get the file again",
	                               "the categories in the package cannot be read: %s",
	                               err_text(rc));
}

static void opened_fini(struct opened *o)
{
	package_close(o->package);
	package_keys_fini(&o->keys);
	buf_fini(&o->bytes);
	if (o->file)
		(void)munmap(o->file, o->file_len);
}

/* How many names are in each category. */
static json_t *list_categories(const struct categories *c)
{
	size_t *counts = calloc(c->count + 1ul, sizeof(*counts)), at = 0;
	json_t *list = json_array();
	struct domain_match m;

	while (counts && domain_map_next(&c->map, &at, &m))
		for (size_t i = 0; i < category_set_size(c, m.value); i++)
			counts[category_set_member(c, m.value, i)]++;
	for (uint32_t i = 0; counts && i < c->count; i++)
		(void)json_array_append_new(
		        list, json_pack("{s:s, s:s, s:I}", "category", category_name(c, i), "title",
		                        category_title(c, i), "names", (json_int_t)counts[i]));
	free(counts);
	return list;
}

static json_t *describe(const struct opened *o)
{
	const struct package_info *info = package_info(o->package);
	time_t when = (time_t)info->created;
	char created[32] = "", format[32];
	struct tm tm;

	if (gmtime_r(&when, &tm))
		(void)strftime(created, sizeof(created), "%Y-%m-%dT%H:%M:%SZ", &tm);
	(void)snprintf(format, sizeof(format), "%u.%u", info->major, info->minor);
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:i, s:o}", "name", info->name,
	                 "version", info->version, "kind", package_kind_name(info->kind), "format",
	                 format, "created", created, "description", info->description, "signature",
	                 package_signer(o->package) < 0 ? "not verified: name a key with --keys"
	                                                : "verified",
	                 "names", (int)o->categories.map.count, "categories",
	                 list_categories(&o->categories));
}

enum tps_exit tps_categories_show(struct tps *tps, json_t *arguments)
{
	struct render render = {.out = stdout, .json = tps->json, .colour = tps->colour};
	struct opened o = {.file = NULL};
	enum tps_exit status = TPS_OK;
	struct pki_error err;
	json_t *all;

	buf_init(&o.bytes, PACKAGE_MAX);
	if (open_package(&o, arguments, &err) == 0) {
		all = describe(&o);
		render_data(&render, cli_command_by_id(CLI_CATEGORIES_SHOW), all);
		json_decref(all);
	} else {
		status = say(&err);
	}
	opened_fini(&o);
	return status;
}

static json_t *look_up(const struct opened *o, const char *name)
{
	const struct categories *c = &o->categories;
	struct domain_match m;
	json_t *list = json_array();
	json_t *all = json_pack("{s:s}", "name", name);

	if (categories_lookup(c, name, strlen(name), &m)) {
		(void)json_object_set_new(all, "entry", json_stringn(m.pattern, m.pattern_len));
		for (size_t i = 0; i < category_set_size(c, m.value); i++)
			(void)json_array_append_new(
			        list,
			        json_string(category_name(c, category_set_member(c, m.value, i))));
	}
	(void)json_object_set_new(all, "categories", list);
	return all;
}

enum tps_exit tps_categories_find(struct tps *tps, json_t *arguments)
{
	struct render render = {.out = stdout, .json = tps->json, .colour = tps->colour};
	struct opened o = {.file = NULL};
	enum tps_exit status = TPS_OK;
	struct pki_error err;
	json_t *all;

	buf_init(&o.bytes, PACKAGE_MAX);
	if (open_package(&o, arguments, &err) == 0) {
		all = look_up(&o, text_of(arguments, "name", ""));
		render_data(&render, cli_command_by_id(CLI_CATEGORIES_FIND), all);
		json_decref(all);
	} else {
		status = say(&err);
	}
	opened_fini(&o);
	return status;
}
