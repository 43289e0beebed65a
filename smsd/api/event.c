/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events of devices: searched, latest first, and followed as they come. The lines go out as they
 * came: they are JSON already.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/addr.h"
#include "lib/base/err.h"
#include "smsd/api/route.h"
#include "smsd/auth/group.h"
#include "smsd/base/moment.h"
#include "smsd/ingest/event_store.h"
#include "smsd/ingest/ingest.h"
#include "smsd/ingest/series.h"

enum { OK = 200, TEXTS = INTAKE_FIELD_END + 2 };

/* Of a request's query; texts are the filter's until it is freed. */
struct asked {
	struct event_filter filter;
	char address[ADDR_TEXT_MAX];
	char *cursor;
	int64_t limit;
	char *texts[TEXTS];
	unsigned texts_count;
};

/* ---- what is asked for ------------------------------------------------------------------- */

static int take_text(struct api_call *call, struct asked *asked, const char *name,
                     const char **ret_text)
{
	char *text = http_query_value(call->request, name);

	if (!text)
		return 0;
	asked->texts[asked->texts_count++] = text;
	if (strlen(text) >= EVENT_FILTER_TEXT_MAX)
		return problem_add(&call->problem, SL_ERANGE, "", "", "%s has %d bytes at most",
		                   name, EVENT_FILTER_TEXT_MAX - 1);
	*ret_text = text;
	return 0;
}

static int take_time(struct api_call *call, const char *name, int64_t *ret_ms)
{
	char *text = http_query_value(call->request, name);
	int rc = text ? intake_time_read(text, strlen(text), ret_ms) : 0;

	free(text);
	return rc ? problem_add(&call->problem, SL_EINVAL, "", "2026-01-31T12:00:00Z is one",
	                        "%s is no time", name)
	          : 0;
}

/* In the one spelling that events have. */
static int settle_address(struct api_call *call, struct asked *asked)
{
	struct addr addr;

	if (!asked->filter.address)
		return 0;
	if (addr_parse(asked->filter.address, &addr) != 0)
		return problem_add(&call->problem, SL_EINVAL, "", "",
		                   "address is no address of IPv4 or IPv6");
	asked->filter.address = addr_format(&addr, asked->address);
	return 0;
}

/* Who has not all devices by his groups names one that he has (R136). */
static int check_device(struct api_call *call, const char *device)
{
	struct store *store = call->context->store;
	unsigned whole = 0;
	int rc = auth_items_whole(store, &call->identity, &whole);

	if (rc == 0 && !(whole >> AUTH_ITEM_DEVICE & 1))
		rc = device ? auth_may_item(store, &call->identity, AUTH_ITEM_DEVICE, device)
		            : SL_EPERM;
	if (rc == SL_EPERM)
		return problem_add(&call->problem, rc, "", "name one by `device`",
		                   "your groups have single devices alone");
	return problem_tell(&call->problem, rc);
}

static int read_filter(struct api_call *call, struct asked *asked)
{
	static const char *const names[] = {
#define X(NAME, name, letter, help) [INTAKE_##NAME] = (name),
	        INTAKE_FIELDS(X)
#undef X
	};
	int rc = take_text(call, asked, "address", &asked->filter.address);

	for (unsigned i = 0; i < INTAKE_FIELD_END && rc == 0; i++)
		rc = take_text(call, asked, names[i], &asked->filter.field[i]);
	if (rc == 0)
		rc = take_text(call, asked, "text", &asked->filter.text);
	if (rc == 0)
		rc = check_device(call, asked->filter.field[INTAKE_DEVICE]);
	return rc ? rc : settle_address(call, asked);
}

static int read_asked(struct api_call *call, const char *cursor, struct asked *asked)
{
	int rc;

	*asked = (struct asked){.filter = {.from_ms = INT64_MIN, .to_ms = INT64_MAX}};
	rc = api_query_number(call, "limit", 1, API_PAGE_MAX, API_PAGE, &asked->limit);
	if (rc == 0)
		rc = take_time(call, "from", &asked->filter.from_ms);
	if (rc == 0)
		rc = take_time(call, "to", &asked->filter.to_ms);
	if (rc == 0)
		rc = read_filter(call, asked);
	asked->cursor = http_query_value(call->request, cursor);
	return rc;
}

static void asked_fini(struct asked *asked)
{
	for (unsigned i = 0; i < asked->texts_count; i++)
		free(asked->texts[i]);
	free(asked->cursor);
}

/* ---- what is answered -------------------------------------------------------------------- */

static int add_line(struct buf *body, const struct event_found *found)
{
	int rc = buf_printf(body, "\"event\":");

	if (rc == 0)
		rc = buf_add(body, found->line, found->len);
	return rc ? rc : buf_add(body, "}", 1);
}

/* The first one has no comma before it: the body ends with the list's bracket then. */
static const char *comma(const struct buf *body)
{
	return body->len > 0 && body->data[body->len - 1] == '[' ? "" : ",";
}

/* Of a page, about: whoever reads it slowly holds so much, however long lines are. */
enum { PAGE_BYTES = 2 * 1024 * 1024 };

/* 1: enough, the next page goes on. */
static int add_found(void *arg, const struct event_found *found)
{
	struct buf *body = arg;
	char at[EVENT_CURSOR_MAX];
	int rc;

	event_cursor_text(found->day, found->place, at);
	rc = buf_printf(body, "%s{\"at\":\"%s\",", comma(body), at);
	if (rc == 0)
		rc = add_line(body, found);
	return rc ? rc : body->len >= PAGE_BYTES;
}

static int add_came(void *arg, const struct event_found *found)
{
	struct buf *body = arg;
	int rc = buf_printf(body, "%s{", comma(body));

	if (rc == 0)
		rc = add_line(body, found);
	return rc ? rc : body->len >= PAGE_BYTES;
}

static int refuse(struct api_call *call, const char *cursor, int rc)
{
	if (rc == SL_EINVAL)
		return problem_add(&call->problem, rc, "", "send back the `next` of an answer",
		                   "%s is none of ours", cursor);
	if (rc == SL_EMALFORMED)
		return problem_add(&call->problem, SL_EIO, "", "move it away, or name another time",
		                   "a day's file is damaged");
	return problem_add(&call->problem, rc, "", "", "%s", err_text(rc));
}

static void answer(struct api_call *call)
{
	call->response.status = OK;
	call->response.content_type = "application/json";
}

static int search(struct api_call *call, const struct asked *asked)
{
	struct buf *body = &call->response.body;
	char next[EVENT_CURSOR_MAX];
	int rc = buf_printf(body, "{\"items\":[");

	if (rc == 0)
		rc = event_store_find(ingest_events(call->context->ingest), &asked->filter,
		                      asked->cursor ? asked->cursor : "", (unsigned)asked->limit,
		                      add_found, body, next);
	if (rc == 0)
		rc = buf_printf(body, "],\"next\":\"%s\"}\n", next);
	if (rc != 0)
		return refuse(call, "before", rc);
	answer(call);
	return 0;
}

int api_events(struct api_call *call)
{
	struct asked asked;
	int rc = read_asked(call, "before", &asked);

	if (rc == 0)
		rc = search(call, &asked);
	asked_fini(&asked);
	return rc;
}

static int follow(struct api_call *call, const struct asked *asked)
{
	struct buf *body = &call->response.body;
	char next[EVENT_CURSOR_MAX];
	uint64_t missed = 0;
	int rc = buf_printf(body, "{\"items\":[");

	if (rc == 0)
		rc = event_store_tail(ingest_events(call->context->ingest), &asked->filter,
		                      asked->cursor ? asked->cursor : "", (unsigned)asked->limit,
		                      add_came, body, next, &missed);
	if (rc == 0)
		rc = buf_printf(body, "],\"next\":\"%s\",\"missed\":%" PRIu64 "}\n", next, missed);
	if (rc != 0)
		return refuse(call, "after", rc);
	answer(call);
	return 0;
}

int api_events_tail(struct api_call *call)
{
	struct asked asked;
	int rc = read_asked(call, "after", &asked);

	if (rc == 0)
		rc = follow(call, &asked);
	asked_fini(&asked);
	return rc;
}

/* ---- without an end ---------------------------------------------------------------------- */

enum {
	PART_LINES = 256,       /* of one turn, */
	PART_BYTES = 64 * 1024, /* or when it has so many */
};

struct part {
	struct buf *body;
	unsigned lines;
};

/* WHATWG HTML, section 9.2. A line that was taken in has no carriage return, which would end one.
 */
static int add_part(void *arg, const struct event_found *found)
{
	struct part *part = arg;
	char at[EVENT_CURSOR_MAX];
	int rc;

	event_cursor_text(found->day, found->place, at);
	rc = buf_printf(part->body, "id: %s\ndata: ", at);
	if (rc == 0)
		rc = buf_add(part->body, found->line, found->len);
	if (rc == 0)
		rc = buf_add(part->body, "\n\n", 2);
	return rc ? rc : ++part->lines >= PART_LINES || part->body->len >= PART_BYTES;
}

/* What was missed was before the lines. An id alone is no event: whoever comes again without one
 * begins where this one has looked. */
static int put_together(struct api_call *call, uint64_t missed, const struct buf *lines,
                        const char *next)
{
	struct buf *body = &call->response.body;
	bool first = call->going.at[0] == '\0';
	int rc = 0;

	if (missed > 0)
		rc = buf_printf(body, "event: missed\ndata: {\"missed\":%" PRIu64 "}\n\n", missed);
	if (rc == 0 && lines->len > 0)
		rc = buf_add(body, lines->data, lines->len);
	if (rc == 0 && (first || call->going.beat))
		rc = buf_printf(body, ":\nid: %s\n\n", next);
	return rc;
}

static int make_part(struct api_call *call, const struct asked *asked, const char *at)
{
	char next[EVENT_CURSOR_MAX];
	uint64_t missed = 0;
	struct buf lines;
	struct part part = {.body = &lines};
	int rc;

	buf_init(&lines, PART_BYTES + 2 * INTAKE_LINE_MAX);
	rc = event_store_tail(ingest_events(call->context->ingest), &asked->filter, at, PART_LINES,
	                      add_part, &part, next, &missed);
	if (rc == 0)
		rc = put_together(call, missed, &lines, next);
	call->going.more = part.lines >= PART_LINES || lines.len >= PART_BYTES;
	buf_fini(&lines);
	if (rc != 0)
		return refuse(call, "since", rc);
	call->going.on = true;
	(void)snprintf(call->going.at, sizeof(call->going.at), "%s", next);
	call->response.content_type = "text/event-stream";
	return 0;
}

/* Where it was; the first time where the reader has been. */
static const char *place_of(const struct api_call *call, const struct asked *asked)
{
	if (call->going.on)
		return call->going.at;
	if (call->request->last_event_id[0])
		return call->request->last_event_id;
	return asked->cursor ? asked->cursor : "";
}

int api_events_stream(struct api_call *call)
{
	struct asked asked;
	int rc = read_asked(call, "since", &asked);

	if (rc == 0)
		rc = make_part(call, &asked, place_of(call, &asked));
	asked_fini(&asked);
	return rc;
}

/* ---- series ------------------------------------------------------------------------------ */

enum { HOUR_MS = 3600 * 1000 };

int api_series(struct api_call *call)
{
	int64_t now_ms = moment_now_ms(), from_ms, to_ms = now_ms;
	char *device = http_query_value(call->request, "device");
	json_t *series = NULL;
	int rc = check_device(call, device);

	if (rc == 0)
		rc = take_time(call, "to", &to_ms);
	from_ms = to_ms - HOUR_MS;
	if (rc == 0)
		rc = take_time(call, "from", &from_ms);
	if (rc == 0)
		rc = series_read(call->context->store, device, from_ms, to_ms, now_ms, &series,
		                 &call->problem);
	free(device);
	return rc ? rc : api_answer(call, OK, series);
}
