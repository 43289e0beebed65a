/* SPDX-License-Identifier: Apache-2.0 */
/* The framing of tps.sock. The header has the contract. */
#include "lib/cli/frame.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/bytes.h"
#include "lib/base/err.h"

enum { DEPTH_MAX = 32 };

int cli_frame_add(struct buf *out, const json_t *object)
{
	char *text = json_dumps(object, JSON_COMPACT | JSON_ENCODE_ANY);
	size_t len = text ? strlen(text) : 0;
	uint8_t head[CLI_FRAME_HEADER] = {(uint8_t)(len >> 24), (uint8_t)(len >> 16),
	                                  (uint8_t)(len >> 8), (uint8_t)len};
	uint8_t *room;
	int rc = !text ? SL_ENOMEM : len > CLI_FRAME_MAX ? SL_ELIMIT : 0;

	if (rc == 0)
		rc = buf_reserve(out, sizeof(head) + len, &room);
	if (rc == 0)
		rc = buf_add(out, head, sizeof(head));
	if (rc == 0)
		rc = buf_add(out, text, len);
	free(text);
	return rc;
}

/* jansson bounds depth at 2,048, which is more stack than a message from outside should get. */
static int check_depth(const uint8_t *data, size_t len)
{
	bool in_string = false;
	unsigned depth = 0;

	for (size_t i = 0; i < len; i++) {
		if (in_string && data[i] == '\\')
			i++;
		else if (data[i] == '"')
			in_string = !in_string;
		else if (!in_string && (data[i] == '{' || data[i] == '['))
			depth++;
		else if (!in_string && (data[i] == '}' || data[i] == ']') && depth > 0)
			depth--;
		if (depth > DEPTH_MAX)
			return SL_EMALFORMED;
	}
	return 0;
}

int cli_frame_take(struct buf *in, json_t **ret_object)
{
	struct reader r = reader_of(in->data ? in->data : (const uint8_t *)"", in->len);
	uint32_t len = reader_be32(&r);
	json_t *object;

	if (r.failed)
		return SL_EAGAIN;
	if (len > CLI_FRAME_MAX || len == 0)
		return SL_ERANGE;
	if (reader_left(&r) < len)
		return SL_EAGAIN;
	if (check_depth(r.at, len) != 0)
		return SL_EMALFORMED;
	object = json_loadb((const char *)r.at, len, JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_object(object)) {
		json_decref(object);
		return SL_EMALFORMED;
	}
	buf_consume(in, CLI_FRAME_HEADER + len);
	*ret_object = object;
	return 0;
}
