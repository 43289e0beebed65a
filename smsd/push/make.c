/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The documents of a distribution: each device's is a write of its own, so that none waits long for
 * another and what a killed smsd had not made is made after its next start.
 */
#include <stdlib.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "smsd/base/moment.h"
#include "smsd/base/problem.h"
#include "smsd/push/push_priv.h"

/* A row whose document is not made yet. */
struct unmade {
	int64_t distribution, device, not_before_ms;
	unsigned confirm_s;
	bool first, staged;
};

/* What is written of it. */
struct making {
	const struct unmade *of;
	const struct made *made;
	char *items; /* as JSON */
	int64_t now_ms;
	int64_t revision;
	bool turned; /* the device is to be woken */
};

/* ---- what is written ---------------------------------------------------------------------- */

static int add_document(struct store_tx *tx, const struct making *making)
{
	const struct made *made = making->made;
	int64_t body;
	int rc = body_put(tx, made->body, &body);
	const struct store_value values[] = {
	        store_integer(making->of->device),
	        store_integer(making->revision),
	        store_integer(body),
	        store_text(made->name),
	        store_blob(made->document.sha256, BLOB_DIGEST),
	        store_integer((int64_t)made->document.len),
	        store_integer(making->of->confirm_s),
	        store_integer(making->now_ms),
	};

	return rc ? rc
	          : store_tx_run(tx, STORE_DEVICE_DOCUMENT_ADD, values, SL_ARRAY_LEN(values), NULL,
	                         NULL);
}

/* The next revision is the row's. SL_ENOENT: the row is not waiting for it any more. */
static int number_row(struct store_tx *tx, struct making *making)
{
	const struct store_value device = store_integer(making->of->device);
	int64_t last;
	int rc = row_number_tx(tx, STORE_PUSH_REVISION, &device, 1, 0, &last);

	if (rc != 0)
		return rc;
	making->revision = last + 1;
	const struct store_value values[] = {
	        store_integer(making->of->distribution), device, store_integer(making->revision),
	        store_integer(making->now_ms), store_text(making->items)};

	rc = store_tx_run(tx, STORE_DISTRIBUTION_DEVICE_MADE, values, 5, NULL, NULL);
	return rc == 0 && store_tx_changed(tx) == 0 ? SL_ENOENT : rc;
}

static int write_made(void *arg, struct store_tx *tx)
{
	struct making *making = arg;
	const struct unmade *of = making->of;
	int rc = number_row(tx, making);

	making->turned = false;
	if (rc == 0)
		rc = add_document(tx, making);
	if (rc == 0 && of->not_before_ms <= making->now_ms && (!of->staged || of->first)) {
		rc = row_turn(tx, of->device, making->revision, making->now_ms);
		making->turned = rc == 0;
	}
	return rc;
}

static int write_refused(void *arg, struct store_tx *tx)
{
	const struct making *making = arg;
	const struct place_row row = {.distribution = making->of->distribution,
	                              .device = making->of->device,
	                              .state = REMOTE_STATE_WAITING};

	return row_step(tx, &row, PUSH_CANNOT, push_event_text(PUSH_CANNOT), making->made->items,
	                making->now_ms);
}

static int write_one(struct push *push, const struct unmade *of, const struct made *made)
{
	struct making making = {.of = of, .made = made, .now_ms = moment_now_ms()};
	int rc;

	making.items = json_dumps(made->items, JSON_COMPACT);
	rc = making.items
	             ? store_write(push->store, made->refused ? write_refused : write_made, &making)
	             : SL_ENOMEM;
	if (rc == 0 && making.turned)
		push_wake(push, of->device);
	free(making.items);
	return rc == SL_ENOENT ? 0 : rc;
}

/* ---- one after the other ------------------------------------------------------------------- */

static int make_one(struct push *push, const struct unmade *of)
{
	struct problem problem = {0};
	struct device device = {0};
	struct made made = {0};
	int rc = device_get_id(push->store, of->device, &device, &problem);

	if (rc == SL_ENOENT) {
		problem_fini(&problem);
		return 0;
	}
	if (push->templates.of != of->distribution) {
		templates_fini(&push->templates);
		push->templates.of = of->distribution;
	}
	if (rc == 0)
		rc = made_for(&push->templates, push->store, &device, &made, &problem);
	if (rc == 0)
		rc = write_one(push, of, &made);
	if (rc != 0) /* with objects of another moment, the next time */
		templates_fini(&push->templates);
	if (rc != 0)
		log_warning("the document of %s cannot be made now: %s", device.name,
		            problem.count ? problem.items[0].text : err_text(rc));
	made_fini(&made);
	device_fini(&device);
	problem_fini(&problem);
	return rc;
}

struct page {
	struct unmade rows[64];
	size_t count;
};

static int take_unmade(void *arg, const struct store_row *row)
{
	struct page *page = arg;

	page->rows[page->count++] =
	        (struct unmade){.distribution = store_row_integer(row, 0),
	                        .device = store_row_integer(row, 1),
	                        .first = store_row_integer(row, 2) == 0,
	                        .staged = store_row_integer(row, 3) != 0,
	                        .not_before_ms = store_row_integer(row, 4),
	                        .confirm_s = (unsigned)store_row_integer(row, 5)};
	return page->count == SL_ARRAY_LEN(page->rows);
}

/* An error ends the pass behind the page; the next tick tries again. */
static int make_all(struct push *push)
{
	const struct store_value limit = store_integer(SL_ARRAY_LEN(((struct page *)0)->rows));
	int64_t until = moment_now_ms() + PUSH_PASS_MS;
	struct page page = {.count = 1};
	int rc = 0;

	while (rc == 0 && page.count > 0) {
		page.count = 0;
		rc = store_read(push->store, STORE_DISTRIBUTION_UNMADE, &limit, 1, take_unmade,
		                &page);
		if (rc < 0)
			break;
		rc = 0;
		for (size_t i = 0; i < page.count; i++) {
			int one;

			if (moment_now_ms() >= until)
				return rc;
			one = make_one(push, &page.rows[i]);
			rc = rc ? rc : one;
		}
	}
	templates_fini(&push->templates);
	return rc;
}

int push_make(struct push *push, bool wait)
{
	int rc = wait ? pthread_mutex_lock(&push->making) : pthread_mutex_trylock(&push->making);

	if (rc != 0)
		return 0;
	rc = make_all(push);
	(void)pthread_mutex_unlock(&push->making);
	return rc;
}
