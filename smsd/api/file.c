/* SPDX-License-Identifier: Apache-2.0 */
/* Files: uploads in pieces, and what becomes of them. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/conf/value.h"
#include "smsd/api/object_page.h"
#include "smsd/api/route.h"
#include "smsd/base/moment.h"
#include "smsd/object/blob.h"
#include "smsd/object/object.h"

enum {
	OK = 200,
	CREATED = 201,
	NO_CONTENT = 204,
	CONTENT_MAX = 16 * 1024 * 1024, /* of a file in one answer */
	CONTENT = 4 * 1024 * 1024,      /* where nothing else is asked for */
};

/* ---- uploads ----------------------------------------------------------------------------- */

static int answer_upload(struct api_call *call, int status, int64_t id, uint64_t size)
{
	return api_answer(call, status,
	                  json_pack("{s:I, s:I, s:i}", "id", (json_int_t)id, "size",
	                            (json_int_t)size, "piece", BLOB_PIECE_MAX));
}

int api_upload_begin(struct api_call *call)
{
	int64_t id = 0;
	int rc =
	        blob_upload_begin(call->context->store, &call->identity.actor, &id, &call->problem);

	return rc ? rc : answer_upload(call, CREATED, id, 0);
}

/* The upload of the path. */
static int read_id(struct api_call *call, int64_t *ret_id)
{
	uint64_t id;

	if (value_parse_uint(call->parameter[0], &id) != 0 || id > INT64_MAX)
		return problem_add(&call->problem, SL_ENOENT, "", "POST " API_PREFIX "/uploads",
		                   "there is no upload \"%.64s\"", call->parameter[0]);
	*ret_id = (int64_t)id;
	return 0;
}

int api_upload_add(struct api_call *call)
{
	int64_t id = 0, offset = 0;
	uint64_t size = 0;
	int rc = read_id(call, &id);

	if (rc == 0)
		rc = api_query_number(call, "offset", 0, BLOB_FILE_MAX, 0, &offset);
	if (rc == 0)
		rc = blob_upload_add(call->context->store, &call->identity.actor, id,
		                     (uint64_t)offset, call->request->body, call->request->body_len,
		                     &size, &call->problem);
	return rc ? rc : answer_upload(call, OK, id, size);
}

int api_upload_drop(struct api_call *call)
{
	int64_t id = 0;
	int rc = read_id(call, &id);

	if (rc == 0)
		rc = blob_upload_drop(call->context->store, &call->identity.actor, id,
		                      &call->problem);
	if (rc == 0)
		call->response.status = NO_CONTENT;
	return rc;
}

/* ---- looking ----------------------------------------------------------------------------- */

static json_t *show(const struct object *object)
{
	char time[MOMENT_TEXT_MAX];

	return json_pack("{s:s, s:O, s:O, s:O, s:I, s:s}", "name", object->name, "content",
	                 json_object_get(object->body, "content"), "size",
	                 json_object_get(object->body, "size"), "sha256",
	                 json_object_get(object->body, "sha256"), "revision",
	                 (json_int_t)object->revision, "changed",
	                 moment_text(object->changed_ms, time));
}

static int answer_file(struct api_call *call, const char *name, int status)
{
	struct object object;
	json_t *shown;
	int rc = object_get(call->context->store, OBJECT_FILE, name, &object, &call->problem);

	if (rc != 0)
		return rc;
	api_set_revision(call, object.revision);
	shown = show(&object);
	object_fini(&object);
	return api_answer(call, status, shown);
}

int api_file_get(struct api_call *call)
{
	return answer_file(call, call->parameter[0], OK);
}

int api_file_list(struct api_call *call)
{
	return api_answer_objects(call, OBJECT_FILE, show);
}

int api_file_content(struct api_call *call)
{
	uint8_t sha256[BLOB_DIGEST];
	int64_t offset = 0, limit = 0;
	struct object object;
	const char *hex;
	int rc = api_query_number(call, "offset", 0, BLOB_FILE_MAX, 0, &offset);

	if (rc == 0)
		rc = api_query_number(call, "limit", 1, CONTENT_MAX, CONTENT, &limit);
	if (rc == 0)
		rc = object_get(call->context->store, OBJECT_FILE, call->parameter[0], &object,
		                &call->problem);
	if (rc != 0)
		return rc;
	hex = json_string_value(json_object_get(object.body, "sha256"));
	rc = hex ? blob_digest_parse(hex, sha256) : SL_EIO;
	if (rc == 0)
		rc = blob_read(call->context->store, sha256, (uint64_t)offset, (size_t)limit,
		               &call->response.body);
	api_set_revision(call, object.revision);
	object_fini(&object);
	call->response.content_type = "application/octet-stream";
	return rc ? problem_add(&call->problem, SL_EIO, "", "restore a backup of the database",
	                        "the file's bytes cannot be read: %s", err_text(rc))
	          : 0;
}

/* ---- changing ---------------------------------------------------------------------------- */

/* The upload that the body names becomes the file. */
static int finish(struct api_call *call, const char *name, enum blob_content content,
                  int64_t revision)
{
	int64_t upload = json_integer_value(json_object_get(call->body, "upload"));

	return blob_finish(call->context->store, &call->identity.actor, upload, content, name,
	                   revision, api_body_text(call, "comment"), &call->problem);
}

int api_file_make(struct api_call *call)
{
	const char *name = api_body_text(call, "name");
	const char *word = api_body_text(call, "content");
	enum blob_content content = BLOB_RULES;
	int rc = word ? blob_content_parse(word, &content) : 0;

	if (rc == 0)
		rc = finish(call, name, content, 0);
	return rc ? rc : answer_file(call, name, CREATED);
}

static int content_of(struct api_call *call, enum blob_content *ret_content)
{
	struct object object;
	const char *word;
	int rc = object_get(call->context->store, OBJECT_FILE, call->parameter[0], &object,
	                    &call->problem);

	if (rc != 0)
		return rc;
	word = json_string_value(json_object_get(object.body, "content"));
	rc = word ? blob_content_parse(word, ret_content) : SL_EIO;
	object_fini(&object);
	return rc ? problem_add(&call->problem, SL_EIO, "", "restore a backup of the database",
	                        "the file's row is damaged")
	          : 0;
}

int api_file_replace(struct api_call *call)
{
	enum blob_content content = BLOB_RULES;
	int64_t revision = 0;
	int rc = api_if_match(call, &revision);

	if (rc == 0)
		rc = content_of(call, &content);
	if (rc == 0)
		rc = finish(call, call->parameter[0], content, revision);
	return rc ? rc : answer_file(call, call->parameter[0], OK);
}

int api_file_delete(struct api_call *call)
{
	char *comment = http_query_value(call->request, "comment");
	int64_t revision = 0;
	int rc = api_if_match(call, &revision);

	if (rc == 0)
		rc = blob_delete(call->context->store, &call->identity.actor, call->parameter[0],
		                 revision, comment, &call->problem);
	free(comment);
	if (rc == 0)
		call->response.status = NO_CONTENT;
	return rc;
}
