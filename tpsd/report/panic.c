/* SPDX-License-Identifier: Apache-2.0 */
/* Panic mode and drain: commands, the file, the word to the others. */
#include "tpsd/report/panic.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/addr.h"
#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "tpsd/report/control.h"
#include "tpsd/report/forward.h"
#include "tpsd/report/handlers.h"
#include "tpsd/report/history.h"
#include "tpsd/report/licensing.h"
#include "tpsd/report/server.h"

enum {
	EXCEPT_SECONDS = 2 * 86400,
	WHAT_SIZE = 16,
	VALUE_SIZE = 256,
	FILE_MAX_BYTES = 64 * 1024,
	DRAIN_DEFAULT_MS = 60000,
};

static const uint64_t SAY_AGAIN_US = 86400ULL * 1000000;

struct entry {
	enum panic_step step;
	uint64_t until_us; /* wall clock; 0: until cleared */
	char what[WHAT_SIZE];
	char value[VALUE_SIZE];
};

struct panic {
	struct control *control;
	struct loop_timer timer;
	struct entry entries[PANIC_ENTRIES_MAX];
	size_t count;
};

enum panic_step panic_step(const struct panic *panic)
{
	enum panic_step step = PANIC_NONE;

	for (size_t i = 0; i < panic->count; i++)
		step = SL_MAX(step, panic->entries[i].step);
	return step;
}

/* `for_file`: with the absolute end, as it is kept; else with what is left. */
static json_t *entry_object(const struct entry *e, bool for_file)
{
	json_t *object = json_pack("{s:i,s:s,s:s}", "step", (int)e->step, "what", e->what, "value",
	                           e->value);
	uint64_t now = clock_wall_us();

	if (for_file)
		(void)json_object_set_new(object, "until_us",
		                          json_integer((json_int_t)e->until_us));
	else if (e->until_us > now)
		(void)json_object_set_new(
		        object, "left_s",
		        json_integer((json_int_t)((e->until_us - now) / 1000000)));
	return object;
}

static json_t *describe(const struct panic *p, bool for_file)
{
	json_t *object = json_pack("{s:i}", "step", (int)panic_step(p));
	json_t *list = json_array();

	for (size_t i = 0; i < p->count; i++)
		(void)json_array_append_new(list, entry_object(&p->entries[i], for_file));
	if (p->count > 0)
		(void)json_object_set(object, "entries", list);
	json_decref(list);
	return object;
}

json_t *panic_describe(const struct panic *panic)
{
	return describe(panic, false);
}

static int keep(struct panic *p)
{
	json_t *object = describe(p, true);
	char *text = json_dumps(object, JSON_COMPACT);
	int rc = text ? state_write(p->control->proc->state_dir, "panic", text,
	                            p->count ? strlen(text) : 0)
	              : SL_ENOMEM;

	free(text);
	json_decref(object);
	return rc;
}

/* Workers know the exceptions by name too, and stop asking for new flows. */
static void tell_workers(struct panic *p)
{
	json_t *list = json_array(), *arguments;

	for (size_t i = 0; i < p->count; i++)
		if (p->entries[i].step == PANIC_EXCEPT)
			(void)json_array_append_new(list, json_pack("{s:s,s:s}", "what",
			                                            p->entries[i].what, "value",
			                                            p->entries[i].value));
	arguments = json_pack("{s:i,s:o}", "step", (int)panic_step(p), "exceptions", list);
	forward_tell(p->control, CLI_WORKERS, "panic", arguments);
	json_decref(arguments);
}

static void tell_switch(struct panic *p, const char *name, bool on)
{
	json_t *arguments = json_pack("{s:s}", "state", on ? "on" : "off");

	forward_tell(p->control, CLI_WIRE, name, arguments);
	json_decref(arguments);
}

/* The wire forgets an exception by itself after EXCEPT_SECONDS: on_timer says it again before. */
static void tell_exception(struct panic *p, const struct entry *e, bool on)
{
	uint64_t now = clock_wall_us(), seconds = EXCEPT_SECONDS;
	json_t *arguments;

	if (e->step != PANIC_EXCEPT || strcmp(e->what, "domain") == 0)
		return;
	if (e->until_us > now)
		seconds = SL_MIN(seconds, (e->until_us - now) / 1000000 + 1);
	arguments = json_pack("{s:s,s:I}", e->what, e->value, "seconds",
	                      (json_int_t)(on ? seconds : 0));
	forward_tell(p->control, CLI_WIRE, "except", arguments);
	json_decref(arguments);
}

void panic_tell_stop(struct panic *panic)
{
	const struct control *c = panic->control;

	tell_switch(panic, "stop",
	            panic_step(panic) >= PANIC_STOP || c->draining ||
	                    licensing_denies(c->licensing, LICENCE_SSL_INSPECTION));
}

static void tell_wire(struct panic *p)
{
	tell_switch(p, "fallback", panic_step(p) == PANIC_FALLBACK);
	panic_tell_stop(p);
	for (size_t i = 0; i < p->count; i++)
		tell_exception(p, &p->entries[i], true);
}

static void on_timer(struct loop_timer *timer);

static void set_timer(struct panic *p)
{
	uint64_t now = clock_wall_us(), left = SAY_AGAIN_US;

	for (size_t i = 0; i < p->count; i++) {
		uint64_t until = p->entries[i].until_us;

		if (until)
			left = SL_MIN(left, until > now ? until - now : 0);
	}
	loop_timer_cancel(&p->timer);
	if (p->count > 0)
		(void)loop_timer_set(p->control->proc->loop, &p->timer,
		                     left * 1000 + CLOCK_NS_PER_MS, on_timer);
}

/* Wire first: what it lets by needs no worker. */
static int changed(struct panic *p)
{
	int rc = keep(p);

	tell_wire(p);
	tell_workers(p);
	set_timer(p);
	return rc;
}

static void drop_ended(struct panic *p)
{
	uint64_t now = clock_wall_us();
	size_t kept = 0;

	for (size_t i = 0; i < p->count; i++) {
		struct entry *e = &p->entries[i];

		if (e->until_us == 0 || e->until_us > now)
			p->entries[kept++] = *e;
		else
			log_warning("panic: step %d%s%s%s%s has ended by its timer", (int)e->step,
			            *e->what ? " " : "", e->what, *e->value ? " " : "", e->value);
	}
	p->count = kept;
}

static void on_timer(struct loop_timer *timer)
{
	struct panic *p = (struct panic *)(void *)((char *)timer - offsetof(struct panic, timer));

	drop_ended(p);
	if (changed(p) != 0)
		log_critical("panic: the state cannot be written");
}

static int add_entry(struct panic *p, const struct entry *e)
{
	for (size_t i = 0; i < p->count; i++) {
		struct entry *old = &p->entries[i];

		if (old->step == e->step && strcmp(old->what, e->what) == 0 &&
		    strcmp(old->value, e->value) == 0) {
			*old = *e;
			return 0;
		}
	}
	if (p->count == PANIC_ENTRIES_MAX)
		return SL_ELIMIT;
	p->entries[p->count++] = *e;
	return 0;
}

static void read_entry(struct panic *p, const json_t *object)
{
	const char *what = json_string_value(json_object_get(object, "what"));
	const char *value = json_string_value(json_object_get(object, "value"));
	json_int_t step = json_integer_value(json_object_get(object, "step"));
	struct entry e = {
	        .until_us = (uint64_t)json_integer_value(json_object_get(object, "until_us"))};

	if (step < PANIC_EXCEPT || step > PANIC_FALLBACK)
		return;
	e.step = (enum panic_step)step;
	(void)snprintf(e.what, sizeof(e.what), "%s", what ? what : "");
	(void)snprintf(e.value, sizeof(e.value), "%s", value ? value : "");
	(void)add_entry(p, &e);
}

static void read_file(struct panic *p)
{
	struct buf text;
	json_t *object = NULL, *one;
	size_t i;

	buf_init(&text, FILE_MAX_BYTES);
	if (state_read(p->control->proc->state_dir, "panic", &text) == 0)
		object = json_loadb((const char *)text.data, text.len, 0, NULL);
	buf_fini(&text);
	json_array_foreach(json_object_get(object, "entries"), i, one) read_entry(p, one);
	json_decref(object);
}

int panic_open(struct control *control, struct panic **ret_panic)
{
	struct panic *p = calloc(1, sizeof(*p));

	if (!p)
		return SL_ENOMEM;
	p->control = control;
	read_file(p);
	drop_ended(p);
	if (p->count > 0)
		log_warning("panic mode is on (step %d) since before the start: 'tps panic status'",
		            (int)panic_step(p));
	set_timer(p);
	*ret_panic = p;
	return 0;
}

void panic_close(struct panic *panic)
{
	if (!panic)
		return;
	loop_timer_cancel(&panic->timer);
	free(panic);
}

/* Also when nothing is on: the pinned map may still say what was cleared while wire was away. */
void panic_peer_up(struct panic *panic, enum ipc_role role)
{
	if (role == IPC_WIRE)
		tell_wire(panic);
	else if (role == IPC_WORKER && panic->count > 0)
		tell_workers(panic);
}

/* ---- commands ---------------------------------------------------------------------------- */

static void answer(struct request *r, int rc)
{
	struct panic *p = r->control->panic;

	if (rc == 0)
		request_ok(r, panic_describe(p));
	else
		request_error(r, rc, "panic mode is on but cannot be kept over a restart",
		              "look at the state directory's disk");
}

static void add_step(struct request *r, enum panic_step step, const char *what, const char *value)
{
	struct panic *p = r->control->panic;
	struct entry e = {.step = step};
	uint64_t for_ms;

	if (!request_duration(r, "for", 0, &for_ms))
		return;
	e.until_us = for_ms ? clock_wall_us() + for_ms * 1000 : 0;
	(void)snprintf(e.what, sizeof(e.what), "%s", what);
	(void)snprintf(e.value, sizeof(e.value), "%s", value);
	if (add_entry(p, &e) != 0) {
		request_error(r, SL_ELIMIT, "too many exceptions",
		              "tps panic clear, or panic stop");
		return;
	}
	log_warning("panic: step %d%s%s%s%s, by %s", (int)step, *what ? " " : "", what,
	            *value ? " " : "", value, r->user);
	answer(r, changed(p));
}

void handle_panic_status(struct request *request)
{
	request_ok(request, panic_describe(request->control->panic));
}

void handle_panic_except(struct request *request)
{
	const char *what = request_text(request, "what");
	const char *value = request_text(request, "value");
	struct addr a;

	if (strlen(value) >= VALUE_SIZE)
		request_error(request, SL_ERANGE, "too long", "");
	else if (strcmp(what, "domain") != 0 && addr_parse(value, &a) != 0)
		request_error(request, SL_EINVAL, "a client or server is named by its address",
		              "for example: tps panic except client 10.0.0.7 --for 10m");
	else
		add_step(request, PANIC_EXCEPT, what, value);
}

void handle_panic_stop(struct request *request)
{
	add_step(request, PANIC_STOP, "", "");
}

void handle_panic_fallback(struct request *request)
{
	add_step(request, PANIC_FALLBACK, "", "");
}

void handle_panic_clear(struct request *request)
{
	for (size_t i = 0; i < request->control->panic->count; i++)
		tell_exception(request->control->panic, &request->control->panic->entries[i],
		               false);
	request->control->panic->count = 0;
	log_warning("panic: cleared by %s", request->user);
	answer(request, changed(request->control->panic));
}

/* ---- drain (R162) ------------------------------------------------------------------------ */

static void on_drained(void *arg, int status, const char *missing, const json_t *data)
{
	struct request *r = arg;

	if (status != 0)
		request_error(r, status, missing[0] ? missing : err_text(status),
		              "see 'tps show processes'");
	else
		request_ok(r, json_is_object(data) ? json_deep_copy(data) : json_object());
}

void handle_drain(struct request *request)
{
	bool on = !request_flag(request, "off");
	uint64_t deadline_ms;
	json_t *arguments;
	int rc;

	if (!request_duration(request, "deadline", DRAIN_DEFAULT_MS, &deadline_ms))
		return;
	request->control->draining = on;
	arguments = json_pack("{s:b,s:I}", "on", (int)on, "deadline_ms", (json_int_t)deadline_ms);
	panic_tell_stop(request->control->panic);
	rc = forward_call(request->control, CLI_WORKERS, "drain", arguments, FORWARD_TIMEOUT_S,
	                  on_drained, request);
	json_decref(arguments);
	if (rc != 0)
		request_error(request, rc, "no worker is there", "see 'tps show processes'");
}
