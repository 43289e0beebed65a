/* SPDX-License-Identifier: Apache-2.0 */
/* What a device is told and fetches: which revision, its document, its files. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/conf/value.h"
#include "lib/remote/packed.h"
#include "smsd/base/moment.h"
#include "smsd/http/answer.h"
#include "smsd/push/licence.h"
#include "smsd/push/panic.h"
#include "smsd/push/push_priv.h"

enum { OK = 200 };

/* ---- answers and questions ----------------------------------------------------------------- */

/* A whole number of the query, `fallback` without one. SL_EINVAL: it is none. */
static int query_number(struct port_call *call, const char *name, int64_t fallback,
                        int64_t *ret_number)
{
	char *text = http_query_value(call->request, name);
	uint64_t number = (uint64_t)fallback;
	int rc = text ? value_parse_uint(text, &number) : fallback < 0 ? SL_EINVAL : 0;

	free(text);
	if (rc != 0 || number > INT64_MAX)
		return problem_add(&call->problem, SL_EINVAL, "", "", "\"%s\" is no whole number",
		                   name);
	*ret_number = (int64_t)number;
	return 0;
}

static int query_digest(struct port_call *call, uint8_t ret_sha256[BLOB_DIGEST])
{
	char *text = http_query_value(call->request, "sha256");
	bool good = text && blob_digest_parse(text, ret_sha256) == 0;

	free(text);
	return good ? 0 : problem_add(&call->problem, SL_EINVAL, "", "", "\"sha256\" is no digest");
}

/* ---- wanted ------------------------------------------------------------------------------- */

struct wanted {
	int64_t device, have, now_ms;
	int64_t panic; /* number of what it has; -1: it knows nothing of panic mode from here */
	int64_t revision, size; /* 0: none */
	bool found;
	unsigned confirm_s;
	uint8_t sha256[BLOB_DIGEST];
};

static int take_head(void *arg, const struct store_row *row)
{
	struct wanted *wanted = arg;
	size_t len;
	const void *sha256 = store_row_blob(row, 0, &len);

	if (len != sizeof(wanted->sha256))
		return SL_EIO;
	memcpy(wanted->sha256, sha256, len);
	wanted->size = store_row_integer(row, 1);
	wanted->confirm_s = (unsigned)store_row_integer(row, 2);
	wanted->found = true;
	return 1;
}

/* Read and written down together: what is told has not been taken back in between. */
static int write_offer(void *arg, struct store_tx *tx)
{
	struct wanted *wanted = arg;
	const struct store_value device = store_integer(wanted->device);
	struct place_row row;
	int64_t revision;
	int rc = row_number_tx(tx, STORE_PUSH_WANTED, &device, 1, 0, &revision);
	const struct store_value values[] = {device, store_integer(revision)};

	wanted->revision = wanted->size = 0;
	wanted->found = false;
	if (rc == 0)
		rc = store_tx_run(tx, STORE_DEVICE_DOCUMENT_HEAD, values, 2, take_head, wanted);
	if (rc != 0 || !wanted->found)
		return rc; /* it has no document, or not any more: none is wanted */
	wanted->revision = revision;
	rc = revision == wanted->have ? 0 : row_of_revision(tx, wanted->device, revision, &row);
	if (rc != 0 || revision == wanted->have || row.distribution == 0)
		return rc;
	rc = row_step(tx, &row, PUSH_OFFER, "", NULL, wanted->now_ms);
	return rc == SL_EREFUSED || rc == SL_EEXIST ? 0 : rc;
}

/* Whether there is anything to say, which costs no write. */
static int look(struct push *push, struct wanted *wanted)
{
	const struct store_value device = store_integer(wanted->device);
	int rc = row_number(push->store, STORE_PUSH_WANTED, &device, 1, 0, &wanted->revision);
	const struct store_value values[] = {device, store_integer(wanted->revision)};

	if (rc != 0 || wanted->revision != wanted->have)
		return rc;
	rc = store_read(push->store, STORE_DEVICE_DOCUMENT_HEAD, values, 2, take_head, wanted);
	if (!wanted->found)
		wanted->revision = 0;
	return rc;
}

/* The parameter is the digest of the licence that it heard of last, zeros for none. */
static int add_licence(struct port_call *call, json_t *answer, bool *ret_same)
{
	struct push *push = call->above;
	char *text = http_query_value(call->request, "licence"), hex[BLOB_HEX_MAX] = "";
	uint8_t heard[BLOB_DIGEST] = {0}, wanted[BLOB_DIGEST] = {0};
	int64_t size = 0;
	int rc;

	*ret_same = true;
	if (!text)
		return 0;
	rc = blob_digest_parse(text, heard) == 0
	             ? licence_installed(push->store, wanted, &size)
	             : problem_add(&call->problem, SL_EINVAL, "", "", "\"licence\" is no digest");
	free(text);
	if (rc != 0)
		return rc;
	*ret_same = memcmp(heard, wanted, sizeof(heard)) == 0;
	if (size > 0)
		(void)blob_digest_text(wanted, hex);
	return json_object_set_new(answer, "licence", json_string(hex)) == 0 ? 0 : SL_ENOMEM;
}

/* A parameter that is not there is a row that the device does not know (R162). */
static bool is_named(const struct port_call *call, const char *name)
{
	char *text = http_query_value(call->request, name);

	free(text);
	return text != NULL;
}

/* The rows of the device's own parameters; `ret_same`: what it has is what it should have. */
static int add_panic(struct port_call *call, const struct wanted *wanted, json_t *answer,
                     bool *ret_same)
{
	struct push *push = call->above;
	json_t *panic = NULL;
	int rc;

	*ret_same = true;
	if (wanted->panic < 0)
		return 0;
	rc = panic_wanted(push->store, wanted->device, wanted->now_ms, &panic);
	if (rc != 0)
		return rc;
	*ret_same = json_integer_value(json_object_get(panic, "number")) == wanted->panic;
	return json_object_set_new(answer, "panic", panic) == 0 ? 0 : SL_ENOMEM;
}

static int read_wanted(struct port_call *call, struct wanted *wanted)
{
	int rc = query_number(call, "have", 0, &wanted->have);

	wanted->panic = -1;
	if (rc == 0 && is_named(call, "panic"))
		rc = query_number(call, "panic", 0, &wanted->panic);
	return rc;
}

static json_t *answer_of(const struct wanted *wanted)
{
	char hex[BLOB_HEX_MAX] = "";

	if (wanted->revision != 0)
		(void)blob_digest_text(wanted->sha256, hex);
	return json_pack("{s:I, s:s, s:I, s:i}", "revision", (json_int_t)wanted->revision, "sha256",
	                 hex, "size", (json_int_t)wanted->size, "confirm_s",
	                 (int)wanted->confirm_s);
}

int push_wanted(struct port_call *call)
{
	struct push *push = call->above;
	struct wanted wanted = {.device = call->device.id, .now_ms = moment_now_ms()};
	json_t *answer;
	bool licensed = true, calm = true;
	int rc = read_wanted(call, &wanted);

	if (rc == 0)
		rc = look(push, &wanted);
	if (rc == 0 && wanted.revision != 0 && wanted.revision != wanted.have)
		rc = store_write(push->store, write_offer, &wanted);
	if (rc != 0)
		return problem_tell(&call->problem, rc);
	answer = answer_of(&wanted);
	rc = answer ? add_licence(call, answer, &licensed) : SL_ENOMEM;
	if (rc == 0)
		rc = add_panic(call, &wanted, answer, &calm);
	if (rc != 0) {
		json_decref(answer);
		return problem_tell(&call->problem, rc);
	}
	call->nothing_new = licensed && calm && wanted.revision == wanted.have;
	return problem_tell(&call->problem, answer_json(&call->response, OK, answer));
}

/* ---- document and files ------------------------------------------------------------------- */

/* The query's revision, if it is the one that the device should have. SL_ENOENT. */
static int wanted_revision(struct port_call *call, int64_t *ret_revision)
{
	struct push *push = call->above;
	const struct store_value device = store_integer(call->device.id);
	int64_t asked, wanted = 0;
	int rc = query_number(call, "revision", -1, &asked);

	if (rc == 0)
		rc = row_number(push->store, STORE_PUSH_WANTED, &device, 1, 0, &wanted);
	if (rc == 0 && (asked == 0 || asked != wanted))
		return problem_add(&call->problem, SL_ENOENT, "", "ask what is wanted",
		                   "revision %" PRId64 " is not the one wanted", asked);
	*ret_revision = wanted;
	return rc;
}

static int take_text(void *arg, const struct store_row *row)
{
	struct http_response *response = arg;
	const char *text = store_row_text(row, 0);
	int rc = buf_add(&response->body, text, strlen(text));

	return rc ? rc : 1;
}

int push_document(struct port_call *call)
{
	struct push *push = call->above;
	int64_t revision;
	int rc = wanted_revision(call, &revision);
	struct store_value values[] = {store_integer(call->device.id), store_integer(0)};

	if (rc != 0)
		return problem_tell(&call->problem, rc);
	values[1] = store_integer(revision);
	rc = store_read(push->store, STORE_DEVICE_DOCUMENT_TEXT, values, 2, take_text,
	                &call->response);
	call->response.status = OK;
	call->response.content_type = "application/json";
	return problem_tell(&call->problem,
	                    rc == 0 && call->response.body.len == 0 ? SL_ENOENT : rc);
}

static int add_file(void *arg, const struct store_row *row)
{
	size_t len;
	const void *sha256 = store_row_blob(row, 0, &len);

	return len == BLOB_DIGEST
	               ? remote_file_put(arg, sha256, (uint64_t)store_row_integer(row, 1))
	               : SL_EIO;
}

int push_files(struct port_call *call)
{
	struct push *push = call->above;
	int64_t revision;
	int rc = wanted_revision(call, &revision);

	if (rc == 0) {
		const struct store_value values[] = {store_integer(call->device.id),
		                                     store_integer(revision)};

		rc = store_read(push->store, STORE_DEVICE_FILES, values, 2, add_file,
		                &call->response.body);
	}
	call->response.status = OK;
	call->response.content_type = "application/octet-stream";
	return problem_tell(&call->problem, rc);
}

/* The installed licence is every device's. */
static int licence_size(struct push *push, const uint8_t sha256[BLOB_DIGEST], int64_t *ret_size)
{
	uint8_t installed[BLOB_DIGEST];
	int64_t size;
	int rc = licence_installed(push->store, installed, &size);

	*ret_size = size > 0 && memcmp(installed, sha256, sizeof(installed)) == 0 ? size : -1;
	return rc;
}

int push_file(struct port_call *call)
{
	struct push *push = call->above;
	const struct store_value device = store_integer(call->device.id);
	uint8_t sha256[BLOB_DIGEST];
	int64_t offset, wanted, size;
	int rc = query_digest(call, sha256);

	if (rc == 0)
		rc = query_number(call, "offset", 0, &offset);
	if (rc == 0)
		rc = row_number(push->store, STORE_PUSH_WANTED, &device, 1, 0, &wanted);
	if (rc != 0)
		return problem_tell(&call->problem, rc);
	const struct store_value values[] = {device, store_integer(wanted),
	                                     store_blob(sha256, sizeof(sha256))};

	rc = row_number(push->store, STORE_DEVICE_FILE, values, 3, -1, &size);
	if (rc == 0 && size < 0)
		rc = licence_size(push, sha256, &size);
	if (rc == 0 && size < 0)
		return problem_add(&call->problem, SL_ENOENT, "", "",
		                   "the wanted document names no such file");
	if (rc == 0)
		rc = blob_read(push->store, sha256, (uint64_t)offset, REMOTE_PIECE_MAX,
		               &call->response.body);
	call->response.status = OK;
	call->response.content_type = "application/octet-stream";
	return problem_tell(&call->problem, rc);
}
