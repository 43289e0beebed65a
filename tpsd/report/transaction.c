/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One configuration at a time: IDLE -> COMPILING (a thread) -> OFFERED (PREPARE is out) ->
 * COMMITTED (COMMIT is out: who asked for it hears of its end when all have taken it) -> IDLE.
 * Where it came from and what is kept of it on the disk is in origin.c.
 */
#include "tpsd/report/transaction.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/conf/config.h"
#include "tpsd/report/compile.h"
#include "tpsd/report/control.h"
#include "tpsd/report/inforce.h"
#include "tpsd/report/licensing.h"
#include "tpsd/report/origin.h"
#include "tpsd/report/slots.h"
#include "tpsd/report/transaction_priv.h"

enum { PEERS_WAIT_S = 5 };

static void on_first(struct loop_timer *timer);

int transaction_open(struct control *control, struct transaction **ret_transaction)
{
	struct transaction *t = calloc(1, sizeof(*t));
	int rc;

	if (!t)
		return SL_ENOMEM;
	t->control = control;
	t->fd = -1;
	t->next.fd = -1;
	conf_errors_init(&t->next.errs);
	rc = origin_open(control->proc, &t->origin);
	if (rc == 0)
		rc = loop_timer_set(control->proc->loop, &t->first, PEERS_WAIT_S * CLOCK_NS_PER_S,
		                    on_first);
	if (rc != 0) {
		transaction_close(t);
		return rc;
	}
	*ret_transaction = t;
	return 0;
}

void transaction_close(struct transaction *transaction)
{
	if (!transaction)
		return;
	loop_timer_cancel(&transaction->answer);
	loop_timer_cancel(&transaction->first);
	loop_timer_cancel(&transaction->confirm);
	compile_abandon(transaction->compile);
	compiled_fini(&transaction->next);
	if (transaction->fd >= 0)
		(void)close(transaction->fd);
	origin_close(transaction->origin);
	free(transaction->document);
	free(transaction);
}

/* ---- the end ----------------------------------------------------------------------------- */

static void log_errors(const struct conf_errors *errs)
{
	for (size_t i = 0; i < errs->count; i++) {
		const struct conf_error *e = &errs->items[i];

		log_write(e->notice ? LOG_LEVEL_WARNING : LOG_LEVEL_ERROR, "%s:%u:%u: %s: %s (%s)",
		          e->file, e->line, e->column, e->pointer, e->text, e->remedy);
	}
}

/* The order's `fn` hears of it; then what waited for the end has its turn. */
static void finish(struct transaction *t, int status)
{
	struct transaction_order order = *origin_order(t->origin);
	uint32_t revision = t->revision;

	loop_timer_cancel(&t->answer);
	t->phase = IDLE;
	t->compile = NULL;
	if (!order.fn)
		log_errors(&t->next.errs);
	else
		order.fn(order.arg, status, revision, &t->next.errs);
	compiled_fini(&t->next);
	t->next = (struct compiled){.fd = -1};
	conf_errors_init(&t->next.errs);
	origin_forget_order(t->origin);
	for (unsigned slot = 0; slot < PROC_SLOTS; slot++)
		if (t->in_force && t->offered_alone[slot] != t->in_force &&
		    slot_channel(t->control->proc, slot))
			transaction_offer_alone(t, slot);
	transaction_hangup_due(t);
}

static void try_last_good(struct transaction *t)
{
	struct transaction_order order;
	struct buf text;
	char name[512];

	buf_init(&text, CONF_TEXT_MAX);
	if (origin_last_good(t->origin, &text, name, sizeof(name), &order) == 0 &&
	    transaction_start(t, &order) == 0)
		log_critical("configuration: the last good document is used instead");
	buf_fini(&text);
}

/* `parent` ends the daemon when the very first document is refused; not if there is a last good. */
static void fail(struct transaction *t, int status)
{
	bool fallback = t->in_force == 0 && origin_may_fall_back(t->origin);
	uint32_t revision = t->revision;

	for (unsigned slot = 0; slot < PROC_SLOTS; slot++)
		if (slot != PROC_SLOT_PARENT || !fallback)
			transaction_send_end(t, slot, IPC_ABORT, revision);
	log_critical("configuration: revision %u is refused and changes nothing: %s", revision,
	             err_text(status));
	finish(t, status);
	if (fallback)
		try_last_good(t);
}

/* The same document again is no other one: what is told of it stays. */
static void hold_document(struct transaction *t)
{
	bool same = t->document && memcmp(t->sha256, t->next.sha256, sizeof(t->sha256)) == 0;

	free(t->document);
	t->document = t->next.document;
	t->document_len = t->next.document_len;
	t->next.document = NULL;
	memcpy(t->sha256, t->next.sha256, sizeof(t->sha256));
	if (!same)
		t->reverted = strcmp(origin_order(t->origin)->user, ORIGIN_REVERTER) == 0;
}

bool transaction_held(const struct transaction *transaction, struct transaction_held *ret_held)
{
	const struct transaction *t = transaction;

	if (t->in_force == 0 || !t->document)
		return false;
	*ret_held = (struct transaction_held){.revision = t->in_force,
	                                      .sha256 = t->sha256,
	                                      .text = t->document,
	                                      .len = t->document_len,
	                                      .reverted = t->reverted};
	return true;
}

static void on_not_adopted(struct loop_timer *timer)
{
	struct transaction *t = OF_TIMER(timer, answer);
	char name[SLOT_NAME_MAX];

	for (unsigned slot = 0; slot < PROC_SLOTS; slot++)
		if (t->waits[slot])
			log_error("configuration: %s did not say within %d s that it took revision "
			          "%u",
			          slot_name(slot, name), TRANSACTION_ANSWER_S, t->revision);
	finish(t, 0);
}

/* No process can refuse any more: one that is gone gets it when it is there again. */
static void adopted(struct transaction *t, unsigned slot)
{
	t->waits[slot] = false;
	t->nwaits--;
	if (t->nwaits == 0)
		finish(t, 0);
}

void transaction_on_adopted(struct transaction *transaction, enum ipc_role role, unsigned index,
                            const struct ipc_adopted *msg)
{
	unsigned slot = slot_of(role, index);

	if (transaction->phase == COMMITTED && msg->revision == transaction->revision &&
	    transaction->waits[slot])
		adopted(transaction, slot);
}

static void send_commit(struct transaction *t)
{
	t->phase = COMMITTED;
	t->nwaits = 0;
	for (unsigned slot = 0; slot < PROC_SLOTS; slot++) {
		if (!t->waits[slot])
			continue;
		transaction_send_end(t, slot, IPC_COMMIT, t->revision);
		t->offered_alone[slot] = t->revision;
		t->nwaits++;
	}
	(void)loop_timer_set(t->control->proc->loop, &t->answer,
	                     TRANSACTION_ANSWER_S * CLOCK_NS_PER_S, on_not_adopted);
}

static void commit(struct transaction *t)
{
	struct config *config = t->next.config;

	if (origin_keep(t->origin, t->revision, t->next.sha256) != 0)
		log_critical("configuration: the document cannot be kept in %s: %s; a restart will "
		             "not find it",
		             t->control->proc->state_dir, strerror(errno));
	licensing_configure(t->control->licensing, config);
	send_commit(t);
	if (t->fd >= 0)
		(void)close(t->fd);
	t->fd = t->next.fd;
	t->size = t->next.size;
	t->in_force = t->revision;
	t->next.fd = -1;
	t->next.config = NULL;
	hold_document(t);
	inforce_set(t->control, config, t->revision);
	transaction_schedule_confirm(t);
	log_info("configuration: revision %u is in force (%s)", t->revision,
	         origin_order(t->origin)->name);
	if (t->nwaits == 0)
		finish(t, 0);
}

/* ---- steps ------------------------------------------------------------------------------- */

static unsigned patience_s(const struct transaction *t)
{
	return t->in_force == 0 ? TRANSACTION_START_S : TRANSACTION_ANSWER_S;
}

static void on_no_answer(struct loop_timer *timer)
{
	struct transaction *t = OF_TIMER(timer, answer);
	char name[SLOT_NAME_MAX];

	for (unsigned slot = 0; slot < PROC_SLOTS; slot++)
		if (t->waits[slot])
			(void)conf_errors_add_at(&t->next.errs, "", 0, 0, "", SL_ETIMEOUT,
			                         "look at the system log for what it is doing",
			                         "%s did not answer within %u s",
			                         slot_name(slot, name), patience_s(t));
	fail(t, SL_ETIMEOUT);
}

static void offer_to_all(struct transaction *t)
{
	t->nwaits = 0;
	t->status = 0;
	for (unsigned slot = 0; slot < PROC_SLOTS; slot++) {
		/* While an answer is open `waits` says so; once answered `nwaits` alone counts. */
		t->waits[slot] =
		        transaction_offer(t, slot, t->revision, t->next.fd, t->next.size) == 0;
		t->nwaits += t->waits[slot];
	}
	t->phase = OFFERED;
	(void)loop_timer_set(t->control->proc->loop, &t->answer, patience_s(t) * CLOCK_NS_PER_S,
	                     on_no_answer);
	if (t->nwaits == 0)
		commit(t);
}

static void on_compiled(void *arg, struct compiled *compiled)
{
	struct transaction *t = arg;

	t->compile = NULL;
	t->next = *compiled;
	*compiled = (struct compiled){.fd = -1};
	conf_errors_init(&compiled->errs);
	if (t->next.status != 0)
		fail(t, t->next.status);
	else
		offer_to_all(t);
}

int transaction_start(struct transaction *transaction, const struct transaction_order *order)
{
	struct compile_source source;
	int rc;

	if (transaction->phase != IDLE)
		return SL_EBUSY;
	rc = origin_take_order(transaction->origin, order);
	if (rc == 0)
		rc = origin_next_revision(transaction->origin, &transaction->revision);
	if (rc != 0)
		return rc;
	order = origin_order(transaction->origin);
	source = (struct compile_source){.name = order->name,
	                                 .text = order->text,
	                                 .len = order->len,
	                                 .revision = transaction->revision};
	rc = compile_start(transaction->control->proc->loop, &source, on_compiled, transaction,
	                   &transaction->compile);
	if (rc == 0)
		transaction->phase = COMPILING;
	return rc;
}

static void refuse_slot(struct transaction *t, unsigned slot, int status)
{
	char name[SLOT_NAME_MAX];

	(void)conf_errors_add_at(&t->next.errs, "", 0, 0, "", status, "see its own lines above",
	                         "%s refuses it: %s", slot_name(slot, name), err_text(status));
	if (t->status == 0)
		t->status = status;
}

void transaction_on_ready(struct transaction *transaction, enum ipc_role role, unsigned index,
                          const struct ipc_ready *ready)
{
	struct transaction *t = transaction;
	unsigned slot = slot_of(role, index);
	char name[SLOT_NAME_MAX];

	if (t->phase == OFFERED && ready->revision == t->revision && t->waits[slot]) {
		t->nwaits--;
		if (ready->status != 0)
			refuse_slot(t, slot, ready->status);
		if (t->nwaits > 0)
			return;
		if (t->status != 0)
			fail(t, t->status);
		else
			commit(t);
	} else if (ready->revision == t->in_force && t->offered_alone[slot] == t->in_force) {
		if (ready->status == 0)
			transaction_send_end(t, slot, IPC_COMMIT, t->in_force);
		else
			log_critical("configuration: %s was started again and refuses revision %u: "
			             "%s",
			             slot_name(slot, name), t->in_force, err_text(ready->status));
	} else if (t->phase == IDLE) {
		transaction_offer_alone(t, slot);
	}
}

/* Workers are of one mind: what one of them said the others say too. */
static bool is_said(const struct conf_errors *errs, const char *path, const char *text, size_t len)
{
	for (size_t i = 0; i < errs->count; i++)
		if (!strcmp(errs->items[i].pointer, path) &&
		    !strncmp(errs->items[i].text, text, len) && !errs->items[i].text[len])
			return true;
	return false;
}

void transaction_on_item(struct transaction *transaction, enum ipc_role role, unsigned index,
                         const struct ipc_item *item)
{
	struct conf_errors *errs = &transaction->next.errs;
	char name[SLOT_NAME_MAX], path[257], remedy[257];
	bool ours = transaction->phase == OFFERED && item->revision == transaction->revision;

	(void)snprintf(path, sizeof(path), "%.*s", IPC_TEXT(item->path));
	(void)snprintf(remedy, sizeof(remedy), "%.*s", IPC_TEXT(item->remedy));
	if (ours && is_said(errs, path, item->text.data, item->text.len))
		return;
	if (ours)
		(void)conf_errors_add_at(errs, origin_order(transaction->origin)->name, 0, 0, path,
		                         item->status, remedy, "%.*s", IPC_TEXT(item->text));
	else
		log_error("configuration: %s: %s: %.*s (%s)", slot_name(slot_of(role, index), name),
		          path, IPC_TEXT(item->text), remedy);
}

/* ---- processes coming and going ---------------------------------------------------------- */

static bool all_there(const struct transaction *t)
{
	struct proc *proc = t->control->proc;

	for (unsigned slot = 0; slot < PROC_SLOT_WORKER + proc->nworkers; slot++)
		if (slot_takes_part(slot) && !slot_channel(proc, slot))
			return false;
	return true;
}

static void start_first(struct transaction *t)
{
	struct transaction_order order;
	struct buf text;
	char name[512];
	int rc;

	t->first_done = true;
	loop_timer_cancel(&t->first);
	buf_init(&text, CONF_TEXT_MAX);
	rc = origin_first(t->origin, &text, name, sizeof(name), &order);
	if (rc == 0)
		rc = transaction_start(t, &order);
	if (rc != 0) {
		log_critical("configuration: nothing to start with: %s", err_text(rc));
		transaction_send_end(t, PROC_SLOT_PARENT, IPC_ABORT, 0);
	}
	buf_fini(&text);
}

static void on_first(struct loop_timer *timer)
{
	struct transaction *t = OF_TIMER(timer, first);

	log_warning("configuration: some processes are not there yet; they get it when they are");
	start_first(t);
}

void transaction_peer_up(struct transaction *transaction, enum ipc_role role, unsigned index)
{
	unsigned slot = slot_of(role, index);

	transaction->offered_alone[slot] = 0;
	if (!transaction->first_done && all_there(transaction))
		start_first(transaction);
	else if (transaction->phase == IDLE)
		transaction_offer_alone(transaction, slot);
}

void transaction_peer_down(struct transaction *transaction, enum ipc_role role, unsigned index)
{
	struct transaction *t = transaction;
	unsigned slot = slot_of(role, index);

	t->offered_alone[slot] = 0;
	if (!t->waits[slot])
		return;
	if (t->phase == COMMITTED)
		adopted(t, slot);
	if (t->phase != OFFERED)
		return;
	t->waits[slot] = false;
	refuse_slot(t, slot, SL_ECLOSED);
	fail(t, SL_ECLOSED);
}
