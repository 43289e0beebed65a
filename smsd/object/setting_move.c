/* SPDX-License-Identifier: Apache-2.0 */
/* Settings that have an order (R166): one goes before or behind another. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "smsd/base/problem.h"
#include "smsd/object/certificate_priv.h"
#include "smsd/object/setting_priv.h"
#include "smsd/store/store.h"

/* Between neighbours that are numbered anew: ten may come between two before the next time. */
enum { STEP = 1000 };
_Static_assert((int64_t)STEP *OBJECTS_MAX <= CONF_PLACE_MAX, "every object has a place");

enum { BEHIND_ALL = CONF_PLACE_MAX + 1 }; /* object_place of what has none */

struct seat {
	int64_t id;
	char name[OBJECT_NAME_MAX];
	int64_t place;
};

struct moving {
	struct writing *w;
	const struct setting_move *move;
	struct seat *seats; /* in order */
	size_t count, size;
	struct store_tx *tx;
};

/* Rows: id, name, place. */
static int take_seat(void *arg, const struct store_row *row)
{
	struct moving *m = arg;
	struct seat *seat;

	if (m->count == m->size) {
		size_t size = m->size ? 2 * m->size : 64;
		struct seat *seats = reallocarray(m->seats, size, sizeof(*seats));

		if (!seats)
			return SL_ENOMEM;
		m->seats = seats;
		m->size = size;
	}
	seat = &m->seats[m->count++];
	seat->id = store_row_integer(row, 0);
	(void)snprintf(seat->name, sizeof(seat->name), "%s", store_row_text(row, 1));
	seat->place = store_row_integer(row, 2);
	return 0;
}

/* m->count: there is none. */
static size_t find(const struct moving *m, const char *name)
{
	size_t i = 0;

	while (i < m->count && strcmp(m->seats[i].name, name) != 0)
		i++;
	return i;
}

/* ---- the order --------------------------------------------------------------------------- */

static int refuse_other(const struct moving *m, int code, const char *text)
{
	return problem_add(m->w->problem, code, m->move->before ? "/before" : "/after",
	                   "name another one of the list", "%s: %.128s", text, m->move->other);
}

/* Puts it where it belongs in m->seats. */
static int seat_it(struct moving *m, size_t *ret_at)
{
	size_t from = find(m, m->w->name);
	size_t to = find(m, m->move->other);
	struct seat seat;

	if (to == m->count)
		return refuse_other(m, SL_ENOENT, "it is not there");
	if (to == from)
		return refuse_other(m, SL_EINVAL, "that is itself");
	seat = m->seats[from];
	memmove(&m->seats[from], &m->seats[from + 1], (m->count - from - 1) * sizeof(seat));
	to = to - (to > from) + !m->move->before;
	memmove(&m->seats[to + 1], &m->seats[to], (m->count - to - 1) * sizeof(seat));
	m->seats[to] = seat;
	*ret_at = to;
	return 0;
}

/* ---- places ------------------------------------------------------------------------------ */

static int set_place(const struct moving *m, const struct seat *seat, int64_t place)
{
	const struct object_change how = {
	        .actor = m->w->how->actor, .action = m->w->action, .comment = m->w->how->comment};
	struct object object;
	json_t *body;
	int rc;

	if (seat->place == place)
		return 0;
	rc = object_get_tx(m->tx, m->w->kind, seat->name, &object, m->w->problem);
	if (rc != 0)
		return rc;
	body = json_copy(object.body);
	rc = body && json_object_set_new(body, "place", json_integer((json_int_t)place)) == 0
	             ? object_replace(m->tx, &how, m->w->kind, seat->name, object.revision, body,
	                              m->w->problem)
	             : SL_ENOMEM;
	json_decref(body);
	object_fini(&object);
	return rc;
}

/* All up to `at`, and all that have one. */
static int number_anew(const struct moving *m, size_t at)
{
	size_t last = at;
	int rc = 0;

	for (size_t i = at; i < m->count; i++)
		if (m->seats[i].place != BEHIND_ALL)
			last = i;
	for (size_t i = 0; rc == 0 && i <= last; i++)
		rc = set_place(m, &m->seats[i], (int64_t)STEP * (int64_t)(i + 1));
	return rc;
}

/* One that lies between its neighbours, whatever their names are; 0: there is none. */
static int64_t place_between(const struct moving *m, size_t at)
{
	int64_t low = at > 0 ? m->seats[at - 1].place : 0;
	int64_t high = at + 1 < m->count ? m->seats[at + 1].place : BEHIND_ALL;

	if (low + 2 > high)
		return 0;
	if (high == BEHIND_ALL)
		return SL_MIN(low + STEP, low + (high - low) / 2);
	return low + (high - low) / 2;
}

static int reseat(struct moving *m)
{
	size_t from = find(m, m->w->name);
	size_t at = 0;
	int64_t place;
	int rc = seat_it(m, &at);

	if (rc != 0 || at == from)
		return rc;
	place = place_between(m, at);
	return place ? set_place(m, &m->seats[at], place) : number_anew(m, at);
}

/* ---- the write --------------------------------------------------------------------------- */

static int run(void *arg, struct store_tx *tx)
{
	struct moving *m = arg;
	struct writing *w = m->w;
	const struct store_value kind = store_text(object_kind_name(w->kind));
	struct object object;
	int rc;

	problem_fini(w->problem);
	m->tx = tx;
	m->count = 0;
	rc = object_get_seen(tx, w->kind, w->name, w->revision, &object, w->problem);
	if (rc != 0)
		return rc;
	object_fini(&object);
	rc = store_tx_run(tx, STORE_OBJECT_ORDER, &kind, 1, take_seat, m);
	if (rc >= 0)
		rc = reseat(m);
	return rc == 0 && w->how->check_only ? WRITING_CHECKED : rc;
}

int setting_move(struct store *store, const struct setting_change *how, enum object_kind kind,
                 const char *name, int64_t revision, const struct setting_move *move,
                 struct problem *problem)
{
	struct writing w = {.how = how,
	                    .action = "move",
	                    .kind = kind,
	                    .name = name,
	                    .revision = revision,
	                    .problem = problem};
	struct moving m = {.w = &w, .move = move};
	int rc = comment_check(how->comment, problem);

	if (rc != 0)
		return rc;
	rc = store_write(store, run, &m);
	free(m.seats);
	rc = rc == WRITING_CHECKED ? 0 : rc;
	(void)problem_tell(problem, rc);
	if (rc == SL_ECONFLICT)
		writing_tell_conflict(store, &w);
	return rc;
}
