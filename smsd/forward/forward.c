/* SPDX-License-Identifier: Apache-2.0 */
/* The whole: which servers have a thread, and who is told what. */
#include <stdlib.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "smsd/base/problem.h"
#include "smsd/forward/forward_priv.h"

int forward_create(struct store *store, struct ingest *ingest, struct forward **ret_forward,
                   struct problem *problem)
{
	struct forward *forward = calloc(1, sizeof(*forward));

	if (!forward)
		return problem_tell(problem, SL_ENOMEM);
	forward->store = store;
	forward->ingest = ingest;
	(void)pthread_mutex_init(&forward->mutex, NULL);
	*ret_forward = forward;
	return 0;
}

/* ---- threads ----------------------------------------------------------------------------- */

static struct sender *find(const struct forward *forward, int64_t id)
{
	struct sender *sender = forward->senders;

	while (sender && (sender_id(sender) != id || sender_has_ended(sender)))
		sender = *sender_next(sender);
	return sender;
}

/* With the mutex. */
static void join_ended(struct forward *forward)
{
	for (struct sender **at = &forward->senders; *at;) {
		struct sender *sender = *at;

		if (!sender_has_ended(sender)) {
			at = sender_next(sender);
			continue;
		}
		*at = *sender_next(sender);
		sender_join(sender);
	}
}

/* With the mutex. */
static int start_one(struct forward *forward, int64_t id)
{
	struct sender *sender;
	int rc;

	if (find(forward, id))
		return 0;
	rc = sender_start(forward, id, &sender);
	if (rc != 0)
		return rc;
	*sender_next(sender) = forward->senders;
	forward->senders = sender;
	return 0;
}

struct ids {
	int64_t id[FORWARD_TARGETS_MAX];
	size_t count;
};

static int take_id(void *arg, struct target_row *row)
{
	struct ids *ids = arg;

	ids->id[ids->count++] = row->id;
	target_row_fini(row);
	return 0;
}

int forward_changed(struct forward *forward)
{
	struct ids ids = {.count = 0};
	int rc = target_each(forward->store, take_id, &ids);

	(void)pthread_mutex_lock(&forward->mutex);
	join_ended(forward);
	for (struct sender *s = forward->senders; s; s = *sender_next(s))
		sender_order(s);
	for (size_t i = 0; i < ids.count && rc == 0; i++)
		rc = start_one(forward, ids.id[i]);
	(void)pthread_mutex_unlock(&forward->mutex);
	return rc;
}

void forward_status(struct forward *forward, int64_t id, struct sender_status *status)
{
	struct sender *sender;

	(void)pthread_mutex_lock(&forward->mutex);
	sender = find(forward, id);
	if (sender)
		*status = *sender_status(sender);
	(void)pthread_mutex_unlock(&forward->mutex);
}

/* ---- the start and the end --------------------------------------------------------------- */

static void came(void *arg)
{
	struct forward *forward = arg;

	(void)pthread_mutex_lock(&forward->mutex);
	for (struct sender *s = forward->senders; s; s = *sender_next(s))
		sender_tell(s);
	(void)pthread_mutex_unlock(&forward->mutex);
}

int forward_start(struct forward *forward, struct problem *problem)
{
	int rc = forward_changed(forward);

	if (rc != 0)
		return problem_add(problem, rc, "", "", "syslog servers cannot be served: %s",
		                   err_text(rc));
	arrival_on_came(forward->ingest, came, forward);
	return 0;
}

/* A thread says that it has ended under the mutex, so none is held while it is waited for. */
void forward_destroy(struct forward *forward)
{
	if (!forward)
		return;
	arrival_on_came(forward->ingest, NULL, NULL);
	atomic_store(&forward->stopping, true);
	for (struct sender *s = forward->senders; s; s = *sender_next(s))
		sender_order(s);
	while (forward->senders) {
		struct sender *sender = forward->senders;

		forward->senders = *sender_next(sender);
		sender_join(sender);
	}
	(void)pthread_mutex_destroy(&forward->mutex);
	free(forward);
}

/* ---- tests ------------------------------------------------------------------------------- */

struct testing {
	const struct actor *actor;
	const char *name;
};

static int write_tested(void *arg, struct store_tx *tx)
{
	const struct testing *t = arg;

	return record_audit_tx(tx, &target_kind, t->actor, "test", t->name);
}

static int ask_test(struct forward *forward, int64_t id)
{
	struct sender *sender;

	(void)pthread_mutex_lock(&forward->mutex);
	sender = find(forward, id);
	if (sender) {
		sender_status(sender)->testing = true;
		sender_order(sender);
	}
	(void)pthread_mutex_unlock(&forward->mutex);
	return sender ? 0 : SL_EAGAIN;
}

int forward_test(struct forward *forward, const struct actor *actor, const char *name,
                 struct problem *problem)
{
	struct testing testing = {actor, name};
	struct target_row row;
	int rc = target_by_name(forward->store, name, &row);

	if (rc == SL_ENOENT)
		return record_missing(&target_kind, name, problem);
	if (rc != 0)
		return problem_tell(problem, rc);
	if (!row.enabled)
		rc = problem_add(problem, SL_EBUSY, "", "enable it first",
		                 "the syslog server \"%.64s\" is not enabled", name);
	if (rc == 0)
		rc = store_write(forward->store, write_tested, &testing);
	if (rc == 0)
		rc = ask_test(forward, row.id);
	target_row_fini(&row);
	return problem_tell(problem, rc);
}
