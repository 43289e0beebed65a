/* SPDX-License-Identifier: Apache-2.0 */
/* Files that are small come many in one answer, one after the other as they were asked for. */
#include <errno.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/hex.h"
#include "tpsd/link/link_priv.h"
#include "tpsd/link/store.h"

bool bundle_takes(const struct wanted_file *file)
{
	return file->size <= REMOTE_BUNDLE_FILE;
}

bool bundle_has(const struct link *link, struct wanted_file *file)
{
	file->here = file->here || store_has_file(link->store, file->sha256, file->size);
	return file->here;
}

/* What is missing from follow.at on, as much of it as one answer may have. */
static json_t *choose(struct link *link)
{
	struct follow *f = &link->follow;
	json_t *list = json_array();
	uint64_t bytes = 0;
	char hex[65];

	f->bundle_count = 0;
	for (size_t i = f->at; i < f->files_count && f->bundle_count < REMOTE_BUNDLE_MAX; i++) {
		struct wanted_file *file = &f->files[i];

		if (!bundle_takes(file) || file->size > REMOTE_PIECE_MAX - bytes ||
		    bundle_has(link, file))
			continue;
		if (json_array_append_new(list, json_string(hex_text(file->sha256, 32, hex))) != 0)
			break;
		bytes += file->size;
		f->bundle[f->bundle_count++] = (uint32_t)i;
	}
	return list;
}

int bundle_ask(struct link *link, unsigned timeout_s, https_done_fn *fn)
{
	json_t *body = json_pack("{s:o}", "sha256", choose(link));

	if (link->follow.bundle_count == 0) {
		json_decref(body);
		return SL_ENOMEM;
	}
	return link_call(link, REMOTE_BUNDLE, "", body, timeout_s, false, fn,
	                 &link->follow.fetch_call);
}

/* On the disk, without its name yet. */
static const char *lay_down(struct link *link, const struct wanted_file *file, const uint8_t *data)
{
	uint8_t digest[SHA256_DIGEST_LENGTH];
	int fd, rc;

	(void)SHA256(data, file->size, digest);
	if (memcmp(digest, file->sha256, sizeof(digest)) != 0)
		return "a file of the SMS has another digest than it says";
	if (store_begin_file(link->store, file->sha256, &fd) != 0)
		return strerror(errno);
	rc = store_add_file(fd, data, file->size) == 0 ? 0 : errno;
	if (close(fd) != 0 && rc == 0)
		rc = errno;
	if (rc == 0)
		return NULL;
	store_drop_file(link->store, file->sha256);
	return rc == ENOSPC ? "there is no room for the SMS's files" : strerror(rc);
}

static const char *lay_down_all(struct link *link, const struct https_answer *in,
                                const uint8_t **laid, size_t *ret_count)
{
	const struct follow *f = &link->follow;
	const char *why = NULL;
	size_t at = 0;

	for (unsigned i = 0; !why && i < f->bundle_count; i++) {
		const struct wanted_file *file = &f->files[f->bundle[i]];

		if (file->size > in->len - at)
			return "the SMS sent fewer bytes than its files have";
		why = lay_down(link, file, in->data + at);
		if (!why)
			laid[(*ret_count)++] = file->sha256;
		at += file->size;
	}
	if (!why && at < in->len)
		why = "the SMS sent more bytes than its files have";
	return why;
}

const char *bundle_take(struct link *link, const struct https_answer *in)
{
	struct follow *f = &link->follow;
	const uint8_t *laid[REMOTE_BUNDLE_MAX];
	size_t count = 0;
	const char *why = lay_down_all(link, in, laid, &count);

	if (!why && store_keep_files(link->store, laid, count) != 0)
		why = strerror(errno);
	for (size_t i = 0; why && i < count; i++)
		store_drop_file(link->store, laid[i]);
	for (unsigned i = 0; !why && i < f->bundle_count; i++)
		f->files[f->bundle[i]].here = true;
	return why;
}
