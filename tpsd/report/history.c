/* SPDX-License-Identifier: Apache-2.0 */
/* Documents and small facts on the disk. Each file is replaced as a whole: a crash leaves the old
 * one or the new one. */
#include "tpsd/report/history.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"

enum { PATH_SIZE = 512, META_MAX = 8 * 1024 };

static int sync_directory(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc;

	if (fd < 0)
		return SL_ESYS;
	rc = fsync(fd) == 0 ? 0 : SL_ESYS;
	(void)close(fd);
	return rc;
}

static int write_file(const char *path, const uint8_t *data, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	int rc = 0;

	if (fd < 0)
		return SL_ESYS;
	for (size_t done = 0; rc == 0 && done < len;) {
		ssize_t n = write(fd, data + done, len - done);

		if (n < 0 && errno != EINTR)
			rc = SL_ESYS;
		else if (n > 0)
			done += (size_t)n;
	}
	if (rc == 0 && fsync(fd) != 0)
		rc = SL_ESYS;
	(void)close(fd);
	return rc;
}

int state_write(const char *state_dir, const char *name, const void *text, size_t len)
{
	char path[PATH_SIZE], fresh[PATH_SIZE];
	int rc;

	(void)snprintf(path, sizeof(path), "%s/%s", state_dir, name);
	(void)snprintf(fresh, sizeof(fresh), "%s/%s.new", state_dir, name);
	if (len == 0)
		return unlink(path) == 0 || errno == ENOENT ? 0 : SL_ESYS;
	rc = write_file(fresh, text, len);
	if (rc == 0 && rename(fresh, path) != 0)
		rc = SL_ESYS;
	return rc == 0 ? sync_directory(state_dir) : rc;
}

int state_read(const char *state_dir, const char *name, struct buf *out)
{
	char path[PATH_SIZE];
	struct stat st;
	uint8_t *room;
	int fd, rc = SL_ESYS;
	ssize_t n;

	(void)snprintf(path, sizeof(path), "%s/%s", state_dir, name);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return errno == ENOENT ? SL_ENOENT : SL_ESYS;
	if (fstat(fd, &st) == 0)
		rc = buf_reserve(out, (size_t)st.st_size + 1, &room);
	while (rc == 0 && (n = read(fd, room, (size_t)st.st_size + 1)) != 0) {
		if (n < 0)
			rc = SL_ESYS;
		else
			out->len += (size_t)n;
		if (rc == 0)
			rc = buf_reserve(out, (size_t)st.st_size + 1, &room);
	}
	(void)close(fd);
	return rc;
}

static void kept_name(unsigned n, const char *suffix, char text[64])
{
	(void)snprintf(text, 64, "last-good/%u.%s", n, suffix);
}

static void copy_text(const json_t *object, const char *key, char *text, size_t size)
{
	const char *value = json_string_value(json_object_get(object, key));

	(void)snprintf(text, size, "%s", value ? value : "");
}

static int read_entry(const char *state_dir, unsigned n, struct history_entry *ret)
{
	char name[64];
	struct buf text;
	json_t *object = NULL;
	int rc;

	kept_name(n, "json", name);
	buf_init(&text, META_MAX);
	rc = state_read(state_dir, name, &text);
	if (rc == 0)
		object = json_loadb((const char *)text.data, text.len, 0, NULL);
	buf_fini(&text);
	if (!object)
		return rc != 0 ? rc : SL_EMALFORMED;
	copy_text(object, "name", ret->name, sizeof(ret->name));
	copy_text(object, "user", ret->user, sizeof(ret->user));
	copy_text(object, "sha256", ret->sha256, sizeof(ret->sha256));
	ret->revision = (uint32_t)json_integer_value(json_object_get(object, "revision"));
	ret->applied_us = (uint64_t)json_integer_value(json_object_get(object, "applied_us"));
	json_decref(object);
	return 0;
}

int history_read(const char *state_dir, unsigned n, struct buf *ret_text, struct history_entry *ret)
{
	char name[64];
	int rc = read_entry(state_dir, n, ret);

	kept_name(n, "yaml", name);
	return rc == 0 ? state_read(state_dir, name, ret_text) : rc;
}

static json_t *entry_object(const struct history_entry *e)
{
	return json_pack("{s:I,s:s,s:I,s:s,s:s}", "revision", (json_int_t)e->revision, "sha256",
	                 e->sha256, "applied_us", (json_int_t)e->applied_us, "user", e->user,
	                 "name", e->name);
}

static int write_pair(const char *state_dir, const void *text, size_t len,
                      const struct history_entry *entry)
{
	json_t *object = entry_object(entry);
	char *meta = json_dumps(object, JSON_COMPACT);
	int rc = meta ? state_write(state_dir, "last-good/0.yaml", text, len) : SL_ENOMEM;

	if (rc == 0)
		rc = state_write(state_dir, "last-good/0.json", meta, strlen(meta));
	free(meta);
	json_decref(object);
	return rc;
}

static int move_kept(const char *state_dir, unsigned from, unsigned to)
{
	static const char *const suffixes[] = {"yaml", "json"};

	for (size_t i = 0; i < SL_ARRAY_LEN(suffixes); i++) {
		char a[PATH_SIZE], b[PATH_SIZE], name[64];

		kept_name(from, suffixes[i], name);
		(void)snprintf(a, sizeof(a), "%s/%s", state_dir, name);
		kept_name(to, suffixes[i], name);
		(void)snprintf(b, sizeof(b), "%s/%s", state_dir, name);
		if (rename(a, b) != 0 && errno != ENOENT)
			return SL_ESYS;
	}
	return 0;
}

int history_add(const char *state_dir, const void *text, size_t len,
                const struct history_entry *entry)
{
	struct history_entry front;
	char path[PATH_SIZE];
	int rc = 0;

	(void)snprintf(path, sizeof(path), "%s/last-good", state_dir);
	if (mkdir(path, 0700) != 0 && errno != EEXIST)
		return SL_ESYS;
	if (read_entry(state_dir, 0, &front) == 0 && strcmp(front.sha256, entry->sha256) != 0)
		for (unsigned n = HISTORY_KEPT - 1; n > 0 && rc == 0; n--)
			rc = move_kept(state_dir, n - 1, n);
	return rc == 0 ? write_pair(state_dir, text, len, entry) : rc;
}

int history_drop(const char *state_dir)
{
	int rc = 0;

	for (unsigned n = 1; n < HISTORY_KEPT && rc == 0; n++)
		rc = move_kept(state_dir, n, n - 1);
	return rc;
}

json_t *history_list(const char *state_dir)
{
	json_t *list = json_array();

	for (unsigned n = 0; n < HISTORY_KEPT; n++) {
		struct history_entry e;
		json_t *object;

		if (read_entry(state_dir, n, &e) != 0)
			break;
		object = entry_object(&e);
		(void)json_object_set_new(object, "n", json_integer(n));
		(void)json_array_append_new(list, object);
	}
	return list;
}
