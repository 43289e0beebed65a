/* SPDX-License-Identifier: Apache-2.0 */
/* Files of events. The header has the contract. */
#include "lib/event/logfile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/magic.h"
#include "lib/event/syncer.h"

enum { LOGFILE_MAGIC = 0x4c4f4746, PATH_SIZE = 512 };

struct logfile {
	uint32_t magic;
	int fd;
	uint64_t size; /* of the open file */
	bool dirty;    /* written since the last fdatasync, or perhaps before we opened it */
	uint32_t number;
	struct logfile_limits limits;
	struct syncer *syncer; /* NULL: none */
	struct buf pending;
	unsigned pending_lines;
	char path[PATH_SIZE];
};

static int write_all(int fd, const uint8_t *data, size_t len, size_t *ret_done)
{
	while (*ret_done < len) {
		ssize_t n = write(fd, data + *ret_done, len - *ret_done);

		if (n < 0 && errno != EINTR)
			return SL_ESYS;
		if (n > 0)
			*ret_done += (size_t)n;
	}
	return 0;
}

/* A crash may have cut the last line: what follows must not stick to it. */
static int end_last_line(int fd, uint64_t *size)
{
	char last;

	if (*size == 0 || pread(fd, &last, 1, (off_t)*size - 1) != 1 || last == '\n')
		return 0;
	if (write(fd, "\n", 1) != 1)
		return SL_ESYS;
	(*size)++;
	return 0;
}

static int open_file(struct logfile *f)
{
	struct stat st;

	f->fd = open(f->path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (f->fd < 0 || fstat(f->fd, &st) != 0)
		return SL_ESYS;
	f->size = (uint64_t)st.st_size;
	f->dirty |= f->size > 0;
	return end_last_line(f->fd, &f->size);
}

static void close_file(struct logfile *f)
{
	if (f->fd >= 0)
		(void)close(f->fd);
	f->fd = -1;
}

int logfile_open(const char *directory, const char *name, const struct logfile_limits *limits,
                 struct logfile **ret_file)
{
	struct logfile *f = calloc(1, sizeof(*f));
	int n, rc;

	if (!f)
		return SL_ENOMEM;
	MAGIC_SET(f, LOGFILE_MAGIC);
	logfile_set_limits(f, limits);
	buf_init(&f->pending, LOGFILE_PENDING_MAX);
	f->fd = -1;
	f->number = LOGFILE_FIRST_NUMBER;
	n = snprintf(f->path, sizeof(f->path), "%s/%s.json", directory, name);
	errno = ENAMETOOLONG;
	rc = n < 0 || (size_t)n >= sizeof(f->path) ? SL_ESYS : open_file(f);
	if (rc != 0) {
		int saved = errno;

		logfile_close(f);
		errno = saved;
		return rc;
	}
	*ret_file = f;
	return 0;
}

void logfile_close(struct logfile *file)
{
	if (!file)
		return;
	MAGIC_CHECK(file, LOGFILE_MAGIC);
	if (file->fd >= 0)
		(void)!logfile_sync(file);
	MAGIC_CLEAR(file);
	close_file(file);
	buf_fini(&file->pending);
	free(file);
}

void logfile_set_limits(struct logfile *file, const struct logfile_limits *limits)
{
	file->limits = *limits;
	if (file->limits.kept > LOGFILE_KEPT_MAX)
		file->limits.kept = LOGFILE_KEPT_MAX;
}

int logfile_add(struct logfile *file, const char *line, size_t len)
{
	uint8_t *room;
	int rc;

	MAGIC_CHECK(file, LOGFILE_MAGIC);
	rc = buf_reserve(&file->pending, len + 1, &room);
	if (rc != 0)
		return rc;
	rc = buf_add(&file->pending, line, len);
	if (rc == 0)
		rc = buf_add(&file->pending, "\n", 1);
	if (rc == 0)
		file->pending_lines++;
	return rc;
}

static void closed_path(const struct logfile *f, unsigned n, char text[PATH_SIZE + 16])
{
	(void)snprintf(text, PATH_SIZE + 16, "%s.%u", f->path, n);
}

static int rotate(struct logfile *f)
{
	char from[PATH_SIZE + 16], to[PATH_SIZE + 16];

	for (unsigned n = f->limits.kept; n > 0; n--) {
		closed_path(f, n, to);
		if (n > 1)
			closed_path(f, n - 1, from);
		if (rename(n > 1 ? from : f->path, to) != 0 && errno != ENOENT)
			return SL_ESYS;
	}
	if (f->limits.kept == 0 && unlink(f->path) != 0 && errno != ENOENT)
		return SL_ESYS;
	close_file(f);
	f->number++;
	return open_file(f);
}

/* True when the path is no more the file that we have open: logrotate, or a hand. */
static bool was_moved(const struct logfile *f)
{
	struct stat at, ours;

	return stat(f->path, &at) != 0 || fstat(f->fd, &ours) != 0 || at.st_ino != ours.st_ino ||
	       at.st_dev != ours.st_dev;
}

static int write_pending(struct logfile *f)
{
	size_t done = 0;
	int rc = write_all(f->fd, f->pending.data, f->pending.len, &done);
	int saved = errno;

	buf_consume(&f->pending, done);
	f->size += done;
	f->dirty |= done > 0;
	if (f->pending.len == 0)
		f->pending_lines = 0;
	errno = saved;
	return rc;
}

/* Too many that wait for the disk: it stays dirty, and the next batch asks again. */
static int to_disk(struct logfile *f)
{
	int rc = f->syncer ? syncer_submit(f->syncer, f->fd) : fdatasync(f->fd) == 0 ? 0 : SL_ESYS;

	f->dirty = rc != 0;
	return rc == SL_EAGAIN ? 0 : rc;
}

void logfile_set_syncer(struct logfile *file, struct syncer *syncer)
{
	file->syncer = syncer;
}

int logfile_sync(struct logfile *file)
{
	int rc = 0;

	MAGIC_CHECK(file, LOGFILE_MAGIC);
	if (file->pending.len == 0 && !file->dirty)
		return 0;
	if (file->fd < 0 || was_moved(file)) {
		close_file(file);
		rc = open_file(file);
		file->number += rc == 0;
	}
	if (rc == 0)
		rc = write_pending(file);
	if (rc == 0)
		rc = to_disk(file);
	if (rc != 0)
		return rc;
	if (file->limits.rotate_size > 0 && file->size >= file->limits.rotate_size)
		rc = rotate(file);
	return rc;
}

int logfile_drop_oldest(struct logfile *file, uint64_t *ret_bytes)
{
	char path[PATH_SIZE + 16];
	struct stat st;

	for (unsigned n = LOGFILE_KEPT_MAX; n > 0; n--) {
		closed_path(file, n, path);
		if (lstat(path, &st) != 0)
			continue;
		if (unlink(path) != 0)
			return SL_ESYS;
		*ret_bytes = (uint64_t)st.st_size;
		return 0;
	}
	return SL_ENOENT;
}

unsigned logfile_discard(struct logfile *file)
{
	unsigned lines = file->pending_lines;

	buf_consume(&file->pending, file->pending.len);
	file->pending_lines = 0;
	return lines;
}

bool logfile_is_clean(const struct logfile *file)
{
	return file->pending.len == 0 && !file->dirty;
}

uint32_t logfile_number(const struct logfile *file)
{
	return file->number;
}

int logfile_open_number(const struct logfile *file, uint32_t number, int *ret_fd)
{
	char path[PATH_SIZE + 16];
	uint32_t n = file->number - number;
	int fd;

	if (number > file->number || n > LOGFILE_KEPT_MAX)
		return SL_ENOENT;
	if (n > 0)
		closed_path(file, n, path);
	fd = open(n > 0 ? path : file->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return SL_ENOENT;
	*ret_fd = fd;
	return 0;
}

const char *logfile_path(const struct logfile *file)
{
	return file->path;
}

int logfile_last_line(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct stat st;
	ssize_t n = -1;
	char *end, *start;

	if (fd < 0)
		return SL_ENOENT;
	if (fstat(fd, &st) == 0) {
		off_t from = st.st_size > (off_t)(size - 1) ? st.st_size - (off_t)(size - 1) : 0;

		n = pread(fd, text, size - 1, from);
	}
	(void)close(fd);
	if (n <= 0)
		return SL_ENOENT;
	text[n] = '\0';
	end = memrchr(text, '\n', (size_t)n);
	if (!end)
		return SL_ERANGE;
	*end = '\0';
	start = memrchr(text, '\n', (size_t)(end - text));
	if (!start && st.st_size > n)
		return SL_ERANGE;
	if (start)
		memmove(text, start + 1, (size_t)(end - start));
	return 0;
}
