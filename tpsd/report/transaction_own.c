/* SPDX-License-Identifier: Apache-2.0 */
/* Orders that bring no document of their own: the file again, back to an earlier one, by hand or
 * because nobody confirmed. */
#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "tpsd/report/transaction_priv.h"

enum { RETRY_S = 1 };

static void on_confirm(struct loop_timer *timer)
{
	struct transaction *t = OF_TIMER(timer, confirm);
	struct transaction_order order;
	struct buf text;
	char name[512];
	int rc;

	buf_init(&text, CONF_TEXT_MAX);
	rc = t->phase != IDLE ? SL_EBUSY
	                      : origin_back(t->origin, 1, &text, name, sizeof(name), &order);
	if (rc == 0) {
		log_warning("configuration: not confirmed in time: the document before is taken "
		            "again");
		order.user = ORIGIN_REVERTER;
		rc = transaction_start(t, &order);
	}
	if (rc == SL_EBUSY)
		(void)loop_timer_set(timer->loop, timer, RETRY_S * CLOCK_NS_PER_S, on_confirm);
	else if (rc != 0)
		log_critical("configuration: not confirmed in time, and the document before cannot "
		             "be read: %s",
		             err_text(rc));
	buf_fini(&text);
}

void transaction_schedule_confirm(struct transaction *t)
{
	uint64_t left_ms;

	loop_timer_cancel(&t->confirm);
	if (origin_confirm_left(t->origin, &left_ms))
		(void)loop_timer_set(t->control->proc->loop, &t->confirm, left_ms * CLOCK_NS_PER_MS,
		                     on_confirm);
}

int transaction_reload(struct transaction *transaction, const char *user, transaction_done_fn *fn,
                       void *arg)
{
	struct transaction_order order;
	struct buf text;
	int rc;

	buf_init(&text, CONF_TEXT_MAX);
	rc = origin_reload(transaction->origin, &text, &order);
	if (rc == 0) {
		order.user = user;
		order.fn = fn;
		order.arg = arg;
		rc = transaction_start(transaction, &order);
	}
	buf_fini(&text);
	return rc;
}

void transaction_hangup(struct transaction *transaction)
{
	int rc = transaction_reload(transaction, "SIGHUP", NULL, NULL);

	transaction->hangup = rc == SL_EBUSY;
	if (rc != 0 && rc != SL_EBUSY)
		log_error("configuration: not read again: %s", err_text(rc));
}

void transaction_hangup_due(struct transaction *t)
{
	if (t->hangup)
		transaction_hangup(t);
}

int transaction_confirm(struct transaction *transaction)
{
	int rc = origin_confirm(transaction->origin);

	if (rc == 0)
		loop_timer_cancel(&transaction->confirm);
	return rc;
}

int transaction_rollback(struct transaction *transaction, unsigned back, const char *user,
                         transaction_done_fn *fn, void *arg)
{
	struct transaction_order order;
	struct buf text;
	char name[512];
	int rc;

	buf_init(&text, CONF_TEXT_MAX);
	rc = origin_back(transaction->origin, back, &text, name, sizeof(name), &order);
	if (rc == 0) {
		order.user = user;
		order.fn = fn;
		order.arg = arg;
		rc = transaction_start(transaction, &order);
	}
	buf_fini(&text);
	return rc;
}

json_t *transaction_describe(const struct transaction *transaction)
{
	json_t *object = origin_describe(transaction->origin);
	static const char *const phases[] = {
	        [IDLE] = "idle",
	        [COMPILING] = "compiling",
	        [OFFERED] = "waiting for processes",
	        [COMMITTED] = "taken by processes",
	};

	(void)json_object_set_new(object, "revision", json_integer(transaction->in_force));
	(void)json_object_set_new(object, "transaction", json_string(phases[transaction->phase]));
	return object;
}
