/* SPDX-License-Identifier: Apache-2.0 */
/* Panic mode: commands, what the SMS asks for, the file, the word to the others. */
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
#include "lib/ipc/channel.h"
#include "lib/remote/remote.h"
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
	ENTRIES_MAX = PANIC_ENTRIES_MAX + REMOTE_PANIC_MAX,
};

static const uint64_t SAY_AGAIN_US = 86400ULL * 1000000;

/* Who asked for it: neither clears what the other did. */
enum source { LOCAL, SMS, SOURCES };
static const char *const sources[SOURCES] = {"local", "sms"};
static const size_t most[SOURCES] = {PANIC_ENTRIES_MAX, REMOTE_PANIC_MAX};

struct entry {
	enum source source;
	enum panic_step step;
	uint64_t until_us; /* wall clock; 0: until cleared */
	char what[WHAT_SIZE];
	char value[VALUE_SIZE];
};

struct panic {
	struct control *control;
	struct loop_timer timer;
	struct entry entries[ENTRIES_MAX];
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
	json_t *object = json_pack("{s:i,s:s,s:s,s:s}", "step", (int)e->step, "what", e->what,
	                           "value", e->value, "source", sources[e->source]);
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

/* Of whichever source. */
static bool is_same(const struct entry *a, const struct entry *b)
{
	return a->step == b->step && strcmp(a->what, b->what) == 0 &&
	       strcmp(a->value, b->value) == 0;
}

static int add_entry(struct panic *p, const struct entry *e)
{
	size_t count = 0;

	for (size_t i = 0; i < p->count; i++) {
		struct entry *old = &p->entries[i];

		if (is_same(old, e) && old->source == e->source) {
			*old = *e;
			return 0;
		}
		count += old->source == e->source;
	}
	if (count == most[e->source])
		return SL_ELIMIT;
	p->entries[p->count++] = *e;
	return 0;
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

/* A client or server by its address, a domain by its name; the other steps are of everything. */
static int check_entry(const struct entry *e)
{
	struct addr a;

	if (e->step == PANIC_STOP || e->step == PANIC_FALLBACK)
		return e->what[0] || e->value[0] ? SL_EINVAL : 0;
	if (e->step != PANIC_EXCEPT)
		return SL_EINVAL;
	if (strcmp(e->what, "domain") == 0)
		return e->value[0] ? 0 : SL_EINVAL;
	if (strcmp(e->what, "client") != 0 && strcmp(e->what, "server") != 0)
		return SL_EINVAL;
	return addr_parse(e->value, &a);
}

/* SL_EINVAL, SL_ERANGE: it is none. */
static int read_entry(const json_t *object, enum source source, struct entry *ret_entry)
{
	const char *what = text_of(object, "what"), *value = text_of(object, "value");
	json_int_t until_us = json_integer_value(json_object_get(object, "until_us"));
	struct entry e = {
	        .source = source,
	        .step = (enum panic_step)json_integer_value(json_object_get(object, "step")),
	        .until_us = (uint64_t)SL_MAX(until_us, (json_int_t)0)};
	int rc;

	if (strlen(what) >= WHAT_SIZE || strlen(value) >= VALUE_SIZE)
		return SL_ERANGE;
	(void)strcpy(e.what, what);
	(void)strcpy(e.value, value);
	rc = check_entry(&e);
	if (rc == 0)
		*ret_entry = e;
	return rc;
}

/* What is damaged in it is left out: all that is whole counts. */
static void take_kept(struct panic *p, const json_t *object)
{
	bool sms = strcmp(text_of(object, "source"), sources[SMS]) == 0;
	struct entry e;

	if (read_entry(object, sms ? SMS : LOCAL, &e) == 0)
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
	json_array_foreach(json_object_get(object, "entries"), i, one) take_kept(p, one);
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

/* ---- clearing, and what the SMS asks for ------------------------------------------------- */

/* Takes out all of one source; their number. */
static size_t take_out(struct panic *p, enum source source, struct entry ret_taken[ENTRIES_MAX])
{
	size_t kept = 0, count = 0;

	for (size_t i = 0; i < p->count; i++) {
		if (p->entries[i].source == source)
			ret_taken[count++] = p->entries[i];
		else
			p->entries[kept++] = p->entries[i];
	}
	p->count = kept;
	return count;
}

/* The wire is told of exceptions that nobody asks for any more. */
static void end_exceptions(struct panic *p, const struct entry *taken, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		bool stays = false;

		for (size_t k = 0; k < p->count; k++)
			stays |= is_same(&p->entries[k], &taken[i]);
		if (!stays)
			tell_exception(p, &taken[i], false);
	}
}

/* All or nothing: SL_EMALFORMED and the codes of an entry. */
static int read_steps(const struct ipc_bytes *text, struct entry ret_entries[REMOTE_PANIC_MAX],
                      size_t *ret_count)
{
	json_t *list = json_loadb((const char *)text->data, text->len, 0, NULL), *one;
	size_t count = json_array_size(list), i;
	int rc = json_is_array(list) && count <= REMOTE_PANIC_MAX ? 0 : SL_EMALFORMED;

	if (rc == 0) {
		json_array_foreach(list, i, one)
		{
			if (rc == 0)
				rc = read_entry(one, SMS, &ret_entries[i]);
		}
	}
	json_decref(list);
	*ret_count = count;
	return rc;
}

static int take_steps(struct panic *p, const struct entry *entries, size_t count)
{
	struct entry before[ENTRIES_MAX];
	size_t had = take_out(p, SMS, before);
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < count; i++)
		rc = add_entry(p, &entries[i]);
	drop_ended(p);
	if (had == 0 && count == 0)
		return rc;
	end_exceptions(p, before, had);
	log_warning("panic: the SMS asks for %zu steps; step %d is on", count, (int)panic_step(p));
	return rc ? rc : changed(p);
}

void panic_on_remote(struct control *control, const struct ipc_panic *msg)
{
	struct ipc_channel *link = proc_peer(control->proc, IPC_LINK, 0);
	struct ipc_message answer = {.type = IPC_PANIC_DONE};
	struct entry entries[REMOTE_PANIC_MAX];
	size_t count = 0;
	int rc = read_steps(&msg->steps, entries, &count);

	if (rc == 0)
		rc = take_steps(control->panic, entries, count);
	else
		log_error("panic: what the SMS asks for is not taken: %s", err_text(rc));
	answer.panic_done.number = msg->number;
	answer.panic_done.status = rc;
	if (link && ipc_send(link, &answer) != 0)
		log_error("link was not told of panic mode: its channel is full");
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
	struct entry e = {.source = LOCAL, .step = step};
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
	struct panic *p = request->control->panic;
	struct entry before[ENTRIES_MAX];

	end_exceptions(p, before, take_out(p, LOCAL, before));
	log_warning("panic: cleared by %s%s", request->user,
	            p->count > 0 ? "; what the SMS asked for stays" : "");
	answer(request, changed(p));
}
