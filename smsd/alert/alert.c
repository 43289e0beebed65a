/* SPDX-License-Identifier: Apache-2.0 */
/* Alerts that there are, held against what is so now. */
#include "smsd/alert/alert.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "smsd/alert/alert_priv.h"
#include "smsd/base/moment.h"
#include "smsd/base/problem.h"
#include "smsd/ingest/ingest.h"

static const struct {
	const char *name, *help, *remedy;
} alert_texts[] = {
#define ALERT(NAME, name, severity, help, remedy) {name, help, remedy},
#include "smsd/alert/alert.def"
#undef ALERT
};

const char *alert_name_text(enum alert_name name)
{
	return alert_texts[name].name;
}

const char *alert_help(enum alert_name name)
{
	return alert_texts[name].help;
}

const char *alert_remedy(enum alert_name name)
{
	return alert_texts[name].remedy;
}

/* ---- what is so now ---------------------------------------------------------------------- */

static void condition_fini(struct condition *c)
{
	free(c->about_kind);
	free(c->about);
	free(c->part);
	free(c->text);
}

int conditions_add(struct conditions *conditions, const char *about_kind, const char *about,
                   int64_t step, const char *text_fmt, ...)
{
	struct condition *list;
	struct condition c = {.step = step};
	char text[ALERT_TEXT_MAX];
	va_list ap;

	if (conditions->count == ALERT_OPEN_MAX)
		return 0;
	va_start(ap, text_fmt);
	(void)vsnprintf(text, sizeof(text), text_fmt, ap);
	va_end(ap);
	c.about_kind = strdup(about_kind);
	c.about = strdup(about);
	c.part = strdup("");
	c.text = strdup(text);
	list = reallocarray(conditions->list, conditions->count + 1, sizeof(*list));
	if (list)
		conditions->list = list;
	if (!list || !c.about_kind || !c.about || !c.part || !c.text) {
		condition_fini(&c);
		return SL_ENOMEM;
	}
	list[conditions->count++] = c;
	return 0;
}

void conditions_fini(struct conditions *conditions)
{
	for (size_t i = 0; i < conditions->count; i++)
		condition_fini(&conditions->list[i]);
	free(conditions->list);
	*conditions = (struct conditions){0};
}

/* ---- what is open ------------------------------------------------------------------------ */

/* Row `id` is that condition, `step` what it was then. */
struct open_row {
	int64_t id, step;
	struct condition *now; /* NULL: it is so no more */
};

struct opened {
	const struct conditions *conditions;
	struct open_row rows[ALERT_OPEN_MAX];
	size_t count;
	bool *raised; /* by condition: it is open already */
};

static int take_open(void *arg, const struct store_row *row)
{
	struct opened *o = arg;
	struct open_row *r = &o->rows[o->count];

	if (o->count == ALERT_OPEN_MAX)
		return 1;
	*r = (struct open_row){.id = store_row_integer(row, 0), .step = store_row_integer(row, 4)};
	for (size_t i = 0; i < o->conditions->count && !r->now; i++) {
		struct condition *c = &o->conditions->list[i];

		if (!o->raised[i] && strcmp(c->about, store_row_text(row, 2)) == 0 &&
		    strcmp(c->about_kind, store_row_text(row, 1)) == 0 &&
		    strcmp(c->part, store_row_text(row, 3)) == 0) {
			r->now = c;
			o->raised[i] = true;
		}
	}
	o->count++;
	return 0;
}

static struct opened *opened_make(const struct conditions *conditions)
{
	struct opened *o = calloc(1, sizeof(*o));

	if (!o)
		return NULL;
	o->conditions = conditions;
	o->raised = calloc(conditions->count + 1, sizeof(*o->raised));
	if (o->raised)
		return o;
	free(o);
	return NULL;
}

static void opened_free(struct opened *o)
{
	if (o)
		free(o->raised);
	free(o);
}

static bool differs(const struct opened *o)
{
	for (size_t i = 0; i < o->count; i++)
		if (!o->rows[i].now || o->rows[i].now->step != o->rows[i].step)
			return true;
	for (size_t i = 0; i < o->conditions->count; i++)
		if (!o->raised[i])
			return true;
	return false;
}

/* ---- settling ---------------------------------------------------------------------------- */

struct settling {
	const char *name, *about;
	const struct conditions *conditions;
	int64_t now_ms;
};

static int clear(struct store_tx *tx, int64_t id, int64_t now_ms)
{
	const struct store_value values[] = {store_integer(id), store_integer(now_ms)};

	return store_tx_run(tx, STORE_ALERT_CLEAR, values, 2, NULL, NULL);
}

/* Worse is an event; better is not. */
static int change_step(struct store_tx *tx, const struct open_row *row)
{
	const struct store_value values[] = {store_integer(row->id), store_integer(row->now->step),
	                                     store_text(row->now->text),
	                                     store_integer(row->now->step < row->step)};

	return store_tx_run(tx, STORE_ALERT_STEP, values, SL_ARRAY_LEN(values), NULL, NULL);
}

static int raise_one(struct store_tx *tx, const struct settling *s, const struct condition *c)
{
	const struct store_value values[] = {store_text(s->name),     store_text(c->about_kind),
	                                     store_text(c->about),    store_text(c->part),
	                                     store_integer(c->step),  store_text(c->text),
	                                     store_integer(s->now_ms)};

	return store_tx_run(tx, STORE_ALERT_ADD, values, SL_ARRAY_LEN(values), NULL, NULL);
}

static int apply(struct store_tx *tx, const struct settling *s, const struct opened *o)
{
	int rc = 0;

	for (size_t i = 0; i < o->count && rc == 0; i++) {
		if (!o->rows[i].now)
			rc = clear(tx, o->rows[i].id, s->now_ms);
		else if (o->rows[i].now->step != o->rows[i].step)
			rc = change_step(tx, &o->rows[i]);
	}
	for (size_t i = 0; i < s->conditions->count && rc == 0; i++)
		if (!o->raised[i])
			rc = raise_one(tx, s, &s->conditions->list[i]);
	return rc;
}

/* What is open is read again here: somebody else may have settled it meanwhile. */
static int write_settled(void *arg, struct store_tx *tx)
{
	const struct settling *s = arg;
	const struct store_value values[] = {store_text(s->name), store_text(s->about)};
	struct opened *o = opened_make(s->conditions);
	int rc = o ? store_tx_run(tx, STORE_ALERT_OPEN, values, 2, take_open, o) : SL_ENOMEM;

	if (rc >= 0)
		rc = apply(tx, s, o);
	opened_free(o);
	return rc;
}

int alerts_settle(struct alerts *alerts, enum alert_name name, const char *about,
                  const struct conditions *conditions, int64_t now_ms)
{
	struct settling s = {.name = alert_name_text(name),
	                     .about = about ? about : "",
	                     .conditions = conditions,
	                     .now_ms = now_ms};
	const struct store_value values[] = {store_text(s.name), store_text(s.about)};
	struct opened *o = opened_make(conditions);
	int rc = o ? store_read(alerts->store, STORE_ALERT_OPEN, values, 2, take_open, o)
	           : SL_ENOMEM;
	bool write = rc >= 0 && differs(o);

	opened_free(o);
	if (rc < 0 || !write)
		return SL_MIN(rc, 0);
	return store_write(alerts->store, write_settled, &s);
}

/* ---- the whole --------------------------------------------------------------------------- */

struct ageing {
	const char *name;
	int64_t oldest_ms, now_ms;
};

static int write_aged(void *arg, struct store_tx *tx)
{
	const struct ageing *a = arg;
	const struct store_value values[] = {store_text(a->name), store_integer(a->oldest_ms),
	                                     store_integer(a->now_ms)};

	return store_tx_run(tx, STORE_ALERT_CLEAR_OLD, values, 3, NULL, NULL);
}

static int write_dropped(void *arg, struct store_tx *tx)
{
	const struct store_value kept = store_integer(ALERT_KEPT);

	return store_tx_run(tx, STORE_ALERT_DROP_OLD, &kept, 1, NULL, NULL);
}

int alerts_age(struct alerts *alerts, int64_t now_ms)
{
	static const struct {
		enum alert_name name;
		int64_t seconds;
	} ages[] = {
	        {ALERT_OUT_OF_SYNC, ALERT_OUT_OF_SYNC_S},
	        {ALERT_THRESHOLD_REACHED, ALERT_THRESHOLD_S},
	        {ALERT_EVENTS_LOST, ALERT_EVENTS_LOST_S},
	};
	int rc = 0;

	for (size_t i = 0; i < SL_ARRAY_LEN(ages) && rc == 0; i++) {
		struct ageing a = {.name = alert_name_text(ages[i].name),
		                   .oldest_ms = now_ms - ages[i].seconds * 1000,
		                   .now_ms = now_ms};

		rc = store_write(alerts->store, write_aged, &a);
	}
	return rc ? rc : store_write(alerts->store, write_dropped, NULL);
}

int alerts_open(struct store *store, struct ingest *ingest, const struct alert_options *options,
                struct alerts **ret_alerts, struct problem *problem)
{
	struct alerts *alerts = calloc(1, sizeof(*alerts));

	if (!alerts)
		return problem_add(problem, SL_ENOMEM, "", "", "%s", err_text(SL_ENOMEM));
	alerts->store = store;
	alerts->ingest = ingest;
	alerts->options = *options;
	alerts->opened_ms = moment_now_ms();
	(void)pthread_mutex_init(&alerts->telling, NULL);
	ingest_on_heard(ingest, alerts_heard, alerts);
	*ret_alerts = alerts;
	return 0;
}

void alerts_close(struct alerts *alerts)
{
	if (!alerts)
		return;
	ingest_on_heard(alerts->ingest, NULL, NULL);
	(void)pthread_mutex_destroy(&alerts->telling);
	free(alerts);
}
