/* SPDX-License-Identifier: Apache-2.0 */
#include "tpsd/link/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/hex.h"
#include "tpsd/link/answer.h"

#define LAYING "files.new"

enum {
	PATH_SIZE = 256,
	NAME_SIZE = 96,
	CHUNK = 64 * 1024,
	FILE_MODE = 0640,
	LAYING_MAX = 1024 * 1024, /* bytes of the list: 32,768 files */
	TOUCHED_S = 3600,         /* how exactly it is kept when a file was wanted */
};

struct store {
	int dir, files; /* STATE/sms, STATE/sms/files */
	char files_path[PATH_SIZE];
	/* Of files, in order, as of the last look; NULL: none was. */
	uint8_t (*names)[STORE_DIGEST];
	size_t names_count;
};

static void close_fd(int fd)
{
	if (fd >= 0)
		(void)close(fd);
}

/*
 * A folder below `at`, made when it is not there. One that is there has to be ours: the folder
 * above is another's, who could have put anything in its place.
 */
static int open_dir(int at, const char *name, const struct store_owner *owner, mode_t mode,
                    int *ret_fd)
{
	bool made = mkdirat(at, name, 0700) == 0;
	struct stat st;
	int fd, rc = 0;

	if (!made && errno != EEXIST)
		return SL_ESYS;
	fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) != 0)
		rc = SL_ESYS;
	else if (!made && st.st_uid != owner->uid && st.st_uid != geteuid())
		rc = SL_EPERM;
	else if (fchown(fd, owner->uid, owner->readers) != 0 || fchmod(fd, mode) != 0)
		rc = SL_ESYS;
	if (rc == 0)
		*ret_fd = fd;
	else
		close_fd(fd);
	return rc;
}

int store_open(const char *state_dir, const struct store_owner *owner, struct store **ret_store)
{
	struct store *s = calloc(1, sizeof(*s));
	int state, rc = SL_ESYS;

	if (!s)
		return SL_ENOMEM;
	s->dir = s->files = -1;
	(void)umask(S_IWGRP | S_IRWXO);
	(void)snprintf(s->files_path, sizeof(s->files_path), "%s/sms/files", state_dir);
	state = open(state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (state >= 0)
		rc = open_dir(state, "sms", owner, 0750, &s->dir);
	/* The group's bit: what is made in it is readable to `control`. */
	if (rc == 0)
		rc = open_dir(s->dir, "files", owner, 02750, &s->files);
	close_fd(state);
	if (rc != 0) {
		store_close(s);
		return rc;
	}
	store_lay_undo(s);
	*ret_store = s;
	return 0;
}

void store_close(struct store *store)
{
	if (!store)
		return;
	close_fd(store->dir);
	close_fd(store->files);
	free(store->names);
	free(store);
}

const char *store_files_path(const struct store *store)
{
	return store->files_path;
}

int store_read(struct store *store, const char *name, struct buf *text)
{
	int fd = openat(store->dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	ssize_t n = -1;
	int rc = 0;

	if (fd < 0)
		return errno == ENOENT ? SL_ENOENT : SL_ESYS;
	while (rc == 0 && n != 0) {
		uint8_t *room;

		rc = buf_reserve(text, 4096, &room);
		if (rc != 0)
			break;
		n = read(fd, room, 4096);
		if (n < 0)
			rc = SL_ESYS;
		else
			text->len += (size_t)n;
	}
	(void)close(fd);
	return rc;
}

static int write_all(int fd, const uint8_t *data, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, data, SL_MIN(len, (size_t)CHUNK));

		if (n <= 0)
			return SL_ESYS;
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

int store_write(struct store *store, const char *name, const void *data, size_t len)
{
	char next[NAME_SIZE];
	int fd, rc;

	(void)snprintf(next, sizeof(next), "%s.new", name);
	fd = openat(store->dir, next, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return SL_ESYS;
	rc = write_all(fd, data, len);
	if (rc == 0 && fsync(fd) != 0)
		rc = SL_ESYS;
	(void)close(fd);
	if (rc == 0)
		rc = store_rename(store, next, name);
	else
		(void)unlinkat(store->dir, next, 0);
	return rc;
}

int store_remove(struct store *store, const char *name)
{
	return unlinkat(store->dir, name, 0) == 0 || errno == ENOENT ? 0 : SL_ESYS;
}

int store_rename(struct store *store, const char *from, const char *to)
{
	if (renameat(store->dir, from, store->dir, to) != 0)
		return SL_ESYS;
	return fsync(store->dir) == 0 ? 0 : SL_ESYS;
}

/* ---- files of documents ------------------------------------------------------------------ */

static const char *part_name(const uint8_t *sha256, char name[NAME_SIZE])
{
	char hex[2 * STORE_DIGEST + 1];

	(void)snprintf(name, NAME_SIZE, "%s.part", hex_text(sha256, STORE_DIGEST, hex));
	return name;
}

/* Calls `fn` for each name; its code, if that is not 0. */
static int walk(struct store *store, int (*fn)(void *arg, const char *name), void *arg)
{
	int fd = openat(store->files, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *e;

	if (!dir) {
		close_fd(fd);
		return SL_ESYS;
	}
	while (rc == 0 && (e = readdir(dir)))
		if (e->d_name[0] != '.')
			rc = fn(arg, e->d_name);
	(void)closedir(dir);
	return rc;
}

struct look {
	uint8_t (*names)[STORE_DIGEST];
	size_t count, size;
};

static int add_name(void *arg, const char *name)
{
	struct look *look = arg;

	if (look->count == look->size) {
		size_t size = look->size ? 2 * look->size : 256;
		void *grown = realloc(look->names, size * STORE_DIGEST);

		if (!grown)
			return SL_ENOMEM;
		look->names = grown;
		look->size = size;
	}
	look->count += answer_unhex(name, look->names[look->count], STORE_DIGEST);
	return 0;
}

static int name_order(const void *a, const void *b)
{
	return memcmp(a, b, STORE_DIGEST);
}

void store_look(struct store *store)
{
	struct look look = {.size = 1, .names = malloc(STORE_DIGEST)};
	int rc = look.names ? walk(store, add_name, &look) : SL_ENOMEM;

	free(store->names);
	if (rc != 0) {
		free(look.names);
		look = (struct look){.names = NULL};
	} else {
		qsort(look.names, look.count, STORE_DIGEST, name_order);
	}
	store->names = look.names;
	store->names_count = look.count;
}

static void touch(const struct store *store, const char *name)
{
	(void)utimensat(store->files, name, NULL, AT_SYMLINK_NOFOLLOW);
}

bool store_has_file(const struct store *store, const uint8_t sha256[STORE_DIGEST], uint64_t size)
{
	char name[2 * STORE_DIGEST + 1];
	struct stat st;

	if (store->names &&
	    !bsearch(sha256, store->names, store->names_count, STORE_DIGEST, name_order))
		return false;
	if (fstatat(store->files, hex_text(sha256, STORE_DIGEST, name), &st, AT_SYMLINK_NOFOLLOW) !=
	            0 ||
	    !S_ISREG(st.st_mode) || (uint64_t)st.st_size != size)
		return false;
	if (st.st_mtime + TOUCHED_S < time(NULL))
		touch(store, name);
	return true;
}

int store_begin_file(struct store *store, const uint8_t sha256[STORE_DIGEST], int *ret_fd)
{
	char name[NAME_SIZE];
	int fd = openat(store->files, part_name(sha256, name),
	                O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, FILE_MODE);

	if (fd < 0)
		return SL_ESYS;
	*ret_fd = fd;
	return 0;
}

int store_add_file(int fd, const void *data, size_t len)
{
	return write_all(fd, data, len);
}

int store_keep_file(struct store *store, const uint8_t sha256[STORE_DIGEST], int fd)
{
	char part[NAME_SIZE], name[2 * STORE_DIGEST + 1];

	if (fsync(fd) != 0 || renameat(store->files, part_name(sha256, part), store->files,
	                               hex_text(sha256, STORE_DIGEST, name)) != 0)
		return SL_ESYS;
	return fsync(store->files) == 0 ? 0 : SL_ESYS;
}

void store_drop_file(struct store *store, const uint8_t sha256[STORE_DIGEST])
{
	char name[NAME_SIZE];

	(void)unlinkat(store->files, part_name(sha256, name), 0);
}

/* ---- many of them ------------------------------------------------------------------------ */

int store_lay_begin(struct store *store, const uint8_t (*sha256s)[STORE_DIGEST], size_t count)
{
	return store_write(store, LAYING, sha256s, count * STORE_DIGEST);
}

int store_lay(struct store *store, const uint8_t sha256[STORE_DIGEST], const void *data, size_t len)
{
	char name[2 * STORE_DIGEST + 1];
	int fd = openat(store->files, hex_text(sha256, STORE_DIGEST, name),
	                O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, FILE_MODE);
	int rc = fd < 0 ? SL_ESYS : write_all(fd, data, len), error = errno;

	if (fd >= 0 && close(fd) != 0 && rc == 0)
		return SL_ESYS;
	errno = error;
	return rc;
}

int store_lay_end(struct store *store)
{
	if (syncfs(store->files) != 0 || unlinkat(store->dir, LAYING, 0) != 0)
		return SL_ESYS;
	return fsync(store->dir) == 0 ? 0 : SL_ESYS;
}

/* The list goes last: undone half, it is undone again. */
void store_lay_undo(struct store *store)
{
	char name[2 * STORE_DIGEST + 1];
	struct buf list;

	buf_init(&list, LAYING_MAX);
	if (store_read(store, LAYING, &list) == 0) {
		for (size_t at = 0; at + STORE_DIGEST <= list.len; at += STORE_DIGEST)
			(void)unlinkat(store->files, hex_text(list.data + at, STORE_DIGEST, name),
			               0);
		if (fsync(store->files) == 0)
			(void)unlinkat(store->dir, LAYING, 0);
	}
	buf_fini(&list);
}

/* ---- what nobody names ------------------------------------------------------------------- */

struct prune {
	struct store *store;
	time_t before;
	enum store_use (*use)(void *arg, const char *name);
	void *arg;
};

static int prune_one(void *arg, const char *name)
{
	const struct prune *p = arg;
	uint8_t sha256[STORE_DIGEST];
	enum store_use use =
	        answer_unhex(name, sha256, STORE_DIGEST) ? p->use(p->arg, name) : STORE_UNNAMED;
	struct stat st;

	if (use == STORE_NAMED)
		touch(p->store, name);
	else if (use == STORE_UNNAMED &&
	         fstatat(p->store->files, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	         st.st_mtime < p->before)
		(void)unlinkat(p->store->files, name, 0);
	return 0;
}

void store_prune(struct store *store, unsigned older_s,
                 enum store_use (*use)(void *arg, const char *name), void *arg)
{
	struct prune prune = {
	        .store = store, .before = time(NULL) - (time_t)older_s, .use = use, .arg = arg};

	(void)walk(store, prune_one, &prune);
}
