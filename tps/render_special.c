/* SPDX-License-Identifier: Apache-2.0 */
/* Commands whose answers people read better in a form of their own. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/attr.h"
#include "lib/cli/print.h"
#include "tps/render.h"

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

static json_int_t number_of(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static void put(FILE *out, const char *text)
{
	cli_print_text(out, text);
}

/* ---- events ------------------------------------------------------------------------------ */

static void put_system(FILE *out, const json_t *e)
{
	(void)fprintf(out, "%-8s ", text_of(e, "severity"));
	put(out, text_of(e, "process"));
	(void)fputs(": ", out);
	put(out, text_of(e, "message"));
}

static void put_flow(FILE *out, const json_t *e)
{
	put(out, text_of(e, "src_ip"));
	(void)fprintf(out, ":%lld -> ", (long long)number_of(e, "src_port"));
	put(out, text_of(e, "dest_ip"));
	(void)fprintf(out, ":%lld ", (long long)number_of(e, "dest_port"));
}

static void put_session(FILE *out, const json_t *e)
{
	const json_t *tls = json_object_get(e, "tls");
	json_int_t count = number_of(e, "count");

	(void)fprintf(out, "%-13s ", text_of(e, "outcome"));
	put_flow(out, e);
	put(out, text_of(tls, "sni"));
	(void)fputs(text_of(tls, "sni")[0] ? " " : "", out);
	put(out, text_of(e, "reason_text")[0] ? text_of(e, "reason_text") : text_of(e, "reason"));
	if (count > 1)
		(void)fprintf(out, " (%lld times)", (long long)count);
	if (json_object_get(e, "flow_id"))
		(void)fprintf(out, " [%lld]", (long long)number_of(e, "flow_id"));
}

static void put_alert(FILE *out, const json_t *e)
{
	const json_t *alert = json_object_get(e, "alert");

	(void)fprintf(out, "%-7s ", text_of(alert, "action"));
	put_flow(out, e);
	(void)fprintf(out, "%lld ", (long long)number_of(alert, "signature_id"));
	put(out, text_of(alert, "signature"));
}

static void put_audit(FILE *out, const json_t *e)
{
	const json_t *audit = json_object_get(e, "audit");
	char *arguments = json_dumps(json_object_get(audit, "arguments"), JSON_COMPACT);

	put(out, text_of(audit, "user"));
	(void)fputs(" ", out);
	put(out, text_of(audit, "command"));
	(void)fputs(" ", out);
	put(out, arguments ? arguments : "");
	(void)fputs(" ", out);
	put(out, text_of(audit, "result"));
	free(arguments);
}

static void put_gap(FILE *out, const json_t *e)
{
	const json_t *gap = json_object_get(e, "gap");

	(void)fprintf(out, "gap      %lld events lost at ", (long long)number_of(gap, "lost"));
	put(out, text_of(gap, "where"));
}

static void put_event(FILE *out, const json_t *e)
{
	const char *type = text_of(e, "event_type");

	(void)fprintf(out, "%.19s ", text_of(e, "timestamp"));
	if (strcmp(type, "system") == 0)
		put_system(out, e);
	else if (strcmp(type, "gap") == 0)
		put_gap(out, e);
	else if (strcmp(type, "audit") == 0)
		put_audit(out, e);
	else if (json_object_get(e, "alert"))
		put_alert(out, e);
	else
		put_session(out, e);
	(void)fputc('\n', out);
}

static void render_log(struct render *r, const json_t *data)
{
	json_t *one;
	size_t i;

	json_array_foreach(data, i, one)
	{
		put_event(r->out, one);
	}
}

/* ---- checks ------------------------------------------------------------------------------ */

static void render_checks(struct render *r, const json_t *data)
{
	unsigned failed = 0;
	json_t *one;
	size_t i;

	json_array_foreach(data, i, one)
	{
		const char *result = text_of(one, "result");
		bool fail = strcmp(result, "fail") == 0;

		failed += fail;
		(void)fprintf(r->out, "%s%-4s%s  ", r->colour && fail ? "\033[31m" : "", result,
		              r->colour && fail ? "\033[0m" : "");
		if (text_of(one, "segment")[0]) {
			put(r->out, text_of(one, "segment"));
			(void)fputs(", ", r->out);
		}
		put(r->out, text_of(one, "check"));
		(void)fputs(": ", r->out);
		put(r->out, text_of(one, "evidence"));
		(void)fputc('\n', r->out);
		if (fail && text_of(one, "remedy")[0]) {
			(void)fputs("      -> ", r->out);
			put(r->out, text_of(one, "remedy"));
			(void)fputc('\n', r->out);
		}
	}
	(void)fprintf(r->out, "%zu checks, %u failed\n", json_array_size(data), failed);
}

/* ---- capacity and traffic ---------------------------------------------------------------- */

enum { BAR_WIDTH = 24 };

static void put_bar(FILE *out, double part)
{
	int full = (int)(part * BAR_WIDTH + 0.5);

	(void)fputc('[', out);
	for (int i = 0; i < BAR_WIDTH; i++)
		(void)fputc(i < full ? '#' : '.', out);
	(void)fputs("] ", out);
}

static void render_capacity(struct render *r, const json_t *data)
{
	json_t *one;
	size_t i;

	json_array_foreach(data, i, one)
	{
		double limit = (double)number_of(one, "limit"), now = (double)number_of(one, "now");

		(void)fprintf(r->out, "%-28.28s ", text_of(one, "resource"));
		put_bar(r->out, limit > 0 ? SL_MIN(now / limit, 1.0) : 0);
		(void)fprintf(r->out, "%lld now, %lld peak, ", (long long)number_of(one, "now"),
		              (long long)number_of(one, "peak"));
		if (limit > 0)
			(void)fprintf(r->out, "limit %lld\n", (long long)number_of(one, "limit"));
		else
			(void)fputs("no limit\n", r->out);
	}
}

/* Eight heights of a block, U+2581 to U+2588. */
static void put_sparkline(FILE *out, const json_t *list)
{
	json_int_t max = 1;
	json_t *one;
	size_t i;

	json_array_foreach(list, i, one)
	{
		max = SL_MAX(max, json_integer_value(one));
	}
	json_array_foreach(list, i, one)
	{
		json_int_t n = json_integer_value(one);

		if (n <= 0)
			(void)fputc('_', out);
		else
			(void)fprintf(out, "\xe2\x96%c", (char)(0x81 + (n * 7) / max));
	}
}

static void render_traffic(struct render *r, const json_t *data)
{
	static const char *const rows[] = {"seen", "inspected", "blocked", "bypassed"};

	for (size_t i = 0; i < SL_ARRAY_LEN(rows); i++) {
		const json_t *row = json_object_get(data, rows[i]);

		(void)fprintf(r->out, "%-10s ", rows[i]);
		put_sparkline(r->out, json_object_get(row, "minutes"));
		(void)fprintf(r->out, "  %lld in the last minute (%.1f a second), %lld in all\n",
		              (long long)number_of(row, "last_minute"),
		              (double)number_of(row, "last_minute") / 60,
		              (long long)number_of(row, "total"));
	}
	(void)fprintf(r->out, "active     %lld\n", (long long)number_of(data, "active"));
}

bool render_special(struct render *render, const struct cli_command *command, const json_t *data)
{
	switch (command->id) {
	case CLI_SHOW_LOG:
		render_log(render, data);
		return true;
	case CLI_SHOW_TROUBLESHOOT:
	case CLI_SEGMENT_CHECK:
		if (!json_is_array(data))
			return false;
		render_checks(render, data);
		return true;
	case CLI_SHOW_CAPACITY:
		render_capacity(render, data);
		return true;
	case CLI_SHOW_TRAFFIC:
		render_traffic(render, data);
		return true;
	default:
		return false;
	}
}
