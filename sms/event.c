/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events: found, followed, and exported page by page. What is in them came from devices, and they
 * had it from anyone: nothing of it reaches the terminal but as text.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <curl/curl.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/cli/print.h"
#include "sms/sms.h"
#include "sms/sse.h"

enum { PAGE = 1000, SHOWN = 100, SHOWN_FIRST = 10, SHOWN_MAX = 10000, PATH_MAX_LEN = 8192 };

/* Of what is asked for, by the names that the API has. */
static const char *const filters[] = {"device",  "kind",    "outcome", "reason", "sni",
                                      "address", "profile", "policy",  "text",   NULL};
static const char *const times[] = {"from", "to", NULL};

/* ---- requests ---------------------------------------------------------------------------- */

static enum sms_exit add_parameter(struct buf *path, const char *key, const char *value)
{
	char *escaped = curl_easy_escape(NULL, value, 0);
	const char between = memchr(path->data, '?', path->len) ? '&' : '?';
	int rc = escaped ? buf_printf(path, "%c%s=%s", between, key, escaped) : SL_ENOMEM;

	curl_free(escaped);
	return rc == 0 ? SMS_OK : sms_fail(SMS_REFUSED, "%s", err_text(rc));
}

static enum sms_exit add_parameters(struct buf *path, const json_t *arguments,
                                    const char *const *keys)
{
	enum sms_exit status = SMS_OK;

	for (; *keys && status == SMS_OK; keys++) {
		const char *value = sms_argument(arguments, *keys);

		if (value)
			status = add_parameter(path, *keys, value);
	}
	return status;
}

static enum sms_exit get(struct sms *sms, struct buf *path, json_t **ret_data)
{
	struct link_request request = {.method = "GET", .path = buf_text(path)};
	enum sms_exit status = sms_call_json(sms, &request, ret_data);

	if (status != SMS_OK)
		return status;
	if (json_is_array(json_object_get(*ret_data, "items")))
		return SMS_OK;
	json_decref(*ret_data);
	return sms_fail(SMS_REFUSED, "the server's answer is no list");
}

/* A page of events before, or after, `cursor`. */
static enum sms_exit get_page(struct sms *sms, const json_t *arguments, bool tail,
                              const char *cursor, unsigned limit, json_t **ret_data)
{
	struct buf path;
	char number[16];
	enum sms_exit status;

	buf_init(&path, PATH_MAX_LEN);
	(void)snprintf(number, sizeof(number), "%u", limit);
	status = buf_printf(&path, "%s", tail ? "/events/tail" : "/events") == 0 ? SMS_OK
	                                                                         : SMS_REFUSED;
	if (status == SMS_OK)
		status = add_parameter(&path, "limit", number);
	if (status == SMS_OK)
		status = add_parameters(&path, arguments, filters);
	if (status == SMS_OK && !tail)
		status = add_parameters(&path, arguments, times);
	if (status == SMS_OK && cursor[0])
		status = add_parameter(&path, tail ? "after" : "before", cursor);
	if (status == SMS_OK)
		status = get(sms, &path, ret_data);
	buf_fini(&path);
	return status;
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

/* ---- an event as a line ------------------------------------------------------------------ */

/* Where standard output is a terminal. */
static const struct {
	const char *word, *colour;
} colours[] = {
        {"blocked", "\033[31m"}, {"failed", "\033[31m"},    {"critical", "\033[31m"},
        {"error", "\033[31m"},   {"gap", "\033[33m"},       {"bypassed", "\033[33m"},
        {"warning", "\033[33m"}, {"inspected", "\033[32m"},
};

static void print_word(const char *word, int width)
{
	const char *colour = NULL;
	int len = (int)strlen(word);

	for (size_t i = 0; i < SL_ARRAY_LEN(colours) && isatty(STDOUT_FILENO); i++)
		if (strcmp(word, colours[i].word) == 0)
			colour = colours[i].colour;
	if (colour)
		(void)fputs(colour, stdout);
	cli_print_text(stdout, word);
	if (colour)
		(void)fputs("\033[0m", stdout);
	(void)printf("%*s", len < width ? width - len + 1 : 1, "");
}

static void print_part(const char *before, const char *text)
{
	if (!text[0])
		return;
	(void)fputs(before, stdout);
	cli_print_text(stdout, text);
}

static void print_end(const json_t *event, const char *before, const char *ip, const char *port)
{
	json_int_t number = json_integer_value(json_object_get(event, port));

	print_part(before, text_of(event, ip));
	if (number > 0)
		(void)printf(" port %lld", (long long)number);
}

/* "2026-01-31 12:00:00.123 box ssl_inspection blocked 10.0.0.1 port 5 > 10.0.0.2 port 443 ..." */
static void print_event(const json_t *event)
{
	const char *time = text_of(event, "timestamp");
	const char *outcome = text_of(event, "outcome");

	if (!outcome[0])
		outcome = text_of(event, "severity");
	if (!outcome[0])
		outcome = text_of(json_object_get(event, "alert"), "action");
	(void)printf("%.10s %.12s ", time, strlen(time) > 11 ? time + 11 : "");
	print_word(text_of(event, "device"), 8);
	print_word(text_of(event, "event_type"), 14);
	print_word(outcome, 9);
	print_end(event, "", "src_ip", "src_port");
	print_end(event, " > ", "dest_ip", "dest_port");
	print_part(" ", text_of(json_object_get(event, "tls"), "sni"));
	print_part(" ", text_of(json_object_get(event, "http"), "hostname"));
	print_part(" ", text_of(event, "profile"));
	print_part("/", text_of(event, "policy"));
	print_part(": ", text_of(event, "reason_text"));
	print_part(" ", text_of(json_object_get(event, "alert"), "signature"));
	print_part("", text_of(event, "message"));
	(void)fputc('\n', stdout);
}

/* ---- an event as a row of CSV (RFC 4180) ------------------------------------------------- */

static const struct {
	const char *name, *object, *key;
} csv[] = {
        {"timestamp", NULL, "timestamp"},
        {"device", NULL, "device"},
        {"event_type", NULL, "event_type"},
        {"outcome", NULL, "outcome"},
        {"reason", NULL, "reason"},
        {"sni", "tls", "sni"},
        {"src_ip", NULL, "src_ip"},
        {"src_port", NULL, "src_port"},
        {"dest_ip", NULL, "dest_ip"},
        {"dest_port", NULL, "dest_port"},
        {"profile", NULL, "profile"},
        {"policy", NULL, "policy"},
        {"severity", NULL, "severity"},
        {"signature", "alert", "signature"},
        {"message", NULL, "message"},
        {"epoch", NULL, "epoch"},
        {"seq", NULL, "seq"},
};

/* A program for tables takes what begins like a formula for one, and names come from anyone. */
static void print_cell(const char *text)
{
	(void)fputc('"', stdout);
	if (text[0] && strchr("=+-@\t\r", text[0]))
		(void)fputc('\'', stdout);
	for (; *text; text++) {
		if (*text == '"')
			(void)fputc('"', stdout);
		(void)fputc(*text, stdout);
	}
	(void)fputc('"', stdout);
}

static void print_row(const json_t *event)
{
	for (size_t i = 0; i < SL_ARRAY_LEN(csv); i++) {
		const json_t *from = csv[i].object ? json_object_get(event, csv[i].object) : event;
		const json_t *value = json_object_get(from, csv[i].key);

		if (i > 0)
			(void)fputc(',', stdout);
		if (json_is_integer(value))
			(void)printf("%lld", (long long)json_integer_value(value));
		else if (json_is_string(value))
			print_cell(json_string_value(value));
	}
	(void)fputs("\r\n", stdout);
}

static void print_head(void)
{
	for (size_t i = 0; i < SL_ARRAY_LEN(csv); i++)
		(void)printf("%s%s", i > 0 ? "," : "", csv[i].name);
	(void)fputs("\r\n", stdout);
}

static void print_json(const json_t *event)
{
	(void)json_dumpf(event, stdout, JSON_COMPACT);
	(void)fputc('\n', stdout);
}

/* ---- pages ------------------------------------------------------------------------------- */

typedef void event_fn(void *arg, const json_t *event);

/* All events that are asked for, latest first, `limit` at most. A page may be empty: the search
 * goes on behind it. */
static enum sms_exit each_event(struct sms *sms, const json_t *arguments, size_t limit,
                                event_fn *fn, void *arg)
{
	char cursor[64] = "";
	enum sms_exit status = SMS_OK;

	do {
		json_t *page, *item;
		size_t i;

		status = get_page(sms, arguments, false, cursor,
		                  (unsigned)SL_MIN(limit, (size_t)PAGE), &page);
		if (status != SMS_OK)
			return status;
		json_array_foreach(json_object_get(page, "items"), i, item)
		{
			fn(arg, json_object_get(item, "event"));
			limit -= limit > 0;
		}
		(void)snprintf(cursor, sizeof(cursor), "%s", text_of(page, "next"));
		json_decref(page);
	} while (cursor[0] && limit > 0);
	return status;
}

static void keep_event(void *arg, const json_t *event)
{
	(void)json_array_append(arg, (json_t *)(uintptr_t)event);
}

static void export_csv(void *arg, const json_t *event)
{
	(void)arg;
	print_row(event);
}

static void export_json(void *arg, const json_t *event)
{
	(void)arg;
	print_json(event);
}

static enum sms_exit export_events(struct sms *sms, const json_t *arguments, const char *format,
                                   size_t limit)
{
	bool is_csv = strcmp(format, "csv") == 0;
	enum sms_exit status;

	if (is_csv)
		print_head();
	status = each_event(sms, arguments, limit, is_csv ? export_csv : export_json, NULL);
	if (status == SMS_OK && (fflush(stdout) != 0 || ferror(stdout)))
		status = sms_fail(SMS_REFUSED, "the output cannot be written");
	return status;
}

/* Latest last, as one reads. */
static enum sms_exit show_events(struct sms *sms, const json_t *arguments, size_t limit,
                                 json_t *shown)
{
	enum sms_exit status = each_event(sms, arguments, limit, keep_event, shown);

	for (size_t i = json_array_size(shown); i-- > 0 && status == SMS_OK;) {
		if (sms->json)
			print_json(json_array_get(shown, i));
		else
			print_event(json_array_get(shown, i));
	}
	(void)fflush(stdout);
	return status;
}

/* ---- following --------------------------------------------------------------------------- */

static bool was_shown(const json_t *shown, const json_t *event)
{
	const json_t *one;
	size_t i;

	json_array_foreach(shown, i, one)
	{
		if (json_equal(one, event))
			return true;
	}
	return false;
}

/* What is followed, and what was shown before. */
struct following {
	struct sms *sms;
	const json_t *shown;
	struct sse sse;
};

static bool show_came(void *arg, const char *name, const char *data)
{
	struct following *f = arg;
	json_t *value = json_loads(data, 0, NULL);

	if (strcmp(name, "missed") == 0)
		(void)fprintf(stderr, "sms: %lld events came too fast to be shown\n",
		              (long long)json_integer_value(json_object_get(value, "missed")));
	else if (value && !was_shown(f->shown, value) && f->sms->json)
		print_json(value);
	else if (value && !was_shown(f->shown, value))
		print_event(value);
	json_decref(value);
	(void)fflush(stdout);
	return !ferror(stdout);
}

static bool take_piece(void *arg, const char *data, size_t len)
{
	return sse_take(&((struct following *)arg)->sse, data, len);
}

/* Until the server ends it, or nobody reads. */
static enum sms_exit follow_on(struct following *f, const json_t *arguments)
{
	struct link_request request = {.method = "GET", .take = take_piece, .take_arg = f};
	struct link_answer answer;
	enum sms_exit status;
	struct buf path;

	buf_init(&path, PATH_MAX_LEN);
	status = buf_printf(&path, "/events/stream") == 0 ? SMS_OK : SMS_REFUSED;
	if (status == SMS_OK)
		status = add_parameters(&path, arguments, filters);
	if (status == SMS_OK && f->sse.id[0])
		status = add_parameter(&path, "since", f->sse.id);
	request.path = buf_text(&path);
	if (status == SMS_OK)
		status = sms_call(f->sms, &request, &answer);
	if (status == SMS_OK)
		link_answer_fini(&answer);
	buf_fini(&path);
	return status;
}

/* What comes is asked for from before the first ones are looked up, so none is between. A stream
 * that ended is asked for again where it was: why it ended is what that is answered with. */
static enum sms_exit follow_events(struct sms *sms, const json_t *arguments, size_t limit,
                                   json_t *shown)
{
	static const struct timespec pause = {.tv_sec = 1};
	struct following f = {.sms = sms, .shown = shown};
	json_t *page;
	enum sms_exit status = get_page(sms, arguments, true, "", 1, &page);

	if (status != SMS_OK)
		return status;
	sse_init(&f.sse, show_came, &f);
	(void)snprintf(f.sse.id, sizeof(f.sse.id), "%s", text_of(page, "next"));
	json_decref(page);
	status = show_events(sms, arguments, limit, shown);
	while (status == SMS_OK && !ferror(stdout)) {
		status = follow_on(&f, arguments);
		if (status == SMS_OK && !ferror(stdout))
			(void)nanosleep(&pause, NULL);
	}
	sse_fini(&f.sse);
	return status;
}

/* ---- commands ---------------------------------------------------------------------------- */

static enum sms_exit limit_of(const json_t *arguments, size_t otherwise, size_t max, size_t *ret)
{
	const char *text = sms_argument(arguments, "limit");
	char *end;
	unsigned long long number;

	*ret = otherwise;
	if (!text)
		return SMS_OK;
	number = strtoull(text, &end, 10);
	if (end == text || *end != '\0' || number == 0 || number > max)
		return sms_fail(SMS_USAGE, "--limit is a whole number from 1 to %zu", max);
	*ret = (size_t)number;
	return SMS_OK;
}

enum sms_exit sms_events(struct sms *sms, enum sms_command command, const json_t *arguments)
{
	const char *format = sms_argument(arguments, "export");
	bool follow = json_object_get(arguments, "follow");
	json_t *shown = json_array();
	size_t limit;
	enum sms_exit status =
	        format ? limit_of(arguments, SIZE_MAX, SIZE_MAX / 2, &limit)
	               : limit_of(arguments, follow ? SHOWN_FIRST : SHOWN, SHOWN_MAX, &limit);

	(void)command;
	if (status == SMS_OK && follow && format)
		status = sms_fail(SMS_USAGE, "--follow has no end, and an export has one");
	if (status == SMS_OK && follow)
		status = follow_events(sms, arguments, limit, shown);
	else if (status == SMS_OK && format)
		status = export_events(sms, arguments, format, limit);
	else if (status == SMS_OK)
		status = show_events(sms, arguments, limit, shown);
	json_decref(shown);
	return status;
}

enum sms_exit sms_series(struct sms *sms, enum sms_command command, const json_t *arguments)
{
	static const char *const one[] = {"device", NULL};
	struct buf path;
	json_t *data;
	enum sms_exit status;

	(void)command;
	buf_init(&path, PATH_MAX_LEN);
	status = buf_printf(&path, "/series") == 0 ? SMS_OK : SMS_REFUSED;
	if (status == SMS_OK)
		status = add_parameters(&path, arguments, one);
	if (status == SMS_OK)
		status = add_parameters(&path, arguments, times);
	if (status == SMS_OK)
		status = get(sms, &path, &data);
	buf_fini(&path);
	if (status != SMS_OK)
		return status;
	sms_print(sms, sms->json ? data : json_object_get(data, "items"));
	json_decref(data);
	return SMS_OK;
}
