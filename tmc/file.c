/* SPDX-License-Identifier: Apache-2.0 */
/* Files in and out. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/pki/error.h"
#include "tmc/tmc.h"

enum { STEP = 1024 * 1024 };

static int failed(const char *path, struct pki_error *err)
{
	int error = errno;

	return pki_error_set(err, error == ENOENT ? SL_ENOENT : SL_ESYS,
	                     error == EEXIST ? "name another, or remove it before" : "", "%s: %s",
	                     path, strerror(error));
}

static int read_all(int fd, const char *path, struct buf *out, struct pki_error *err)
{
	for (;;) {
		uint8_t *room;
		size_t left = out->max - out->len;
		ssize_t got;

		if (left == 0)
			return pki_error_set(err, SL_ELIMIT, "", "%s is larger than %zu bytes",
			                     path, out->max);
		if (buf_reserve(out, SL_MIN(left, (size_t)STEP), &room) != 0)
			return pki_error_set(err, SL_ENOMEM, "", "out of memory");
		got = read(fd, room, SL_MIN(left, (size_t)STEP));
		if (got < 0 && errno != EINTR)
			return failed(path, err);
		if (got == 0)
			return 0;
		out->len += got > 0 ? (size_t)got : 0;
	}
}

int file_read(const char *path, struct buf *out, struct pki_error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;
	int rc;

	if (fd < 0)
		return failed(path, err);
	if (fstat(fd, &st) != 0)
		rc = failed(path, err);
	else if (!S_ISREG(st.st_mode))
		rc = pki_error_set(err, SL_EINVAL, "name a file", "%s is no plain file", path);
	else
		rc = read_all(fd, path, out, err);
	(void)close(fd);
	return rc;
}

static bool write_all(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t done = write(fd, data, len);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return false;
		data += done;
		len -= (size_t)done;
	}
	return fsync(fd) == 0;
}

/* A new file in a directory; what went wrong leaves none. */
static int write_at(int directory, const char *path, unsigned mode, const void *data, size_t len,
                    struct pki_error *err)
{
	int fd = openat(directory, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
	                (mode_t)mode);
	bool good;
	int rc = 0;

	if (fd < 0)
		return failed(path, err);
	good = write_all(fd, data, len);
	if (!good)
		rc = failed(path, err);
	if (close(fd) != 0 && good)
		rc = failed(path, err);
	if (rc != 0)
		(void)unlinkat(directory, path, 0);
	return rc;
}

int file_write_new(const char *path, unsigned mode, const void *data, size_t len,
                   struct pki_error *err)
{
	return write_at(AT_FDCWD, path, mode, data, len, err);
}

int file_replace(int directory, const char *name, const void *data, size_t len,
                 struct pki_error *err)
{
	char hidden[PATH_MAX];
	int rc;

	(void)snprintf(hidden, sizeof(hidden), ".%s.%ld", name, (long)getpid());
	rc = write_at(directory, hidden, 0644, data, len, err);
	if (rc == 0 && renameat(directory, hidden, directory, name) != 0) {
		rc = failed(name, err);
		(void)unlinkat(directory, hidden, 0);
	}
	return rc;
}
