/* SPDX-License-Identifier: Apache-2.0 */
/* Distributions: begun, tried again, cancelled; and what the clock does with them. */
#include "smsd/push/push.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "smsd/auth/audit.h"
#include "smsd/base/actor.h"
#include "smsd/base/moment.h"
#include "smsd/base/problem.h"
#include "smsd/push/push_priv.h"

int push_create(struct store *store, struct vault *vault, struct push **ret_push,
                struct problem *problem)
{
	struct push *push = calloc(1, sizeof(*push));

	if (!push || pthread_mutex_init(&push->making, NULL) != 0) {
		free(push);
		return problem_add(problem, SL_ENOMEM, "", "", "out of memory");
	}
	push->store = store;
	push->vault = vault;
	*ret_push = push;
	return 0;
}

void push_destroy(struct push *push)
{
	if (!push)
		return;
	templates_fini(&push->templates);
	templates_fini(&push->due_templates);
	(void)pthread_mutex_destroy(&push->making);
	free(push);
}

void push_set_port(struct push *push, struct port *port)
{
	push->port = port;
}

/* ---- begun --------------------------------------------------------------------------------- */

static int check_options(const struct push_options *options, struct problem *problem)
{
	if (options->devices_count > PUSH_DEVICES_MAX)
		return problem_add(problem, SL_ELIMIT, "/devices", "",
		                   "there can be %d devices at most", PUSH_DEVICES_MAX);
	if (options->confirm_s != 0 &&
	    (options->confirm_s < PUSH_CONFIRM_MIN_S || options->confirm_s > PUSH_CONFIRM_MAX_S))
		return problem_add(problem, SL_ERANGE, "/confirm_s", "0 is for good at once",
		                   "a device has %d to %d seconds to prove its document good",
		                   PUSH_CONFIRM_MIN_S, PUSH_CONFIRM_MAX_S);
	if (options->wait_s > PUSH_WAIT_MAX_S)
		return problem_add(problem, SL_ERANGE, "/wait_s", "",
		                   "the wait behind the first device is %d seconds at most",
		                   PUSH_WAIT_MAX_S);
	if (options->wait_s > 0 && !options->staged)
		return problem_add(problem, SL_EINVAL, "/wait_s", "say staged, too",
		                   "only a staged distribution waits");
	if (options->not_before_ms < 0 ||
	    options->not_before_ms > moment_now_ms() + (int64_t)PUSH_AHEAD_MAX_S * 1000)
		return problem_add(problem, SL_ERANGE, "/not_before", "",
		                   "a distribution begins within %d days",
		                   PUSH_AHEAD_MAX_S / (24 * 3600));
	return 0;
}

struct beginning {
	const struct actor *actor;
	const struct push_options *options;
	const struct target *targets;
	size_t count;
	int64_t now_ms, id;
};

static int take_id(void *arg, const struct store_row *row)
{
	*(int64_t *)arg = store_row_integer(row, 0);
	return 1;
}

static int add_row(struct store_tx *tx, struct beginning *b)
{
	const struct push_options *o = b->options;
	const struct store_value values[] = {
	        store_text(b->actor->name),
	        store_integer(b->now_ms),
	        store_text(o->comment ? o->comment : ""),
	        store_integer(o->confirm_s),
	        store_integer(o->staged),
	        store_integer(o->wait_s),
	        store_integer(o->not_before_ms),
	};
	int rc = store_tx_run(tx, STORE_DISTRIBUTION_ADD, values, SL_ARRAY_LEN(values), take_id,
	                      &b->id);

	return rc;
}

static int add_devices(struct store_tx *tx, const struct beginning *b)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < b->count; i++) {
		const struct store_value values[] = {
		        store_integer(b->id),
		        store_integer(b->targets[i].id),
		        store_integer((int64_t)i),
		        store_text(remote_state_name(REMOTE_STATE_WAITING)),
		        store_integer(b->now_ms),
		};

		rc = store_tx_run(tx, STORE_DISTRIBUTION_DEVICE_ADD, values, SL_ARRAY_LEN(values),
		                  NULL, NULL);
	}
	return rc;
}

static int audit(struct store_tx *tx, const struct actor *actor, const char *action, int64_t id)
{
	char name[24];
	const struct audit_line line = {.action = action, .kind = "distribution", .name = name};

	(void)snprintf(name, sizeof(name), "%" PRId64, id);
	return audit_add(tx, actor, &line);
}

static int write_begin(void *arg, struct store_tx *tx)
{
	const struct store_value kept = store_integer(PUSH_KEPT);
	struct beginning *b = arg;
	int rc = add_row(tx, b);

	if (rc == 0)
		rc = add_devices(tx, b);
	if (rc == 0)
		rc = audit(tx, b->actor, "distribute", b->id);
	return rc ? rc : store_tx_run(tx, STORE_DISTRIBUTION_PRUNE, &kept, 1, NULL, NULL);
}

int push_begin(struct push *push, const struct actor *actor, const struct push_options *options,
               int64_t *ret_id, struct problem *problem)
{
	struct beginning b = {.actor = actor, .options = options, .now_ms = moment_now_ms()};
	struct target *targets = NULL;
	int rc = check_options(options, problem);

	if (rc == 0)
		rc = push_targets(push, options, &targets, &b.count, problem);
	if (rc != 0)
		return rc;
	b.targets = targets;
	rc = store_write(push->store, write_begin, &b);
	free(targets);
	if (rc != 0)
		return push_failed(rc, problem);
	*ret_id = b.id;
	rc = push_make(push, true);
	if (rc != 0)
		log_warning("distribution %" PRId64 " has begun; its documents are made later: %s",
		            b.id, err_text(rc));
	return 0;
}

/* ---- again, and no more --------------------------------------------------------------------- */

static int take_name(void *arg, const struct store_row *row)
{
	return target_add(arg, 0, store_row_text(row, 0));
}

int push_retry(struct push *push, const struct actor *actor, int64_t id, int64_t *ret_id,
               struct problem *problem)
{
	const struct store_value value = store_integer(id);
	const char *names[PUSH_DEVICES_MAX];
	struct target_list targets = {0};
	struct distribution was;
	int rc = distribution_get(push->store, id, &was, problem);

	if (rc != 0)
		return push_failed(rc, problem);
	rc = store_read(push->store, STORE_DISTRIBUTION_AGAIN, &value, 1, take_name, &targets);
	if (rc >= 0 && targets.count == 0)
		rc = problem_add(problem, SL_EINVAL, "", "",
		                 "no device of distribution %lld is refused, reverted or waiting",
		                 (long long)id);
	for (size_t i = 0; i < targets.count && i < PUSH_DEVICES_MAX; i++)
		names[i] = targets.list[i].name;
	if (rc >= 0)
		rc = push_begin(push, actor,
		                &(struct push_options){.devices = names,
		                                       .devices_count = targets.count,
		                                       .comment = was.comment,
		                                       .confirm_s = was.confirm_s,
		                                       .staged = was.staged,
		                                       .wait_s = was.wait_s},
		                ret_id, problem);
	free(targets.list);
	distribution_fini(&was);
	return rc < 0 ? push_failed(rc, problem) : 0;
}

struct stopping {
	const struct actor *actor; /* NULL: the SMS itself, by the clock */
	int64_t id, now_ms;
	const char *why;
	struct target_list waiting; /* their ids, and revisions that they will not be offered */
};

static int take_waiting(void *arg, const struct store_row *row)
{
	return target_add(arg, store_row_integer(row, 0), "");
}

/* What a device that waits should have is what it was told last. */
static int unwant(struct store_tx *tx, int64_t distribution, int64_t device)
{
	const struct store_value values[] = {store_integer(distribution), store_integer(device)};
	int64_t revision, last;
	int rc = row_number_tx(tx, STORE_DISTRIBUTION_DEVICE_WANTED, values, 2, 0, &revision);

	if (rc != 0 || revision == 0)
		return rc;
	const struct store_value told[] = {store_integer(device), store_integer(revision)};

	rc = row_number_tx(tx, STORE_DISTRIBUTION_DEVICE_TOLD_LAST, told, 2, 0, &last);
	return rc ? rc : device_want_tx(tx, device, last);
}

static int write_stop(void *arg, struct store_tx *tx)
{
	struct stopping *stop = arg;
	const struct store_value values[] = {store_integer(stop->id), store_text(stop->why)};
	int rc = store_tx_run(tx, STORE_DISTRIBUTION_STOP, values, 2, NULL, NULL);

	if (rc == 0 && store_tx_changed(tx) == 0)
		return SL_EBUSY;
	stop->waiting.count = 0;
	if (rc == 0)
		rc = store_tx_run(tx, STORE_DISTRIBUTION_WAITING, values, 1, take_waiting,
		                  &stop->waiting);
	for (size_t i = 0; rc == 0 && i < stop->waiting.count; i++)
		rc = unwant(tx, stop->id, stop->waiting.list[i].id);
	if (rc == 0 && stop->actor)
		rc = audit(tx, stop->actor, "cancel distribution", stop->id);
	return rc ? rc : distribution_end_if_over(tx, stop->id, stop->now_ms);
}

int push_stop(struct push *push, const struct actor *actor, int64_t id, const char *why)
{
	struct stopping stop = {.actor = actor, .id = id, .why = why, .now_ms = moment_now_ms()};
	int rc = store_write(push->store, write_stop, &stop);

	free(stop.waiting.list);
	return rc;
}

int push_cancel(struct push *push, const struct actor *actor, int64_t id, struct problem *problem)
{
	struct distribution was;
	char why[128];
	int rc = distribution_get(push->store, id, &was, problem);

	if (rc != 0)
		return push_failed(rc, problem);
	distribution_fini(&was);
	(void)snprintf(why, sizeof(why), "cancelled by %s", actor->name);
	rc = push_stop(push, actor, id, why);
	if (rc == SL_EBUSY)
		return problem_add(problem, SL_EBUSY, "", "",
		                   "distribution %lld has ended, or was stopped already",
		                   (long long)id);
	return rc ? push_failed(rc, problem) : 0;
}
