/* SPDX-License-Identifier: Apache-2.0 */
/* Limits and loads (R160), and the last hour's traffic (R142, R143). */
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/conf/config.h"
#include "tpsd/report/control.h"
#include "tpsd/report/forward.h"
#include "tpsd/report/handlers.h"
#include "tpsd/report/server.h"
#include "tpsd/report/show_config.h"
#include "tpsd/report/traffic.h"

static double part_of(const json_t *row)
{
	double limit = (double)json_integer_value(json_object_get(row, "limit"));
	double now = (double)json_integer_value(json_object_get(row, "now"));

	return limit > 0 ? now / limit : 0;
}

static int by_part(const void *a, const void *b)
{
	double x = part_of(*(json_t *const *)a), y = part_of(*(json_t *const *)b);

	return x < y ? 1 : x > y ? -1 : 0;
}

static json_t *sorted(const json_t *rows)
{
	size_t n = json_array_size(rows), i;
	json_t **at = calloc(n + 1, sizeof(*at));
	json_t *list = json_array(), *row;

	json_array_foreach(rows, i, row)
	{
		if (at)
			at[i] = row;
	}
	if (at)
		qsort(at, n, sizeof(*at), by_part);
	for (i = 0; at && i < n; i++)
		(void)json_array_append(list, at[i]);
	free(at);
	return list;
}

static bool has_row(const json_t *rows, const char *resource)
{
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
	{
		const char *name = json_string_value(json_object_get(row, "resource"));

		if (name && strcmp(name, resource) == 0)
			return true;
	}
	return false;
}

/* What `wire` does not know; it has the flow table, the queue and the rest. */
static void add_own(struct control *c, json_t *rows)
{
	const struct traffic_peaks *peaks = traffic_peaks(c->traffic);
	uint64_t active = counter_sum(c->proc->counter_file, COUNTER_active);

	if (!has_row(rows, "sessions"))
		(void)json_array_append_new(
		        rows, json_pack("{s:s,s:I,s:I,s:I}", "resource", "sessions", "now",
		                        (json_int_t)active, "peak", (json_int_t)peaks->active,
		                        "limit", (json_int_t)c->config->limits.sessions));
	(void)json_array_append_new(
	        rows, json_pack("{s:s,s:I,s:I,s:I}", "resource", "new_sessions_a_minute", "now",
	                        (json_int_t)peaks->minute_now, "peak", (json_int_t)peaks->minute,
	                        "limit", (json_int_t)0));
}

static void on_capacity(void *arg, int status, const char *missing, const json_t *data)
{
	struct request *r = arg;
	json_t *rows = json_is_array(data) ? json_deep_copy(data) : json_array();

	add_own(r->control, rows);
	request_ok(r, sorted(rows));
	json_decref(rows);
}

void handle_show_capacity(struct request *request)
{
	int rc;

	if (!config_in_force(request))
		return;
	rc = forward_call(request->control, CLI_WIRE, "capacity", NULL, FORWARD_TIMEOUT_S,
	                  on_capacity, request);
	if (rc != 0)
		on_capacity(request, rc, "wire", NULL);
}

void handle_show_traffic(struct request *request)
{
	request_ok(request, traffic_describe(request->control->traffic));
}
