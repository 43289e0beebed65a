/* SPDX-License-Identifier: Apache-2.0 */
/* What the clock does with distributions: turns, stages, ends. */
#include <stdio.h>
#include <string.h>

#include "lib/base/err.h"
#include "smsd/base/problem.h"
#include "smsd/push/panic.h"
#include "smsd/push/push_priv.h"

struct turn {
	int64_t distribution, device, revision, now_ms;
};

struct turns {
	struct turn rows[PUSH_TURNS_AT_ONCE];
	size_t count;
	int64_t now_ms;
};

static int take_turn(void *arg, const struct store_row *row)
{
	struct turns *turns = arg;

	turns->rows[turns->count++] = (struct turn){.distribution = store_row_integer(row, 0),
	                                            .device = store_row_integer(row, 1),
	                                            .revision = store_row_integer(row, 2),
	                                            .now_ms = turns->now_ms};
	return turns->count == PUSH_TURNS_AT_ONCE;
}

/* What was read is looked at again in the write: it may have been cancelled. */
static int write_turn(void *arg, struct store_tx *tx)
{
	const struct turn *turn = arg;
	const struct store_value values[] = {store_integer(turn->distribution),
	                                     store_integer(turn->device)};
	int64_t revision;
	int rc = row_number_tx(tx, STORE_DISTRIBUTION_DEVICE_NEXT, values, 2, 0, &revision);

	if (rc == 0 && revision == turn->revision)
		rc = row_turn(tx, turn->device, revision, turn->now_ms);
	return rc;
}

static int give_turns(struct push *push, int64_t now_ms)
{
	const struct store_value values[] = {
	        store_integer(now_ms), store_integer(now_ms - (int64_t)DEVICE_SILENT_S * 1000),
	        store_integer(PUSH_TURNS_AT_ONCE)};
	struct turns turns = {.now_ms = now_ms};
	int rc = store_read(push->store, STORE_DISTRIBUTION_TURNS, values, 3, take_turn, &turns);

	for (size_t i = 0; rc == 0 && i < turns.count; i++) {
		rc = store_write(push->store, write_turn, &turns.rows[i]);
		if (rc == 0)
			push_wake(push, turns.rows[i].device);
	}
	return rc;
}

struct broken {
	int64_t id; /* 0: none */
	char why[256];
};

static int take_broken(void *arg, const struct store_row *row)
{
	struct broken *broken = arg;

	broken->id = store_row_integer(row, 0);
	if (store_row_is_null(row, 1))
		(void)snprintf(broken->why, sizeof(broken->why), "the first device was deleted");
	else
		(void)snprintf(broken->why, sizeof(broken->why), "%s, the first, is %s",
		               store_row_text(row, 1), store_row_text(row, 2));
	return 1;
}

/* Staged ones whose first device did not take it: the rest are left as they are. */
static int end_broken(struct push *push)
{
	struct broken broken;
	int rc;

	do {
		broken.id = 0;
		rc = store_read(push->store, STORE_DISTRIBUTION_BROKEN, NULL, 0, take_broken,
		                &broken);
		if (rc >= 0 && broken.id != 0)
			rc = push_stop(push, NULL, broken.id, broken.why);
	} while (rc == 0 && broken.id != 0);
	return rc < 0 && rc != SL_EBUSY ? rc : 0;
}

struct gone {
	struct place_row row;
	int64_t now_ms;
	bool found;
};

static int take_gone(void *arg, const struct store_row *row)
{
	struct gone *gone = arg;

	gone->found = true;
	gone->row = (struct place_row){.distribution = store_row_integer(row, 0),
	                               .device = store_row_integer(row, 1),
	                               .revision = store_row_integer(row, 2)};
	return remote_state_parse(store_row_text(row, 3), &gone->row.state) == 0 ? 1 : SL_EIO;
}

static int write_gone(void *arg, struct store_tx *tx)
{
	const struct gone *gone = arg;

	return row_step(tx, &gone->row, PUSH_GONE, push_event_text(PUSH_GONE), NULL, gone->now_ms);
}

/* Devices that were revoked meanwhile say nothing any more. */
static int end_gone(struct push *push, int64_t now_ms)
{
	struct gone gone;
	int rc;

	do {
		gone = (struct gone){.now_ms = now_ms};
		rc = store_read(push->store, STORE_DISTRIBUTION_GONE, NULL, 0, take_gone, &gone);
		if (rc >= 0 && gone.found)
			rc = store_write(push->store, write_gone, &gone);
	} while (rc == 0 && gone.found);
	return rc;
}

struct over {
	int64_t id, now_ms;
};

static int write_over(void *arg, struct store_tx *tx)
{
	const struct over *over = arg;

	return distribution_end_if_over(tx, over->id, over->now_ms);
}

/* Those that ended without a step: their devices were deleted. */
static int end_over(struct push *push, int64_t now_ms)
{
	struct over over = {.now_ms = now_ms};
	int rc = row_number(push->store, STORE_DISTRIBUTION_OVER, NULL, 0, 0, &over.id);

	if (rc == 0 && over.id != 0)
		rc = store_write(push->store, write_over, &over);
	return rc;
}

static int sweep_bodies(void *arg, struct store_tx *tx)
{
	(void)arg;
	return store_tx_run(tx, STORE_DOCUMENT_BODY_SWEEP, NULL, 0, NULL, NULL);
}

int push_tick(struct push *push, int64_t now_ms)
{
	int64_t swept = atomic_load(&push->swept_ms);
	int rc = push_make(push, false), next;

	next = end_gone(push, now_ms);
	rc = rc ? rc : next;
	next = end_broken(push);
	rc = rc ? rc : next;
	next = give_turns(push, now_ms);
	rc = rc ? rc : next;
	next = end_over(push, now_ms);
	rc = rc ? rc : next;
	next = push_due(push, now_ms);
	rc = rc ? rc : next;
	if (now_ms - swept >= PUSH_SWEEP_MS &&
	    atomic_compare_exchange_strong(&push->swept_ms, &swept, now_ms)) {
		next = store_write(push->store, sweep_bodies, NULL);
		rc = rc ? rc : next;
		next = blob_sweep(push->store, now_ms);
		rc = rc ? rc : next;
		next = panic_sweep(push->store, now_ms);
		rc = rc ? rc : next;
	}
	return rc;
}
