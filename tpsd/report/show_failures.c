/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What could not be inspected and what observing policies would have done (R163, R114), out of the
 * SSL inspection log: it always has these outcomes (R98), repeats as a count.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/event/reason.h"
#include "tpsd/report/control.h"
#include "tpsd/report/handlers.h"
#include "tpsd/report/journal.h"
#include "tpsd/report/logread.h"
#include "tpsd/report/remedy.h"
#include "tpsd/report/server.h"

enum { ROWS_MAX = 500, CLIENTS_MAX = 200, LIMIT_DEFAULT = 50, HOUR_MS = 3600 * 1000 };

static json_int_t count_of(const json_t *event)
{
	json_int_t n = json_integer_value(json_object_get(event, "count"));

	return n > 0 ? n : 1;
}

static void add_count(json_t *row, const char *key, json_int_t n)
{
	json_t *old = json_object_get(row, key);

	if (old)
		(void)json_integer_set(old, json_integer_value(old) + n);
	else
		(void)json_object_set_new(row, key, json_integer(n));
}

static void add_client(json_t *row, const char *client)
{
	json_t *clients = json_object_get(row, "clients");

	if (json_object_size(clients) < CLIENTS_MAX)
		(void)json_object_set_new(clients, client, json_true());
}

/* The row of a key, made with `name` and `reason` when it is new; NULL when there are too many. */
static json_t *row_of(json_t *rows, const char *key, const char *name, const char *reason)
{
	json_t *row = json_object_get(rows, key);

	if (row || json_object_size(rows) >= ROWS_MAX)
		return row;
	row = json_pack("{s:s,s:s,s:{}}", "server", name, "reason", reason, "clients");
	(void)json_object_set_new(rows, key, row);
	return row;
}

/* SNI when there is one, else the address. */
static void name_of(const json_t *event, char *text, size_t size)
{
	const char *sni = log_event_text(event, "tls.sni");
	long long port = (long long)json_integer_value(json_object_get(event, "dest_port"));

	if (sni[0])
		(void)snprintf(text, size, "%.250s", sni);
	else
		(void)snprintf(text, size, "%.60s:%lld", log_event_text(event, "dest_ip"), port);
}

static bool is_failure(const char *outcome)
{
	return strcmp(outcome, "bypassed") == 0 || strcmp(outcome, "blocked") == 0 ||
	       strcmp(outcome, "failed") == 0;
}

static bool take_failure(void *arg, json_t *event)
{
	const char *reason = log_event_text(event, "reason");
	char name[256], key[512];
	json_t *row;

	if (!is_failure(log_event_text(event, "outcome")))
		return true;
	name_of(event, name, sizeof(name));
	(void)snprintf(key, sizeof(key), "%s %.60s", name, reason);
	row = row_of(arg, key, name, reason);
	if (!row)
		return true;
	add_count(row, "count", count_of(event));
	add_client(row, log_event_text(event, "src_ip"));
	(void)json_object_set(row, "outcome", json_object_get(event, "outcome"));
	(void)json_object_set(row, "last", json_object_get(event, "timestamp"));
	(void)json_object_set(row, "sample", json_object_get(event, "flow_id"));
	return true;
}

static int by_count(const void *a, const void *b)
{
	json_int_t x = json_integer_value(json_object_get(*(json_t *const *)a, "count"));
	json_int_t y = json_integer_value(json_object_get(*(json_t *const *)b, "count"));

	return x < y ? 1 : x > y ? -1 : 0;
}

/* Rows as a list, the most frequent first; takes `rows` over. */
static json_t *sorted(json_t *rows, size_t limit)
{
	size_t n = 0, count = json_object_size(rows);
	json_t **at = calloc(count + 1, sizeof(*at));
	json_t *list = json_array(), *row;
	const char *key;

	json_object_foreach(rows, key, row)
	{
		if (at && n < count)
			at[n++] = row;
	}
	if (at)
		qsort(at, n, sizeof(*at), by_count);
	for (size_t i = 0; i < n && i < limit; i++) {
		size_t clients = json_object_size(json_object_get(at[i], "clients"));

		(void)json_object_set_new(at[i], "clients", json_integer((json_int_t)clients));
		(void)json_array_append(list, at[i]);
	}
	free(at);
	json_decref(rows);
	return list;
}

static void add_remedies(json_t *list)
{
	json_t *row;
	size_t i;

	json_array_foreach(list, i, row)
	{
		enum reason reason;

		if (reason_find(log_event_text(row, "reason"), &reason) != 0)
			continue;
		(void)json_object_set_new(row, "side", json_string(remedy_side(reason)));
		(void)json_object_set_new(row, "fix", json_string(remedy_text(reason)));
	}
}

static bool read_log(struct request *r, log_event_fn *fn, json_t *rows)
{
	uint64_t last_ms, now = clock_wall_us();

	if (!request_duration(r, "last", HOUR_MS, &last_ms))
		return false;
	journal_flush(r->control->journal);
	log_read(journal_path(r->control->journal, EVENT_SSL_INSPECTION),
	         now > last_ms * 1000 ? now - last_ms * 1000 : 1, fn, rows);
	return true;
}

void handle_show_failures(struct request *request)
{
	json_t *rows = json_object(), *list;
	uint64_t limit;

	if (!request_number(request, "limit", LIMIT_DEFAULT, ROWS_MAX, &limit) ||
	    !read_log(request, take_failure, rows)) {
		json_decref(rows);
		return;
	}
	list = sorted(rows, (size_t)limit);
	add_remedies(list);
	request_ok(request, list);
}

/* The row of what would have been under a policy, made when it is new; NULL: there are too many. */
static json_t *would_row_of(json_t *rows, const json_t *event)
{
	const char *policy = log_event_text(event, "policy");
	const char *outcome = log_event_text(event, "would.outcome");
	const char *reason = log_event_text(event, "would.reason");
	enum reason known;
	json_t *row;
	char key[512];

	(void)snprintf(key, sizeof(key), "%.100s %.60s %.60s", policy, outcome, reason);
	row = json_object_get(rows, key);
	if (row || json_object_size(rows) >= ROWS_MAX)
		return row;
	row = json_pack("{s:s, s:s, s:s, s:{}}", "policy", policy, "would", outcome, "why",
	                reason_find(reason, &known) == 0 ? reason_text(known) : "", "clients");
	(void)json_object_set_new(rows, key, row);
	return row;
}

static bool take_would(void *arg, json_t *event)
{
	char name[256];
	json_t *row;

	if (!log_event_text(event, "would.outcome")[0])
		return true;
	row = would_row_of(arg, event);
	if (!row)
		return true;
	name_of(event, name, sizeof(name));
	add_count(row, "count", count_of(event));
	add_client(row, log_event_text(event, "src_ip"));
	(void)json_object_set_new(row, "last_name", json_string(name));
	(void)json_object_set(row, "last", json_object_get(event, "timestamp"));
	return true;
}

void handle_show_would(struct request *request)
{
	json_t *rows = json_object();

	if (read_log(request, take_would, rows))
		request_ok(request, sorted(rows, ROWS_MAX));
	else
		json_decref(rows);
}
