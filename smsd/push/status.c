/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a device says became of a revision. A state that the table does not take is answered like
 * any other, so that a device is not kept from what follows, and noted in the log; where the device
 * says that another document is in force than that revision's, in its row too.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "smsd/base/moment.h"
#include "smsd/push/licence.h"
#include "smsd/push/panic.h"
#include "smsd/push/push_priv.h"

enum { NO_CONTENT = 204 };

struct telling {
	int64_t device, revision, now_ms;
	const char *state, *text;
	const char *sha256; /* of the document in force, hexadecimal; "" not said */
	json_t *items;      /* of objects; NULL: none told */
	/* What was made of it. */
	enum remote_state was;
	int judged; /* 0: taken; SL_EEXIST, SL_EREFUSED, SL_ENOENT, SL_EMISMATCH */
};

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

/* ---- items --------------------------------------------------------------------------------- */

static int take_tree(void *arg, const struct store_row *row)
{
	*(json_t **)arg = json_loads(store_row_text(row, 0), 0, NULL);
	return 1;
}

/* Its places as objects, by the document that they are places of. NULL without any. */
static int objects_of(struct port_call *call, int64_t revision, json_t **ret_items)
{
	struct push *push = call->above;
	const struct store_value values[] = {store_integer(call->device.id),
	                                     store_integer(revision)};
	const json_t *told = json_object_get(call->body, "items");
	json_t *tree = NULL, *items, *item;
	size_t i;
	int rc;

	*ret_items = NULL;
	if (json_array_size(told) == 0)
		return 0;
	rc = store_read(push->store, STORE_DEVICE_DOCUMENT_TEXT, values, 2, take_tree, &tree);
	items = rc < 0 ? NULL : json_array();
	json_array_foreach(told, i, item)
	{
		json_t *place = item_of_place(tree, call->device.name, text_of(item, "pointer"),
		                              json_is_true(json_object_get(item, "notice")),
		                              text_of(item, "text"), text_of(item, "remedy"));

		if (json_array_append_new(items, place) != 0)
			rc = rc < 0 ? rc : SL_ENOMEM;
	}
	json_decref(tree);
	if (rc < 0) {
		json_decref(items);
		return rc;
	}
	*ret_items = items;
	return 0;
}

/* ---- the step ------------------------------------------------------------------------------ */

static int take_digest(void *arg, const struct store_row *row)
{
	size_t len;
	const uint8_t *sha256 = store_row_blob(row, 0, &len);

	if (len != BLOB_DIGEST)
		return SL_EIO;
	(void)blob_digest_text(sha256, arg);
	return 1;
}

/* What is in force according to the device is that revision's document; true too when it does not
 * say. */
static int is_its_document(struct store_tx *tx, const struct telling *t, bool *ret_is)
{
	const struct store_value values[] = {store_integer(t->device), store_integer(t->revision)};
	char hex[BLOB_HEX_MAX] = "";
	int rc = t->sha256[0]
	                 ? store_tx_run(tx, STORE_DEVICE_DOCUMENT_HEAD, values, 2, take_digest, hex)
	                 : 0;

	*ret_is = !t->sha256[0] || strcmp(hex, t->sha256) == 0;
	return rc;
}

/* The row keeps its state and says what was heard. */
static int say(struct store_tx *tx, const struct telling *t, const struct place_row *row,
               const char *text, const json_t *items)
{
	char *dumped = items ? json_dumps(items, JSON_COMPACT) : NULL;
	const struct store_value values[] = {store_integer(row->distribution),
	                                     store_integer(row->device),
	                                     store_text(remote_state_name(row->state)),
	                                     store_text(text),
	                                     store_text(dumped),
	                                     store_integer(t->now_ms)};
	int rc = items && !dumped ? SL_ENOMEM
	                          : store_tx_run(tx, STORE_DISTRIBUTION_DEVICE_SAID, values,
	                                         SL_ARRAY_LEN(values), NULL, NULL);

	free(dumped);
	return rc;
}

static int step(struct store_tx *tx, struct telling *t, const struct place_row *row)
{
	enum push_event event;
	bool applied, same = true;
	int rc = push_state_told(t->state, row->confirm_s, &event);

	if (rc != 0) {
		t->judged = SL_EREFUSED;
		return 0;
	}
	applied = event == PUSH_TOLD_IN_FORCE || event == PUSH_TOLD_CONFIRMED;
	rc = applied ? is_its_document(tx, t, &same) : 0;
	if (rc == 0 && !same) {
		t->judged = SL_EMISMATCH;
		return say(tx, t, row, "the device says that another document is in force", NULL);
	}
	if (rc == 0)
		rc = row_step(tx, row, event, t->text, t->items, t->now_ms);
	if (rc == SL_EEXIST || rc == SL_EREFUSED) {
		t->judged = rc;
		return rc == SL_EEXIST && t->items ? say(tx, t, row, t->text, t->items) : 0;
	}
	if (rc == 0 && applied)
		rc = row_step_older(tx, t->device, t->revision, PUSH_REPLACE, t->now_ms);
	return rc;
}

static int write_told(void *arg, struct store_tx *tx)
{
	struct telling *t = arg;
	struct place_row row;
	int rc = row_of_revision(tx, t->device, t->revision, &row);

	t->judged = 0;
	if (rc != 0)
		return rc;
	t->was = row.state;
	if (row.distribution == 0) {
		t->judged = SL_ENOENT;
		return 0;
	}
	return step(tx, t, &row);
}

static void note(const struct port_call *call, const struct telling *t)
{
	if (t->judged == SL_ENOENT)
		log_info("%s says \"%.32s\" of revision %" PRId64 ", which it was never given",
		         call->device.name, t->state, t->revision);
	else if (t->judged == SL_EMISMATCH)
		log_warning("%s says \"%.32s\" of revision %" PRId64
		            ", and that another document is in force: not taken",
		            call->device.name, t->state, t->revision);
	else if (t->judged == SL_EREFUSED)
		log_info("%s says \"%.32s\" of revision %" PRId64 ", which is %s: not taken",
		         call->device.name, t->state, t->revision, remote_state_name(t->was));
}

/* A document came into force that was not distributed from here: said once. */
static void note_foreign(struct port_call *call, const char *sha256)
{
	struct push *push = call->above;
	uint8_t digest[BLOB_DIGEST];
	const struct store_value values[] = {store_integer(call->device.id),
	                                     store_blob(digest, sizeof(digest))};
	int64_t known = 0;

	if (blob_digest_parse(sha256, digest) != 0 ||
	    memcmp(digest, call->device.document_sha256, sizeof(digest)) == 0)
		return;
	if (row_number(push->store, STORE_DEVICE_DOCUMENT_KNOWN, values, 2, 0, &known) == 0 &&
	    known == 0)
		log_info("%s has a document in force that was not distributed from here: out of "
		         "step",
		         call->device.name);
}

static int tell_state(struct port_call *call)
{
	struct push *push = call->above;
	struct telling t = {.device = call->device.id,
	                    .revision = json_integer_value(json_object_get(call->body, "revision")),
	                    .now_ms = moment_now_ms(),
	                    .state = text_of(call->body, "state"),
	                    .text = text_of(call->body, "text"),
	                    .sha256 = text_of(call->body, "sha256")};
	int rc;

	if (t.revision == 0 || !t.state[0])
		return 0;
	rc = objects_of(call, t.revision, &t.items);
	if (rc == 0)
		rc = store_write(push->store, write_told, &t);
	if (rc == 0)
		note(call, &t);
	json_decref(t.items);
	return rc;
}

int push_status(struct port_call *call)
{
	struct push *push = call->above;
	const json_t *licence = json_object_get(call->body, "licence");
	const json_t *panic = json_object_get(call->body, "panic");
	int rc = device_told(push->store, &call->device, call->body, &call->problem);

	if (rc == 0) {
		note_foreign(call, text_of(call->body, "sha256"));
		rc = tell_state(call);
	}
	if (rc == 0 && licence)
		rc = licence_told(push->store, call->device.id, licence);
	if (rc == 0 && panic)
		rc = panic_told(push->store, call->device.id, json_integer_value(panic));
	call->response.status = NO_CONTENT;
	return problem_tell(&call->problem, rc);
}
