/* SPDX-License-Identifier: Apache-2.0 */
/* Panic mode asked of devices, and ended. */
#include "smsd/push/panic.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/addr.h"
#include "lib/base/err.h"
#include "smsd/auth/audit.h"
#include "smsd/base/moment.h"
#include "smsd/base/problem.h"
#include "smsd/push/push_priv.h"

enum { MS_PER_MINUTE = 60 * 1000 };

/* ---- what is asked ------------------------------------------------------------------------- */

/* A name as devices have it in a ClientHello; no wildcard: an exception is of one thing. */
static bool is_domain(const char *text)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	                              "0123456789-_.";
	size_t len = strlen(text);

	return len > 0 && len <= REMOTE_PANIC_VALUE_MAX && strspn(text, letters) == len;
}

static int check_except(const struct panic_order *order, struct problem *problem)
{
	struct addr a;

	if (strcmp(order->what, "domain") == 0)
		return is_domain(order->value)
		               ? 0
		               : problem_add(problem, SL_EINVAL, "/domain", "www.example.org",
		                             "a domain is a name of letters, digits, - and .");
	if (strcmp(order->what, "client") != 0 && strcmp(order->what, "server") != 0)
		return problem_add(problem, SL_EINVAL, "/step", "name a client, server or domain",
		                   "what is to be left alone is not said");
	return addr_parse(order->value, &a) == 0
	               ? 0
	               : problem_add(problem, SL_EINVAL,
	                             order->what[0] == 'c' ? "/client" : "/server", "10.0.0.7",
	                             "a client or server is named by its address");
}

static int check_order(const struct panic_order *order, struct problem *problem)
{
	if (order->minutes > PANIC_MINUTES_MAX)
		return problem_add(problem, SL_ERANGE, "/minutes", "leave it out: until cleared",
		                   "%d minutes at most", PANIC_MINUTES_MAX);
	if (order->comment && strlen(order->comment) > PANIC_COMMENT_MAX)
		return problem_add(problem, SL_EINVAL, "/comment", "shorten it",
		                   "a comment has %d bytes at most", PANIC_COMMENT_MAX);
	if (order->step == REMOTE_PANIC_EXCEPT)
		return check_except(order, problem);
	return order->what[0] ? problem_add(problem, SL_EINVAL, "/step", "leave it out",
	                                    "a %s is of the step except alone", order->what)
	                      : 0;
}

/* ---- a write ------------------------------------------------------------------------------- */

struct deed {
	const struct actor *actor;
	const struct panic_order *order; /* NULL: a clearing */
	struct target *targets;          /* whom it is for */
	size_t count, changed;           /* of whom something was changed */
	int64_t id, now_ms;
	struct problem *problem;
};

static json_t *names_of(const struct deed *deed)
{
	json_t *names = json_array();

	for (size_t i = 0; names && i < deed->count; i++)
		(void)json_array_append_new(names, json_string(deed->targets[i].name));
	return names;
}

static int audit(struct store_tx *tx, const struct deed *deed, const char *action)
{
	const struct panic_order *o = deed->order;
	json_t *what = o ? json_pack("{s:s, s:s, s:I, s:s, s:o}", "what", o->what, "value",
	                             o->value, "minutes", (json_int_t)o->minutes, "comment",
	                             o->comment ? o->comment : "", "devices", names_of(deed))
	                 : json_pack("{s:o}", "devices", names_of(deed));
	char *text = what ? json_dumps(what, JSON_COMPACT) : NULL, name[24] = "";
	const struct audit_line line = {
	        .action = action, .kind = "panic", .name = name, .after = text};
	int rc = SL_ENOMEM;

	if (deed->id != 0)
		(void)snprintf(name, sizeof(name), "%" PRId64, deed->id);
	if (text)
		rc = audit_add(tx, deed->actor, &line);
	free(text);
	json_decref(what);
	return rc;
}

static int sweep(struct store_tx *tx, int64_t now_ms)
{
	const struct store_value now = store_integer(now_ms);

	return store_tx_run(tx, STORE_PANIC_SWEEP, &now, 1, NULL, NULL);
}

/* It is asked anew: the device hears of it by another number. */
static int number_up(struct store_tx *tx, int64_t device)
{
	const struct store_value value = store_integer(device);

	return store_tx_run(tx, STORE_PANIC_NUMBER_UP, &value, 1, NULL, NULL);
}

/* ---- asking -------------------------------------------------------------------------------- */

static int add_order(struct store_tx *tx, struct deed *deed)
{
	const struct panic_order *o = deed->order;
	int64_t until_ms = o->minutes ? deed->now_ms + (int64_t)o->minutes * MS_PER_MINUTE : 0;
	const struct store_value values[] = {store_integer(o->step),
	                                     store_text(o->what),
	                                     store_text(o->value),
	                                     store_integer(deed->now_ms),
	                                     store_integer(until_ms),
	                                     store_text(deed->actor->name),
	                                     store_text(o->comment ? o->comment : "")};

	return row_number_tx(tx, STORE_PANIC_ADD, values, SL_ARRAY_LEN(values), 0, &deed->id);
}

static int ask_one(struct store_tx *tx, const struct deed *deed, const struct target *target)
{
	const struct panic_order *o = deed->order;
	const struct store_value same[] = {store_integer(target->id), store_integer(o->step),
	                                   store_text(o->what), store_text(o->value)};
	const struct store_value values[] = {store_integer(deed->id), store_integer(target->id)};
	int64_t count = 0;
	int rc = store_tx_run(tx, STORE_PANIC_DROP_SAME, same, SL_ARRAY_LEN(same), NULL, NULL);

	if (rc == 0)
		rc = row_number_tx(tx, STORE_PANIC_COUNT, &values[1], 1, 0, &count);
	if (rc == 0 && count >= REMOTE_PANIC_MAX)
		return problem_add(deed->problem, SL_ELIMIT, "", "clear some of them",
		                   "%d steps are asked of the device \"%s\" already",
		                   REMOTE_PANIC_MAX, target->name);
	if (rc == 0)
		rc = store_tx_run(tx, STORE_PANIC_DEVICE_ADD, values, 2, NULL, NULL);
	return rc ? rc : number_up(tx, target->id);
}

static int write_asked(void *arg, struct store_tx *tx)
{
	struct deed *deed = arg;
	char action[32];
	int rc;

	problem_fini(deed->problem);
	rc = sweep(tx, deed->now_ms);
	if (rc == 0)
		rc = add_order(tx, deed);
	for (size_t i = 0; rc == 0 && i < deed->count; i++)
		rc = ask_one(tx, deed, &deed->targets[i]);
	if (rc == 0)
		rc = sweep(tx, deed->now_ms); /* what has no device any more */
	(void)snprintf(action, sizeof(action), "panic %s", remote_panic_name(deed->order->step));
	return rc ? rc : audit(tx, deed, action);
}

static void wake_all(const struct push *push, const struct deed *deed)
{
	for (size_t i = 0; i < deed->count; i++)
		push_wake(push, deed->targets[i].id);
}

int panic_ask(struct push *push, const struct actor *actor, const struct panic_order *order,
              int64_t *ret_id, struct problem *problem)
{
	const struct push_options whom = {.devices = order->devices,
	                                  .devices_count = order->devices_count};
	struct deed deed = {
	        .actor = actor, .order = order, .now_ms = moment_now_ms(), .problem = problem};
	int rc = check_order(order, problem);

	if (rc == 0)
		rc = push_targets(push, &whom, &deed.targets, &deed.count, problem);
	if (rc == 0)
		rc = store_write(push->store, write_asked, &deed);
	if (rc == 0) {
		wake_all(push, &deed);
		*ret_id = deed.id;
	}
	free(deed.targets);
	return rc ? push_failed(rc, problem) : 0;
}

/* ---- clearing ------------------------------------------------------------------------------ */

static int take_target(void *arg, const struct store_row *row)
{
	return target_add(arg, store_row_integer(row, 0), store_row_text(row, 1));
}

/* Revoked ones too: what is asked of them is nobody's wish any more. */
static int find_named(struct store *store, struct target_list *list, const char *const *names,
                      size_t count, struct problem *problem)
{
	int rc = 0;

	for (size_t i = 0; rc >= 0 && i < count; i++) {
		const struct store_value value = store_text(names[i]);
		char pointer[32];
		int64_t id = 0;

		(void)snprintf(pointer, sizeof(pointer), "/devices/%zu", i);
		rc = row_number(store, STORE_PUSH_DEVICE, &value, 1, 0, &id);
		if (rc == 0 && id == 0)
			rc = problem_add(problem, SL_ENOENT, pointer,
			                 "sms device list shows those there are",
			                 "there is no device \"%.64s\"", names[i]);
		if (rc == 0)
			rc = target_add(list, id, names[i]);
	}
	return rc;
}

static int clear_one(struct store_tx *tx, struct deed *deed, const struct target *target)
{
	const struct store_value values[] = {store_integer(target->id), store_integer(deed->id)};
	int rc = deed->id ? store_tx_run(tx, STORE_PANIC_CLEAR_ONE, values, 2, NULL, NULL)
	                  : store_tx_run(tx, STORE_PANIC_CLEAR, values, 1, NULL, NULL);

	if (rc != 0 || store_tx_changed(tx) == 0)
		return rc;
	deed->changed++;
	return number_up(tx, target->id);
}

static int write_cleared(void *arg, struct store_tx *tx)
{
	struct deed *deed = arg;
	int rc;

	problem_fini(deed->problem);
	deed->changed = 0;
	rc = sweep(tx, deed->now_ms);
	for (size_t i = 0; rc == 0 && i < deed->count; i++)
		rc = clear_one(tx, deed, &deed->targets[i]);
	if (rc == 0 && deed->changed == 0)
		return problem_add(deed->problem, SL_ENOENT, "", "sms panic show",
		                   "nothing is asked of these devices that could be cleared");
	if (rc == 0)
		rc = sweep(tx, deed->now_ms);
	return rc ? rc : audit(tx, deed, "panic clear");
}

int panic_clear(struct push *push, const struct actor *actor, const char *const *devices,
                size_t devices_count, int64_t id, struct problem *problem)
{
	struct target_list list = {0};
	struct deed deed = {
	        .actor = actor, .id = id, .now_ms = moment_now_ms(), .problem = problem};
	int rc = devices_count > 0
	                 ? find_named(push->store, &list, devices, devices_count, problem)
	                 : store_read(push->store, STORE_PANIC_ASKED, NULL, 0, take_target, &list);

	deed.targets = list.list;
	deed.count = list.count;
	if (rc == 0)
		rc = store_write(push->store, write_cleared, &deed);
	if (rc == 0)
		wake_all(push, &deed);
	free(list.list);
	return rc ? push_failed(rc, problem) : 0;
}

/* ---- the clock ----------------------------------------------------------------------------- */

static int write_swept(void *arg, struct store_tx *tx)
{
	return sweep(tx, *(const int64_t *)arg);
}

int panic_sweep(struct store *store, int64_t now_ms)
{
	return store_write(store, write_swept, &now_ms);
}
