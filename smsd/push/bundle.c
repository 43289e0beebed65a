/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many small files in one answer. A configuration has a file a certificate: asked for one by one,
 * a thousand devices with a thousand certificates would be a million requests.
 */
#include "lib/base/err.h"
#include "smsd/base/problem.h"
#include "smsd/push/push_priv.h"

enum { OK = 200 };

struct taken {
	struct buf *body;
	bool found;
};

/* Size of the file, and a piece of it. */
static int take_piece(void *arg, const struct store_row *row)
{
	struct taken *taken = arg;
	bool first = !taken->found;
	size_t len;
	const void *bytes = store_row_blob(row, 1, &len);

	taken->found = true;
	if (first && (uint64_t)store_row_integer(row, 0) > REMOTE_PIECE_MAX - taken->body->len)
		return SL_ERANGE;
	return store_row_is_null(row, 1) ? 0 : buf_add(taken->body, bytes, len);
}

static int add_file(struct port_call *call, int64_t wanted, const char *hex)
{
	struct push *push = call->above;
	struct taken taken = {.body = &call->response.body};
	uint8_t sha256[BLOB_DIGEST];
	int rc = hex ? blob_digest_parse(hex, sha256) : SL_EINVAL;

	if (rc != 0)
		return problem_add(&call->problem, SL_EINVAL, "/sha256", "",
		                   "that is no SHA-256 in hexadecimal digits");
	const struct store_value values[] = {store_integer(call->device.id), store_integer(wanted),
	                                     store_blob(sha256, sizeof(sha256))};

	rc = store_read(push->store, STORE_DEVICE_FILE_PIECES, values, 3, take_piece, &taken);
	if (rc == 0 && !taken.found)
		return problem_add(&call->problem, SL_ENOENT, "/sha256", "",
		                   "the wanted document names no file %s", hex);
	if (rc == SL_ERANGE)
		return problem_add(&call->problem, SL_ERANGE, "/sha256", "ask for fewer files",
		                   "they are more than %d bytes", REMOTE_PIECE_MAX);
	return rc < 0 ? rc : 0;
}

int push_bundle(struct port_call *call)
{
	struct push *push = call->above;
	const struct store_value device = store_integer(call->device.id);
	const json_t *list = json_object_get(call->body, "sha256"), *one;
	int64_t wanted;
	size_t i;
	int rc = row_number(push->store, STORE_PUSH_WANTED, &device, 1, 0, &wanted);

	json_array_foreach(list, i, one)
	{
		if (rc != 0)
			break;
		rc = add_file(call, wanted, json_string_value(one));
	}
	call->response.status = OK;
	call->response.content_type = "application/octet-stream";
	if (rc != 0 && call->problem.code == 0)
		(void)problem_add(&call->problem, rc, "", "", "%s", err_text(rc));
	return rc;
}
