/* SPDX-License-Identifier: Apache-2.0 */
/* tps explain (R163): all that is known of one session, from the workers' memory and the logs. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "tpsd/report/control.h"
#include "tpsd/report/forward.h"
#include "tpsd/report/handlers.h"
#include "tpsd/report/journal.h"
#include "tpsd/report/logread.h"
#include "tpsd/report/remedy.h"
#include "tpsd/report/server.h"

enum { EVENTS_MAX = 50 };

struct find {
	json_int_t flow;
	json_t *events;
};

static bool take_event(void *arg, json_t *event)
{
	struct find *f = arg;

	if (json_integer_value(json_object_get(event, "flow_id")) == f->flow &&
	    json_array_size(f->events) < EVENTS_MAX)
		(void)json_array_append(f->events, event);
	return true;
}

static json_t *find_events(struct request *r)
{
	static const enum event_kind kinds[] = {EVENT_SSL_INSPECTION, EVENT_IPS_ALERT,
	                                        EVENT_IPS_BLOCK};
	struct find f = {.events = json_array()};

	f.flow = strtoll(request_text(r, "session"), NULL, 10);
	journal_flush(r->control->journal);
	for (size_t i = 0; i < SL_ARRAY_LEN(kinds); i++)
		log_read(journal_path(r->control->journal, kinds[i]), 0, take_event, &f);
	return f.events;
}

/* What follows from the reason of its end, in a sentence. */
static void add_fix(json_t *answer, const json_t *record)
{
	enum reason reason;

	if (reason_find(log_event_text(record, "reason"), &reason) == 0 && remedy_text(reason)[0])
		(void)json_object_set_new(answer, "fix", json_string(remedy_text(reason)));
}

/* A worker that does not know the session answers SL_ENOENT: only all of them together do not. */
static void on_explained(void *arg, int status, const char *missing, const json_t *data)
{
	struct request *r = arg;
	json_t *events = find_events(r), *answer = json_object();

	if (json_is_object(data) && json_object_size(data) > 0) {
		(void)json_object_set(answer, "session", (json_t *)(uintptr_t)data);
		add_fix(answer, data);
	} else if (json_array_size(events) > 0) {
		add_fix(answer, json_array_get(events, 0));
	}
	if (json_array_size(events) > 0)
		(void)json_object_set(answer, "events", events);
	json_decref(events);
	if (json_object_size(answer) > 0) {
		request_ok(r, answer);
		return;
	}
	json_decref(answer);
	request_error(
	        r, SL_ENOENT, "nothing is known of this session",
	        "sessions that were only inspected are logged with logging: true; flow ids are "
	        "in 'tps show log ssl_inspection'");
}

void handle_explain(struct request *request)
{
	const char *session = request_text(request, "session");
	int rc;

	if (strspn(session, "0123456789") != strlen(session)) {
		request_error(request, SL_EINVAL, "a session is named by its flow id, a number",
		              "'tps show tse ssl-inspection' has it");
		return;
	}
	rc = forward_call(request->control, CLI_WORKERS, "explain", request->arguments,
	                  FORWARD_TIMEOUT_S, on_explained, request);
	if (rc != 0)
		on_explained(request, rc, "", NULL);
}
