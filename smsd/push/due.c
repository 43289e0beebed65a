/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which devices need a distribution (R132): for each the digest of the document that the objects as
 * they are make of it, against the one in force. Documents are made again some time after a change,
 * a few at a tick and once for all that are alike; until then a device is "checking".
 */
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "smsd/base/moment.h"
#include "smsd/base/problem.h"
#include "smsd/push/push_priv.h"

enum {
	QUIET_MS = 2000,      /* without a change: who changes much at once is waited for */
	IMPATIENT_MS = 20000, /* but no longer than that */
	PASS_MS = 250,        /* of making documents, in one tick */
	PASS_MAX = 512,       /* devices, in one tick: one write */
};

/* ---- what has to be made again ------------------------------------------------------------- */

struct last_change {
	int64_t id, time_ms;
};

static int take_change(void *arg, const struct store_row *row)
{
	*(struct last_change *)arg = (struct last_change){
	        .id = store_row_integer(row, 0),
	        .time_ms = SL_MAX(store_row_integer(row, 1), store_row_integer(row, 2))};
	return 1;
}

struct stale {
	int64_t list[PASS_MAX];
	size_t count;
};

static int take_stale(void *arg, const struct store_row *row)
{
	struct stale *stale = arg;

	stale->list[stale->count++] = store_row_integer(row, 0);
	return stale->count == SL_ARRAY_LEN(stale->list);
}

static int find_stale(struct push *push, int64_t change, struct stale *ret_stale)
{
	const struct store_value values[] = {store_integer(change), store_integer(PASS_MAX)};
	int rc;

	ret_stale->count = 0;
	rc = store_read(push->store, STORE_DUE_STALE, values, 2, take_stale, ret_stale);
	return rc < 0 ? rc : 0;
}

/* ---- what was made ------------------------------------------------------------------------- */

struct due {
	int64_t device, revision;
	bool can; /* a document can be made */
	uint8_t sha256[BLOB_DIGEST];
};

struct pass {
	struct due list[PASS_MAX];
	size_t count;
	int64_t change, now_ms;
};

struct was {
	int64_t since_ms;
	bool has;
	uint8_t sha256[BLOB_DIGEST]; /* in force */
};

static int take_was(void *arg, const struct store_row *row)
{
	struct was *was = arg;
	size_t len;
	const void *sha256 = store_row_blob(row, 1, &len);

	was->since_ms = store_row_integer(row, 0);
	was->has = !store_row_is_null(row, 1) && len == sizeof(was->sha256);
	if (was->has)
		memcpy(was->sha256, sha256, len);
	return 1;
}

/* What differs still differs since it did first. */
static int put_one(struct store_tx *tx, const struct pass *pass, const struct due *due)
{
	const struct store_value device = store_integer(due->device);
	struct was was = {.since_ms = 0};
	int rc = store_tx_run(tx, STORE_DUE_WAS, &device, 1, take_was, &was);
	bool differs = !due->can || !was.has || memcmp(was.sha256, due->sha256, BLOB_DIGEST) != 0;
	const struct store_value values[] = {
	        device,
	        due->can ? store_blob(due->sha256, BLOB_DIGEST) : store_null(),
	        store_integer(pass->change),
	        store_integer(due->revision),
	        store_integer(!differs            ? 0
	                      : was.since_ms != 0 ? was.since_ms
	                                          : pass->now_ms),
	};

	return rc < 0 ? rc
	              : store_tx_run(tx, STORE_DUE_SET, values, SL_ARRAY_LEN(values), NULL, NULL);
}

static int write_pass(void *arg, struct store_tx *tx)
{
	const struct pass *pass = arg;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < pass->count; i++)
		rc = put_one(tx, pass, &pass->list[i]);
	return rc;
}

/* A device that is gone meanwhile is passed over. */
static int make_one(struct push *push, int64_t id, struct pass *pass)
{
	struct problem problem = {0};
	struct device device = {0};
	struct made made = {0};
	int rc = device_get_id(push->store, id, &device, &problem);

	if (rc == 0)
		rc = made_for(&push->due_templates, push->store, &device, &made, &problem);
	if (rc == 0) {
		struct due *due = &pass->list[pass->count++];

		*due = (struct due){.device = id,
		                    .revision = device.revision,
		                    .can = made.document.text != NULL};
		if (due->can)
			memcpy(due->sha256, made.document.sha256, sizeof(due->sha256));
	}
	made_fini(&made);
	device_fini(&device);
	problem_fini(&problem);
	return rc == SL_ENOENT ? 0 : rc;
}

static int make_stale(struct push *push, const struct stale *stale, struct pass *pass)
{
	int64_t until = moment_now_ms() + PASS_MS;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < stale->count; i++) {
		if (i > 0 && moment_now_ms() >= until)
			break;
		rc = make_one(push, stale->list[i], pass);
	}
	return rc;
}

/* The shelf is kept from tick to tick, until all are made or the objects are others. */
static int work(struct push *push, const struct last_change *change, int64_t now_ms)
{
	struct pass pass = {.change = change->id, .now_ms = now_ms};
	struct stale stale;
	int rc = find_stale(push, change->id, &stale);

	if (rc == 0 && stale.count > 0 && push->due_templates.of != change->id + 1) {
		templates_fini(&push->due_templates);
		push->due_templates.of = change->id + 1; /* 0 is none */
		push->due_ms = now_ms;
	}
	if (rc == 0 && stale.count > 0)
		rc = make_stale(push, &stale, &pass);
	if (rc == 0 && pass.count > 0)
		rc = store_write(push->store, write_pass, &pass);
	if (rc != 0 || (stale.count == pass.count && stale.count < PASS_MAX))
		templates_fini(&push->due_templates);
	return rc;
}

int push_due(struct push *push, int64_t now_ms)
{
	struct last_change change = {0};
	int rc;

	if (pthread_mutex_trylock(&push->making) != 0)
		return 0;
	rc = store_read(push->store, STORE_DUE_LAST_CHANGE, NULL, 0, take_change, &change);
	if (rc >= 0 &&
	    (now_ms - change.time_ms >= QUIET_MS || now_ms - push->due_ms >= IMPATIENT_MS))
		rc = work(push, &change, now_ms);
	(void)pthread_mutex_unlock(&push->making);
	/* A certificate is another one since the shelf was opened: the next tick sees the change.
	 */
	return rc < 0 && rc != SL_EAGAIN ? rc : 0;
}

/* ---- what is shown ------------------------------------------------------------------------- */

static bool is_same(const struct store_row *row, unsigned a, unsigned b)
{
	size_t a_len, b_len;
	const void *a_bytes = store_row_blob(row, a, &a_len);
	const void *b_bytes = store_row_blob(row, b, &b_len);

	return !store_row_is_null(row, a) && !store_row_is_null(row, b) && a_len == b_len &&
	       memcmp(a_bytes, b_bytes, a_len) == 0;
}

static const char *need_of(const struct store_row *row)
{
	if (strcmp(store_row_text(row, 1), device_state_name(DEVICE_ENROLLED)) != 0 ||
	    store_row_is_null(row, 2))
		return "unknown";
	if (store_row_integer(row, 4) < store_row_integer(row, 5) ||
	    store_row_integer(row, 6) != store_row_integer(row, 7))
		return "checking";
	return is_same(row, 2, 3) ? "no" : "yes";
}

static int show_row(void *arg, const struct store_row *row)
{
	const char *need = need_of(row);
	int64_t since_ms = store_row_integer(row, 8);
	json_t *shown = json_pack("{s:s}", "needs_distribution", need);
	char text[MOMENT_TEXT_MAX];

	if (strcmp(need, "yes") == 0 && since_ms != 0)
		(void)json_object_set_new(shown, "needs_since",
		                          json_string(moment_text(since_ms, text)));
	return json_object_set_new(arg, store_row_text(row, 0), shown) == 0 ? 0 : SL_ENOMEM;
}

int push_needs(struct store *store, json_t **ret_needs)
{
	json_t *needs = json_object();
	int rc = needs ? store_read(store, STORE_DUE_ALL, NULL, 0, show_row, needs) : SL_ENOMEM;

	if (rc < 0) {
		json_decref(needs);
		return rc;
	}
	*ret_needs = needs;
	return 0;
}
