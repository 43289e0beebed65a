/* SPDX-License-Identifier: Apache-2.0 */
/* Calls to the other processes. A call has an id that is never used again, so a late answer finds
 * nothing. */
#include "tpsd/report/forward.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/ipc/channel.h"
#include "tpsd/report/control.h"
#include "tpsd/report/server.h"
#include "tpsd/report/slots.h"

enum { MISSING_MAX = 256, LIST_MAX = 100000 };

struct call {
	struct loop_timer timer; /* first */
	struct control *control;
	uint64_t id; /* 0: free */
	bool waits[PROC_SLOTS];
	unsigned nwaits;
	int status;
	char missing[MISSING_MAX];
	json_t *data;
	forward_done_fn *fn;
	void *arg;
};

struct forward {
	uint64_t next_id;
	struct call calls[FORWARD_OPEN_MAX];
};

int forward_open(struct control *control, struct forward **ret_forward)
{
	struct forward *f = calloc(1, sizeof(*f));

	if (!f)
		return SL_ENOMEM;
	f->next_id = 1;
	for (size_t i = 0; i < FORWARD_OPEN_MAX; i++)
		f->calls[i].control = control;
	*ret_forward = f;
	return 0;
}

void forward_close(struct forward *forward)
{
	if (!forward)
		return;
	for (size_t i = 0; i < FORWARD_OPEN_MAX; i++) {
		loop_timer_cancel(&forward->calls[i].timer);
		json_decref(forward->calls[i].data);
	}
	free(forward);
}

static void add_missing(struct call *c, unsigned slot)
{
	size_t len = strlen(c->missing);
	char name[SLOT_NAME_MAX];

	(void)snprintf(c->missing + len, sizeof(c->missing) - len, "%s%s", len ? ", " : "",
	               slot_name(slot, name));
}

static void finish(struct call *c)
{
	struct call done = *c;

	loop_timer_cancel(&c->timer);
	c->id = 0;
	c->data = NULL;
	done.fn(done.arg, done.status, done.missing, done.data);
	json_decref(done.data);
}

static void on_timeout(struct loop_timer *timer)
{
	struct call *c = (struct call *)timer;

	for (unsigned slot = 0; slot < PROC_SLOTS; slot++)
		if (c->waits[slot])
			add_missing(c, slot);
	if (c->status == 0)
		c->status = SL_ETIMEOUT;
	finish(c);
}

static bool slot_wanted(enum cli_where where, unsigned slot, const struct call *c)
{
	switch (where) {
	case CLI_PARENT:
		return slot == PROC_SLOT_PARENT;
	case CLI_WIRE:
		return slot == PROC_SLOT_WIRE;
	case CLI_KEYS:
		return slot == PROC_SLOT_KEYS;
	case CLI_LINK:
		return slot == PROC_SLOT_LINK;
	case CLI_WORKERS:
		return slot >= PROC_SLOT_WORKER;
	case CLI_WORKER:
		return slot >= PROC_SLOT_WORKER && c->nwaits == 0;
	case CLI_HERE:
	case CLI_LOCAL:
		break;
	}
	return false;
}

static void send_to(struct call *c, enum cli_where where, const struct ipc_message *msg)
{
	struct proc *proc = c->control->proc;

	for (unsigned slot = 0; slot < PROC_SLOT_WORKER + proc->nworkers; slot++) {
		struct ipc_channel *ch;

		if (!slot_wanted(where, slot, c))
			continue;
		ch = slot_channel(proc, slot);
		if (ch && ipc_send(ch, msg) == 0) {
			c->waits[slot] = true;
			c->nwaits++;
		} else if (where != CLI_WORKER) {
			add_missing(c, slot);
		}
	}
}

static struct call *free_call(struct forward *f)
{
	for (size_t i = 0; i < FORWARD_OPEN_MAX; i++)
		if (f->calls[i].id == 0)
			return &f->calls[i];
	return NULL;
}

int forward_call(struct control *control, enum cli_where where, const char *name,
                 const json_t *arguments, unsigned timeout_s, forward_done_fn *fn, void *arg)
{
	struct forward *f = control->forward;
	struct ipc_message msg = {.type = IPC_COMMAND};
	struct call *c = free_call(f);
	char *text = arguments ? json_dumps(arguments, JSON_COMPACT) : NULL;
	int rc = c ? 0 : SL_ELIMIT;

	if (rc == 0) {
		*c = (struct call){.control = control, .id = f->next_id++, .fn = fn, .arg = arg};
		msg.command.id = c->id;
		msg.command.name = ipc_text_of(name);
		if (text)
			msg.command.arguments =
			        (struct ipc_bytes){(const uint8_t *)text, (uint32_t)strlen(text)};
		send_to(c, where, &msg);
		if (c->nwaits == 0)
			rc = SL_ECLOSED;
		else
			rc = loop_timer_set(control->proc->loop, &c->timer,
			                    timeout_s * CLOCK_NS_PER_S, on_timeout);
		if (rc != 0)
			c->id = 0;
	}
	free(text);
	return rc;
}

static void ignore_answer(void *arg, int status, const char *missing, const json_t *data)
{
	if (status != 0 && status != SL_EUNSUPPORTED)
		log_warning("a process did not do what it was told (%s): %s", (const char *)arg,
		            err_text(status));
}

void forward_tell(struct control *control, enum cli_where where, const char *name,
                  const json_t *arguments)
{
	if (forward_call(control, where, name, arguments, FORWARD_TIMEOUT_S, ignore_answer,
	                 (void *)(uintptr_t)name) == SL_ELIMIT)
		log_error("too many open commands: %s was not sent", name);
}

/* ---- answers ----------------------------------------------------------------------------- */

/* Numbers of objects add up and lists are joined: {"cleared":3} and {"cleared":4} are
 * {"cleared":7}. */
static void add_object(json_t *to, json_t *from)
{
	const char *key;
	json_t *value;

	json_object_foreach(from, key, value)
	{
		json_t *old = json_object_get(to, key);

		if (json_is_integer(old) && json_is_integer(value))
			(void)json_integer_set(old,
			                       json_integer_value(old) + json_integer_value(value));
		else if (json_is_array(old) && json_is_array(value))
			(void)json_array_extend(old, value);
		else if (!old)
			(void)json_object_set(to, key, value);
	}
}

static void add_data(struct call *c, json_t *value)
{
	if (!c->data) {
		c->data = json_incref(value);
	} else if (json_is_array(c->data) && json_is_array(value)) {
		if (json_array_size(c->data) < LIST_MAX)
			(void)json_array_extend(c->data, value);
	} else if (json_is_object(c->data) && json_is_object(value)) {
		add_object(c->data, value);
	} else if (json_is_null(c->data)) {
		json_decref(c->data);
		c->data = json_incref(value);
	}
}

static struct call *find_call(struct forward *f, uint64_t id)
{
	for (size_t i = 0; id != 0 && i < FORWARD_OPEN_MAX; i++)
		if (f->calls[i].id == id)
			return &f->calls[i];
	return NULL;
}

static void slot_done(struct call *c, unsigned slot, int status)
{
	c->waits[slot] = false;
	c->nwaits--;
	if (c->status == 0)
		c->status = status;
	if (c->nwaits == 0)
		finish(c);
}

void forward_on_answer(struct control *control, enum ipc_role role, unsigned index,
                       const struct ipc_answer *answer)
{
	struct call *c = find_call(control->forward, answer->id);
	unsigned slot = slot_of(role, index);
	json_t *value;

	if (!c || !c->waits[slot])
		return;
	value = json_loadb((const char *)answer->json.data, answer->json.len, JSON_DECODE_ANY,
	                   NULL);
	if (value)
		add_data(c, value);
	if (!answer->more)
		slot_done(c, slot,
		          answer->status != 0 ? answer->status
		          : value             ? 0
		                              : SL_EMALFORMED);
	json_decref(value);
}

void forward_on_peer_down(struct control *control, enum ipc_role role, unsigned index)
{
	unsigned slot = slot_of(role, index);

	for (size_t i = 0; i < FORWARD_OPEN_MAX; i++) {
		struct call *c = &control->forward->calls[i];

		if (c->id == 0 || !c->waits[slot])
			continue;
		add_missing(c, slot);
		slot_done(c, slot, SL_ECLOSED);
	}
}

/* ---- requests that are forwarded as they are --------------------------------------------- */

/* Each worker answers up to the number that was asked for; together they are as many (R141). */
static void cut_sessions(const struct request *r, json_t *list)
{
	const char *text = request_text(r, "limit");
	long long limit = text ? strtoll(text, NULL, 10) : 0;
	size_t most = limit > 0 ? (size_t)limit : CLI_SESSIONS_SHOWN;

	while (json_array_size(list) > most)
		(void)json_array_remove(list, json_array_size(list) - 1);
}

static void answer_request(void *arg, int status, const char *missing, const json_t *data)
{
	struct request *r = arg;
	char text[MISSING_MAX + 64];

	/* Some workers' sessions are better than none: only nothing at all is an error. */
	if (status == 0 || (data && missing[0] && !json_is_null(data))) {
		json_t *copy = json_deep_copy(data);

		if (r->command->id == CLI_SHOW_SESSIONS)
			cut_sessions(r, copy);
		request_ok(r, copy);
		return;
	}
	if (missing[0])
		(void)snprintf(text, sizeof(text), "no answer from %s", missing);
	else if (json_is_object(data) && json_object_get(data, "text"))
		(void)snprintf(text, sizeof(text), "%.250s",
		               json_string_value(json_object_get(data, "text")));
	else
		(void)snprintf(text, sizeof(text), "%s", err_text(status));
	request_error(r, status, text, missing[0] ? "see 'tps show processes'" : "");
}

void forward_request(struct request *request)
{
	const struct cli_command *c = request->command;
	unsigned timeout_s = c->where == CLI_LINK ? FORWARD_LINK_S : FORWARD_TIMEOUT_S;
	int rc = forward_call(request->control, c->where, c->forward, request->arguments, timeout_s,
	                      answer_request, request);

	if (rc != 0)
		request_error(request, rc, "the process that does this is not there now",
		              "see 'tps show processes'");
}
