/* SPDX-License-Identifier: Apache-2.0 */
/* A file as a document. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/conf/error.h"
#include "lib/conf/node.h"

static int read_all(int fd, struct buf *text)
{
	enum { STEP = 64 * 1024 };

	for (;;) {
		uint8_t *room;
		ssize_t got;
		size_t want = SL_MIN((size_t)STEP, text->max - text->len);

		if (want == 0)
			return SL_ELIMIT;
		if (buf_reserve(text, want, &room) != 0)
			return SL_ENOMEM;
		got = read(fd, room, want);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return SL_ESYS;
		if (got == 0)
			return 0;
		text->len += (size_t)got;
	}
}

static int read_path(const char *path, struct buf *text)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	int rc;

	if (fd < 0)
		return SL_ESYS;
	rc = read_all(fd, text);
	(void)close(fd);
	return rc;
}

static bool is_json(const char *path)
{
	const char *dot = strrchr(path, '.');

	return dot && strcmp(dot, ".json") == 0;
}

int conf_load_file(const char *path, struct conf_errors *errs, struct conf_document **ret)
{
	struct buf text;
	int rc;

	/* One byte more than a document may have, so that the loader sees that it is too long. */
	buf_init(&text, CONF_DOCUMENT_MAX + 2);
	rc = read_path(path, &text);
	if (rc == SL_ESYS)
		rc = conf_errors_add_at(errs, path, 0, 0, "", SL_ENOENT,
		                        "check the path and who may read it",
		                        "it cannot be read: %s", strerror(errno));
	else if (rc == SL_ENOMEM)
		rc = conf_errors_add_at(errs, path, 0, 0, "", rc, "", "out of memory");
	else if (is_json(path))
		rc = conf_load_json(path, text.data, text.len, errs, ret);
	else
		rc = conf_load_yaml(path, text.data, text.len, errs, ret);
	buf_fini(&text);
	return rc;
}
