/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many small files in one answer. A configuration has a file a certificate: asked for one by one,
 * a thousand devices with a thousand certificates would be a million requests.
 */
#include "lib/base/err.h"
#include "smsd/base/problem.h"
#include "smsd/push/push_priv.h"

enum { OK = 200 };

static int add_file(struct port_call *call, int64_t wanted, const char *hex)
{
	struct push *push = call->above;
	struct buf *body = &call->response.body;
	uint8_t sha256[BLOB_DIGEST];
	int64_t size;
	int rc = hex ? blob_digest_parse(hex, sha256) : SL_EINVAL;

	if (rc != 0)
		return problem_add(&call->problem, SL_EINVAL, "/sha256", "",
		                   "that is no SHA-256 in hexadecimal digits");
	const struct store_value values[] = {store_integer(call->device.id), store_integer(wanted),
	                                     store_blob(sha256, sizeof(sha256))};

	rc = row_number(push->store, STORE_DEVICE_FILE, values, 3, -1, &size);
	if (rc == 0 && size < 0)
		return problem_add(&call->problem, SL_ENOENT, "/sha256", "",
		                   "the wanted document names no file %s", hex);
	if (rc == 0 && (uint64_t)size > REMOTE_PIECE_MAX - body->len)
		return problem_add(&call->problem, SL_ERANGE, "/sha256", "ask for fewer files",
		                   "they are more than %d bytes", REMOTE_PIECE_MAX);
	return rc ? rc : blob_read(push->store, sha256, 0, (size_t)size, body);
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
