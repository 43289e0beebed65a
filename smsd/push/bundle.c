/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many small files in one answer. A configuration has a file a certificate: asked for one by one,
 * a thousand devices with a thousand certificates would be a million requests.
 */
#include "lib/base/err.h"
#include "lib/remote/packed.h"
#include "smsd/base/problem.h"
#include "smsd/push/push_priv.h"

enum { OK = 200 };

struct taken {
	struct buf *body;
	int64_t found; /* of what was asked for, in its order */
};

/* Number of the file, its size, and a piece of it. */
static int take_piece(void *arg, const struct store_row *row)
{
	struct taken *taken = arg;
	int64_t number = store_row_integer(row, 0);
	size_t len;
	const void *bytes = store_row_blob(row, 2, &len);

	if (number > taken->found)
		return SL_ENOENT;
	if (number == taken->found) {
		taken->found++;
		if ((uint64_t)store_row_integer(row, 1) > REMOTE_PIECE_MAX - taken->body->len)
			return SL_ERANGE;
	}
	return store_row_is_null(row, 2) ? 0 : buf_add(taken->body, bytes, len);
}

static int refuse(struct port_call *call, int rc, const struct taken *taken)
{
	const uint8_t *sha256 = call->request->body + taken->found * REMOTE_DIGEST;
	char hex[BLOB_HEX_MAX];

	if (rc == SL_ERANGE)
		return problem_add(&call->problem, rc, "", "ask for fewer files",
		                   "they are more than %d bytes", REMOTE_PIECE_MAX);
	if (rc == SL_ENOENT)
		return problem_add(&call->problem, rc, "", "",
		                   "the wanted document names no file %s",
		                   blob_digest_text(sha256, hex));
	return problem_tell(&call->problem, rc);
}

static int add_files(struct port_call *call, size_t count, struct taken *taken)
{
	struct push *push = call->above;
	const struct store_value device = store_integer(call->device.id);
	int64_t wanted;
	int rc = row_number(push->store, STORE_PUSH_WANTED, &device, 1, 0, &wanted);

	if (rc != 0)
		return rc;
	const struct store_value values[] = {
	        device, store_integer(wanted),
	        store_blob(call->request->body, call->request->body_len)};

	rc = store_read(push->store, STORE_DEVICE_FILE_PIECES, values, 3, take_piece, taken);
	return rc == 0 && (size_t)taken->found < count ? SL_ENOENT : rc;
}

int push_bundle(struct port_call *call)
{
	struct taken taken = {.body = &call->response.body};
	size_t count;
	int rc = remote_digests_count(call->request->body_len, REMOTE_BUNDLE_MAX, &count);

	if (rc != 0)
		return problem_add(&call->problem, rc, "", "",
		                   "the body is not 1 to %d digests of %d bytes", REMOTE_BUNDLE_MAX,
		                   REMOTE_DIGEST);
	rc = add_files(call, count, &taken);
	call->response.status = OK;
	call->response.content_type = "application/octet-stream";
	return rc == 0 ? 0 : refuse(call, rc, &taken);
}
