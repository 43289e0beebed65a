/* SPDX-License-Identifier: Apache-2.0 */
/* tps show log: the last events of a kind, and those to come. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "tpsd/report/control.h"
#include "tpsd/report/handlers.h"
#include "tpsd/report/journal.h"
#include "tpsd/report/logread.h"
#include "tpsd/report/server.h"

enum { LAST_DEFAULT = 50, LAST_MAX = 5000, PIECE_LINES = 100 };

struct follow {
	struct request *request;
	enum event_kind kind;
	struct log_filter filter;
};

struct gather {
	json_t **events; /* a circle of the last ones */
	size_t size;
	size_t count;
	const struct log_filter *filter;
};

static bool gather_event(void *arg, json_t *event)
{
	struct gather *g = arg;

	if (log_filter_matches(g->filter, event)) {
		json_decref(g->events[g->count % g->size]);
		g->events[g->count++ % g->size] = json_incref(event);
	}
	return true;
}

/* Pieces of a hundred: a client sees the first ones early. False: the request has ended. */
static bool send_gathered(struct request *r, struct gather *g)
{
	size_t n = SL_MIN(g->count, g->size), from = g->count - n;
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++) {
		(void)json_array_append(list, g->events[(from + i) % g->size]);
		if (json_array_size(list) == PIECE_LINES) {
			if (!request_piece(r, list)) {
				return false;
			}
			list = json_array();
		}
	}
	if (json_array_size(list) > 0)
		return request_piece(r, list);
	json_decref(list);
	return true;
}

static bool send_last(struct request *r, enum event_kind kind, const struct log_filter *filter,
                      size_t last)
{
	struct gather g = {.size = last, .filter = filter};
	bool alive;

	g.events = calloc(last + 1, sizeof(*g.events));
	if (!g.events)
		return true;
	journal_flush(r->control->journal);
	if (last > 0)
		log_read(journal_path(r->control->journal, kind), 0, gather_event, &g);
	alive = last == 0 || send_gathered(r, &g);
	for (size_t i = 0; i < last; i++)
		json_decref(g.events[i]);
	free(g.events);
	return alive;
}

static void on_line(void *arg, enum event_kind kind, const char *line, size_t len)
{
	struct follow *f = arg;
	json_t *event;

	if (kind != f->kind)
		return;
	event = json_loadb(line, len, 0, NULL);
	if (event && log_filter_matches(&f->filter, event))
		(void)request_piece(f->request, json_pack("[O]", event));
	json_decref(event);
}

static void stop_following(struct request *request)
{
	struct follow *f = request->state;

	journal_unlisten(request->control->journal, on_line, f);
	free(f);
}

static void start_following(struct request *r, enum event_kind kind,
                            const struct log_filter *filter)
{
	struct follow *f = calloc(1, sizeof(*f));

	if (!f || journal_listen(r->control->journal, on_line, f) != 0) {
		free(f);
		request_error(r, SL_ELIMIT, "too many follow the log already", "end one of them");
		return;
	}
	*f = (struct follow){.request = r, .kind = kind, .filter = *filter};
	r->state = f;
	r->cancel = stop_following;
}

void handle_show_log(struct request *request)
{
	struct log_filter filter;
	enum event_kind kind;
	uint64_t last;

	if (!request_number(request, "last", LAST_DEFAULT, LAST_MAX, &last))
		return;
	if (event_kind_find(request_text(request, "kind"), &kind) != 0) {
		request_error(request, SL_ENOENT, "no such kind of event", "");
		return;
	}
	if (log_filter_parse(request_text(request, "filter"), &filter) != 0) {
		request_error(request, SL_EINVAL, "a filter is a word, or key=value",
		              "for example --filter tls.sni=shop.example");
		return;
	}
	if (!send_last(request, kind, &filter, last))
		return;
	if (request_flag(request, "follow"))
		start_following(request, kind, &filter);
	else
		request_end(request);
}
