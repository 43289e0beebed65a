/* SPDX-License-Identifier: Apache-2.0 */
/* A request of a client of tps.sock: its arguments, its answer, its audit line. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/conf/error.h"
#include "tpsd/report/control.h"
#include "tpsd/report/journal.h"
#include "tpsd/report/server_priv.h"

enum { AUDIT_ARGUMENT_MAX = 2048, ERRORS_TOLD_MAX = 200 };

static void free_request(struct request *r)
{
	json_decref(r->arguments);
	json_decref(r->id);
	free(r);
}

void request_orphan_all(struct server_client *c)
{
	struct request *next;

	for (struct request *r = c->requests; r; r = next) {
		next = r->next;
		r->client = NULL;
		r->next = NULL;
		if (r->cancel && !r->sending) {
			r->cancel(r);
			free_request(r);
		}
	}
	c->requests = NULL;
}

struct request *request_make(struct server_client *c, const struct cli_command *command, json_t *id,
                             json_t *arguments)
{
	struct request *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->control = c->control;
	r->client = c;
	r->command = command;
	r->arguments = arguments ? json_incref(arguments) : json_object();
	r->id = id ? json_incref(id) : json_null();
	r->uid = c->uid;
	r->pid = c->pid;
	memcpy(r->user, c->user, sizeof(r->user));
	r->next = c->requests;
	c->requests = r;
	c->nrequests++;
	return r;
}

static void audit(const struct request *r, int status)
{
	struct event_line *l = journal_scratch(r->control->journal);
	char *arguments;

	if (r->command->who != CLI_CHANGE)
		return;
	(void)json_object_del(r->arguments, "text");
	arguments = json_dumps(r->arguments, JSON_COMPACT | JSON_SORT_KEYS);
	event_begin(l, EVENT_AUDIT, "audit");
	event_object_begin(l, "audit");
	event_text(l, "user", r->user);
	event_uint(l, "uid", r->uid);
	event_uint(l, "pid", (uint64_t)r->pid);
	event_text(l, "command", r->command->words);
	if (arguments && strlen(arguments) <= AUDIT_ARGUMENT_MAX)
		event_json(l, "arguments", arguments, strlen(arguments));
	event_text(l, "result", status == 0 ? "ok" : err_name(status));
	event_object_end(l);
	(void)event_end(l, r->control->proc->ring);
	free(arguments);
}

static void unlink_request(struct request *r)
{
	struct request **at;

	if (!r->client)
		return;
	for (at = &r->client->requests; *at; at = &(*at)->next) {
		if (*at == r) {
			*at = r->next;
			r->client->nrequests--;
			return;
		}
	}
}

/* The last word on a request; `object` is taken over. */
static void finish(struct request *r, json_t *object, int status)
{
	struct server_client *c = r->client;

	audit(r, status);
	unlink_request(r);
	if (c && object)
		(void)json_object_set(object, "id", r->id);
	if (c)
		(void)client_send(c, object);
	else
		json_decref(object);
	free_request(r);
}

void request_ok(struct request *request, json_t *data)
{
	json_t *object = json_pack("{s:b,s:o}", "ok", 1, "data", data ? data : json_null());

	finish(request, object, 0);
}

json_t *request_error_object(int code, const char *text, const char *remedy)
{
	return json_pack("{s:s,s:s,s:s}", "code", err_name(code), "text", text, "remedy", remedy);
}

void request_error(struct request *request, int code, const char *text, const char *remedy)
{
	finish(request, json_pack("{s:o}", "error", request_error_object(code, text, remedy)),
	       code);
}

static json_t *conf_error_object(const struct conf_error *e)
{
	return json_pack("{s:s,s:s,s:s,s:s,s:i,s:i,s:s,s:b}", "code", err_name(e->code), "text",
	                 e->text, "path", e->pointer, "file", e->file, "line", (int)e->line,
	                 "column", (int)e->column, "remedy", e->remedy, "notice", e->notice);
}

void request_errors(struct request *request, int code, const struct conf_errors *errs,
                    const char *what)
{
	json_t *list = json_array();
	json_t *error = request_error_object(code, what, "");

	for (size_t i = 0; i < errs->count && i < ERRORS_TOLD_MAX; i++)
		(void)json_array_append_new(list, conf_error_object(&errs->items[i]));
	for (size_t i = 0; i < errs->count; i++) {
		const struct conf_error *e = &errs->items[i];

		if (e->notice)
			continue;
		(void)json_object_set_new(error, "path", json_string(e->pointer));
		(void)json_object_set_new(error, "line", json_integer(e->line));
		(void)json_object_set_new(error, "column", json_integer(e->column));
		(void)json_object_set_new(error, "remedy", json_string(e->remedy));
		break;
	}
	finish(request, json_pack("{s:o,s:o}", "error", error, "errors", list), code);
}

bool request_piece(struct request *request, json_t *data)
{
	struct server_client *c = request->client;
	json_t *object = json_pack("{s:O,s:o}", "id", request->id, "data", data);

	request->sending = true;
	if (c && client_send(c, object)) {
		request->sending = false;
		return true;
	}
	if (!c)
		json_decref(object);
	if (request->cancel)
		request->cancel(request);
	free_request(request);
	return false;
}

void request_end(struct request *request)
{
	finish(request, json_pack("{s:b}", "end", 1), 0);
}

const char *request_text(const struct request *request, const char *name)
{
	return json_string_value(json_object_get(request->arguments, name));
}

bool request_flag(const struct request *request, const char *name)
{
	return json_is_true(json_object_get(request->arguments, name));
}

bool request_duration(struct request *request, const char *name, uint64_t fallback_ms,
                      uint64_t *ret_ms)
{
	const char *text = request_text(request, name);

	*ret_ms = fallback_ms;
	if (!text || cli_duration_parse(text, ret_ms) == 0)
		return true;
	request_error(request, SL_EINVAL, "a duration is a number with s, m, h or d behind it",
	              "for example 5m");
	return false;
}

bool request_number(struct request *request, const char *name, uint64_t fallback, uint64_t max,
                    uint64_t *ret_n)
{
	const char *text = request_text(request, name);
	char *end = NULL;

	*ret_n = fallback;
	if (!text)
		return true;
	*ret_n = strtoull(text, &end, 10);
	if (*text >= '0' && *text <= '9' && *end == '\0' && *ret_n <= max)
		return true;
	request_error(request, SL_ERANGE, "not a number in the range of this command", "");
	return false;
}
