/* SPDX-License-Identifier: Apache-2.0 */
/* Files that are small come many in one answer, one after the other as they were asked for. */
#include <errno.h>
#include <openssl/sha.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/remote/packed.h"
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
static void choose(struct link *link)
{
	struct follow *f = &link->follow;
	uint64_t bytes = 0;

	f->bundle_count = 0;
	for (size_t i = f->at; i < f->files_count && f->bundle_count < REMOTE_BUNDLE_MAX; i++) {
		struct wanted_file *file = &f->files[i];

		if (!bundle_takes(file) || file->size > REMOTE_PIECE_MAX - bytes ||
		    bundle_has(link, file))
			continue;
		bytes += file->size;
		f->bundle[f->bundle_count++] = (uint32_t)i;
	}
}

static void list(const struct follow *f, uint8_t (*ret_digests)[REMOTE_DIGEST])
{
	for (unsigned i = 0; i < f->bundle_count; i++)
		memcpy(ret_digests[i], f->files[f->bundle[i]].sha256, REMOTE_DIGEST);
}

int bundle_ask(struct link *link, unsigned timeout_s, https_done_fn *fn)
{
	uint8_t digests[REMOTE_BUNDLE_MAX][REMOTE_DIGEST];
	struct link_bytes body = {.data = digests, .type = "application/octet-stream"};

	choose(link);
	list(&link->follow, digests);
	body.len = (size_t)link->follow.bundle_count * REMOTE_DIGEST;
	return link_call_bytes(link, REMOTE_BUNDLE, "", &body, timeout_s, fn,
	                       &link->follow.fetch_call);
}

static const char *lay_down(struct link *link, const struct wanted_file *file, const uint8_t *data)
{
	uint8_t digest[SHA256_DIGEST_LENGTH];

	(void)SHA256(data, file->size, digest);
	if (memcmp(digest, file->sha256, sizeof(digest)) != 0)
		return "a file of the SMS has another digest than it says";
	if (store_lay(link->store, file->sha256, data, file->size) == 0)
		return NULL;
	return errno == ENOSPC ? "there is no room for the SMS's files" : strerror(errno);
}

static const char *lay_down_all(struct link *link, const struct https_answer *in)
{
	const struct follow *f = &link->follow;
	const char *why = NULL;
	size_t at = 0;

	for (unsigned i = 0; !why && i < f->bundle_count; i++) {
		const struct wanted_file *file = &f->files[f->bundle[i]];

		if (file->size > in->len - at)
			return "the SMS sent fewer bytes than its files have";
		why = lay_down(link, file, in->data + at);
		at += file->size;
	}
	if (!why && at < in->len)
		why = "the SMS sent more bytes than its files have";
	return why;
}

static int begin(struct link *link)
{
	const struct follow *f = &link->follow;
	uint8_t digests[REMOTE_BUNDLE_MAX][STORE_DIGEST];

	list(f, digests);
	return store_lay_begin(link->store, (const uint8_t(*)[STORE_DIGEST])digests,
	                       f->bundle_count);
}

const char *bundle_take(struct link *link, const struct https_answer *in)
{
	struct follow *f = &link->follow;
	const char *why = begin(link) == 0 ? lay_down_all(link, in) : strerror(errno);

	if (!why && store_lay_end(link->store) != 0)
		why = strerror(errno);
	if (why)
		store_lay_undo(link->store);
	for (unsigned i = 0; !why && i < f->bundle_count; i++)
		f->files[f->bundle[i]].here = true;
	return why;
}
