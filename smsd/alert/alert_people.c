/* SPDX-License-Identifier: Apache-2.0 */
/* Alerts for people: a page of them, and that somebody has seen one. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "smsd/alert/alert_priv.h"
#include "smsd/auth/audit.h"
#include "smsd/base/actor.h"
#include "smsd/base/moment.h"
#include "smsd/base/problem.h"

static const enum log_level severities[] = {
#define ALERT(NAME, name, severity, help, remedy) LOG_LEVEL_##severity,
#include "smsd/alert/alert.def"
#undef ALERT
};

/* ALERT_END for one that another version had. */
static enum alert_name name_of(const char *text)
{
	enum alert_name name = 0;

	while (name < ALERT_END && strcmp(alert_name_text(name), text) != 0)
		name++;
	return name;
}

static int add_time(json_t *shown, const char *key, int64_t ms)
{
	char text[MOMENT_TEXT_MAX];

	return ms == 0 ? 0 : json_object_set_new(shown, key, json_string(moment_text(ms, text)));
}

static json_t *show_row(const struct store_row *row)
{
	enum alert_name name = name_of(store_row_text(row, 1));
	bool known = name < ALERT_END;
	json_t *shown =
	        json_pack("{s:I, s:s, s:s, s:s, s:{s:s, s:s}, s:s, s:s}", "id",
	                  (json_int_t)store_row_integer(row, 0), "name", store_row_text(row, 1),
	                  "state", store_row_integer(row, 6) ? "cleared" : "raised", "severity",
	                  log_level_name(known ? severities[name] : LOG_LEVEL_INFO), "about",
	                  "kind", store_row_text(row, 2), "name", store_row_text(row, 3), "text",
	                  store_row_text(row, 5), "remedy", known ? alert_remedy(name) : "");
	const char *who = store_row_text(row, 8);
	int rc = shown ? add_time(shown, "since", store_row_integer(row, 4)) : -1;

	if (rc == 0)
		rc = add_time(shown, "cleared", store_row_integer(row, 6));
	if (rc == 0)
		rc = add_time(shown, "acknowledged", store_row_integer(row, 7));
	if (rc == 0 && who[0])
		rc = json_object_set_new(shown, "acknowledged_by", json_string(who));
	if (rc == 0)
		return shown;
	json_decref(shown);
	return NULL;
}

static int take_shown(void *arg, const struct store_row *row)
{
	json_t *shown = show_row(row);

	return !shown || json_array_append_new(arg, shown) != 0 ? SL_ENOMEM : 0;
}

int alerts_list(struct store *store, bool all, int64_t before, unsigned limit, alert_fn *fn,
                void *arg)
{
	const struct store_value values[] = {store_integer(before ? before : INT64_MAX),
	                                     store_integer(limit)};
	json_t *page = json_array(), *one;
	size_t i;
	int rc = page ? store_read(store, all ? STORE_ALERT_LIST_ALL : STORE_ALERT_LIST, values, 2,
	                           take_shown, page)
	              : SL_ENOMEM;

	json_array_foreach(page, i, one)
	{
		if (rc == 0)
			rc = fn(arg, json_integer_value(json_object_get(one, "id")),
			        json_incref(one));
	}
	json_decref(page);
	return rc;
}

static int not_there(int64_t id, struct problem *problem)
{
	return problem_add(problem, SL_ENOENT, "", "look at the list of alerts",
	                   "there is no alert %" PRId64, id);
}

int alerts_get(struct store *store, int64_t id, json_t **ret_shown, struct problem *problem)
{
	const struct store_value value = store_integer(id);
	json_t *page = json_array();
	int rc = page ? store_read(store, STORE_ALERT_BY_ID, &value, 1, take_shown, page)
	              : SL_ENOMEM;

	if (rc == 0 && json_array_size(page) == 0)
		rc = not_there(id, problem);
	if (rc == 0)
		*ret_shown = json_incref(json_array_get(page, 0));
	json_decref(page);
	return rc;
}

struct seeing {
	const struct actor *actor;
	int64_t id, now_ms;
	char name[ALERT_TEXT_MAX];
	char by[ACTOR_NAME_MAX]; /* who has seen it before; "" nobody */
};

static int take_seen(void *arg, const struct store_row *row)
{
	struct seeing *s = arg;

	(void)snprintf(s->name, sizeof(s->name), "%s %s", store_row_text(row, 1),
	               store_row_text(row, 3));
	(void)snprintf(s->by, sizeof(s->by), "%s", store_row_text(row, 8));
	return 1;
}

static int write_seen(void *arg, struct store_tx *tx)
{
	struct seeing *s = arg;
	const struct store_value values[] = {store_integer(s->id), store_integer(s->now_ms),
	                                     store_text(s->actor->name)};
	const struct audit_line line = {.action = "acknowledge", .kind = "alert", .name = s->name};
	int rc;

	s->name[0] = s->by[0] = '\0';
	rc = store_tx_run(tx, STORE_ALERT_BY_ID, values, 1, take_seen, s);
	if (rc < 0)
		return rc;
	if (!s->name[0])
		return SL_ENOENT;
	if (s->by[0])
		return SL_EEXIST;
	rc = store_tx_run(tx, STORE_ALERT_ACKNOWLEDGE, values, 3, NULL, NULL);
	return rc ? rc : audit_add(tx, s->actor, &line);
}

int alerts_acknowledge(struct store *store, const struct actor *actor, int64_t id,
                       struct problem *problem)
{
	struct seeing s = {.actor = actor, .id = id, .now_ms = moment_now_ms()};
	int rc = store_write(store, write_seen, &s);

	if (rc == SL_ENOENT)
		return not_there(id, problem);
	if (rc == SL_EEXIST)
		return problem_add(problem, rc, "", "", "%s has acknowledged it", s.by);
	return rc;
}
