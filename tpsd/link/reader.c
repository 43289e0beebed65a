/* SPDX-License-Identifier: Apache-2.0 */
/* Merging: of all kinds' next lines the one with the lowest number, as soon as all are known. */
#include "tpsd/link/reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "tpsd/link/cursor.h"

enum { NAME_MAX_BYTES = 130 };

struct reader {
	struct reader_place place; /* behind what was added last */
	struct reader_border border;
	bool told;                 /* the border */
	char name[NAME_MAX_BYTES]; /* with quotes; "": as it is */
	uint64_t left_out;
	struct cursor cursors[EVENT_KIND_END];
	uint8_t windows[EVENT_KIND_END][CURSOR_WINDOW];
};

int reader_create(struct reader **ret_reader)
{
	struct reader *r = calloc(1, sizeof(*r));

	if (!r)
		return SL_ENOMEM;
	for (unsigned kind = 0; kind < EVENT_KIND_END; kind++) {
		r->cursors[kind].fd = -1;
		r->cursors[kind].window = r->windows[kind];
	}
	*ret_reader = r;
	return 0;
}

void reader_destroy(struct reader *reader)
{
	if (!reader)
		return;
	for (unsigned kind = 0; kind < EVENT_KIND_END; kind++)
		cursor_reset(&reader->cursors[kind]);
	free(reader);
}

static void tell_cursors(struct reader *r)
{
	for (unsigned kind = 0; r->told && kind < EVENT_KIND_END; kind++)
		cursor_told(&r->cursors[kind], r->border.files[kind]);
}

void reader_start(struct reader *reader, const struct reader_place *place)
{
	reader->place = *place;
	for (unsigned kind = 0; kind < EVENT_KIND_END; kind++)
		cursor_reset(&reader->cursors[kind]);
	tell_cursors(reader);
}

void reader_untold(struct reader *reader)
{
	reader->told = false;
	for (unsigned kind = 0; kind < EVENT_KIND_END; kind++)
		cursor_reset(&reader->cursors[kind]);
}

void reader_name(struct reader *reader, const char *name)
{
	(void)snprintf(reader->name, sizeof(reader->name), "\"%s\"", name);
}

void reader_border(struct reader *reader, const struct reader_border *border)
{
	reader->border = *border;
	reader->told = true;
	tell_cursors(reader);
}

bool reader_wants(struct reader *reader, enum event_kind *ret_kind, uint32_t *ret_number)
{
	for (unsigned kind = 0; kind < EVENT_KIND_END; kind++) {
		struct cursor *c = &reader->cursors[kind];

		if (!c->wanted || c->asked)
			continue;
		c->asked = true;
		*ret_kind = (enum event_kind)kind;
		*ret_number = c->wanted_number;
		return true;
	}
	return false;
}

void reader_want_again(struct reader *reader)
{
	for (unsigned kind = 0; kind < EVENT_KIND_END; kind++)
		reader->cursors[kind].asked = false;
}

void reader_file(struct reader *reader, enum event_kind kind, uint32_t number, int fd)
{
	struct cursor *c = (unsigned)kind < EVENT_KIND_END ? &reader->cursors[kind] : NULL;

	if (c && c->wanted && c->asked && c->wanted_number == number)
		cursor_file(c, &reader->place, fd);
	else if (fd >= 0)
		(void)close(fd);
}

uint64_t reader_left_out(const struct reader *reader)
{
	return reader->left_out;
}

/* ---- the next line ----------------------------------------------------------------------- */

struct view {
	struct cursor *next;  /* the lowest number of the place's epoch */
	struct cursor *other; /* a line of another epoch; of one that is over, if there is any */
	bool wait, busy;
};

static void look_at(struct reader *r, struct cursor *c, struct view *view)
{
	uint64_t epoch = c->head.epoch;

	if (r->place.known && epoch == r->place.epoch) {
		if (!view->next || c->head.seq < view->next->head.seq)
			view->next = c;
	} else if (!view->other || view->other->head.epoch == r->border.epoch) {
		view->other = c;
	}
}

static struct view look_at_all(struct reader *r, size_t *budget)
{
	struct view view = {.next = NULL};

	for (unsigned kind = 0; kind < EVENT_KIND_END; kind++) {
		struct cursor *c = &r->cursors[kind];

		switch (cursor_peek(c, &r->place, budget, &r->left_out)) {
		case CURSOR_LINE:
			look_at(r, c, &view);
			break;
		case CURSOR_WAIT:
			view.wait = true;
			break;
		case CURSOR_BUSY:
			view.busy = true;
			break;
		default:
			break;
		}
	}
	return view;
}

/* The epoch is at its end, and another one begins. */
static void change_epoch(struct reader *r, uint64_t epoch)
{
	struct reader_place *p = &r->place;

	if (p->known && p->over_count == READER_EPOCHS_KEPT) {
		memmove(p->over, p->over + 1, sizeof(p->over) - sizeof(p->over[0]));
		p->over_count--;
	}
	if (p->known)
		p->over[p->over_count++] = p->epoch;
	p->known = true;
	p->epoch = epoch;
	p->next = 0;
}

/* No line of the place's epoch is left. What the border's epoch has between its lines is not: it
 * alone goes on. */
static void leave_epoch(struct reader *r, struct cursor *other)
{
	if (r->place.known && r->place.epoch == r->border.epoch) {
		r->left_out++;
		cursor_pass(other);
	} else {
		change_epoch(r, other->head.epoch);
	}
}

static bool is_on_disk(const struct reader *r, const struct cursor *c)
{
	return c->head.epoch != r->border.epoch || c->head.seq < r->border.next;
}

/* SL_ELIMIT: the buffer has no room for it. */
static int add_line(const struct reader *r, const struct cursor *c, struct buf *out)
{
	const char *line = (const char *)c->window + c->at, *rest;
	size_t before = c->head.device, behind, name = strlen(r->name);
	uint8_t *room;
	int rc;

	rest = line + before + c->head.device_len;
	behind = c->len - before - c->head.device_len;
	if (out->max - out->len < before + name + behind + c->head.device_len + 1)
		return SL_ELIMIT;
	rc = buf_reserve(out, before + name + behind + c->head.device_len + 1, &room);
	if (rc == 0)
		rc = buf_add(out, line, before);
	if (rc == 0)
		rc = name ? buf_add(out, r->name, name)
		          : buf_add(out, line + before, c->head.device_len);
	if (rc == 0)
		rc = buf_add(out, rest, behind);
	return rc ? rc : buf_add(out, "\n", 1);
}

int reader_fill(struct reader *reader, struct buf *out, size_t lines_max,
                struct reader_batch *ret_batch)
{
	struct reader_batch batch = {.lines = 0};
	size_t budget = READER_SCAN_MAX;
	struct view view = {.wait = true};
	int rc = 0;

	while (reader->told && batch.lines < lines_max) {
		view = look_at_all(reader, &budget);
		if (view.wait || view.busy)
			break;
		if (!view.next && view.other && batch.lines == 0) {
			leave_epoch(reader, view.other);
			continue;
		}
		if (!view.next || !is_on_disk(reader, view.next))
			break;
		rc = add_line(reader, view.next, out);
		if (rc != 0)
			break;
		if (batch.lines++ == 0)
			batch.first = view.next->head.seq;
		reader->place.next = view.next->head.seq + 1;
		cursor_pass(view.next);
	}
	if (batch.lines == 0)
		return rc == SL_ENOMEM ? rc : view.busy ? SL_EBUSY : SL_EAGAIN;
	batch.epoch = reader->place.epoch;
	batch.next = reader->place.next;
	batch.after = reader->place;
	*ret_batch = batch;
	return 0;
}
