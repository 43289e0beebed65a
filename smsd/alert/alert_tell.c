/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows as events. A row says whether its event is still to be made, so that a death in between
 * leaves none out; the event of one that is raised and cleared in between is the clearing alone.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "smsd/alert/alert_priv.h"
#include "smsd/ingest/ingest.h"

enum { AT_ONCE = 64 };

static const struct {
	const char *name;
	enum log_level level;
} severities[] = {
#define ALERT(NAME, name, severity, help, remedy) {name, LOG_LEVEL_##severity},
#include "smsd/alert/alert.def"
#undef ALERT
};

struct untold {
	int64_t id, cleared_ms;
	char *name, *about_kind, *about, *text;
};

struct untold_list {
	struct untold items[AT_ONCE];
	size_t count;
};

static int take_untold(void *arg, const struct store_row *row)
{
	struct untold_list *list = arg;
	struct untold *u = &list->items[list->count];

	*u = (struct untold){.id = store_row_integer(row, 0),
	                     .cleared_ms = store_row_integer(row, 5),
	                     .name = strdup(store_row_text(row, 1)),
	                     .about_kind = strdup(store_row_text(row, 2)),
	                     .about = strdup(store_row_text(row, 3)),
	                     .text = strdup(store_row_text(row, 4))};
	list->count++;
	return u->name && u->about_kind && u->about && u->text ? 0 : SL_ENOMEM;
}

static void untold_fini(struct untold_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		free(list->items[i].name);
		free(list->items[i].about_kind);
		free(list->items[i].about);
		free(list->items[i].text);
	}
}

/* As it was read: worse by now is told once more. */
static int write_told(void *arg, struct store_tx *tx)
{
	const struct untold *u = arg;
	const struct store_value values[] = {store_integer(u->id), store_integer(u->cleared_ms),
	                                     store_text(u->text)};

	return store_tx_run(tx, STORE_ALERT_TOLD, values, 3, NULL, NULL);
}

static int make_event(struct alerts *alerts, const struct untold *u)
{
	const char *state = u->cleared_ms ? "cleared" : "raised";
	enum log_level level = LOG_LEVEL_INFO;
	const char *remedy = "";
	char message[2 * ALERT_TEXT_MAX];
	json_t *alert;

	for (enum alert_name n = 0; n < ALERT_END; n++)
		if (strcmp(severities[n].name, u->name) == 0) {
			level = u->cleared_ms ? LOG_LEVEL_INFO : severities[n].level;
			remedy = alert_remedy(n);
		}
	(void)snprintf(message, sizeof(message), "%s %s: %s", u->name, state, u->text);
	alert = json_pack("{s:s, s:s, s:{s:s, s:s}, s:s, s:s}", "name", u->name, "state", state,
	                  "about", "kind", u->about_kind, "name", u->about, "text", u->text,
	                  "remedy", remedy);
	return ingest_tell(alerts->ingest, level,
	                   strcmp(u->about_kind, "device") == 0 ? u->about : NULL, "sms_alert",
	                   alert, message);
}

static int tell_some(struct alerts *alerts, struct untold_list *list)
{
	const struct store_value limit = store_integer(AT_ONCE);
	int rc = store_read(alerts->store, STORE_ALERT_UNTOLD, &limit, 1, take_untold, list);

	for (size_t i = 0; i < list->count && rc == 0; i++) {
		rc = make_event(alerts, &list->items[i]);
		if (rc == 0)
			rc = store_write(alerts->store, write_told, &list->items[i]);
	}
	return rc;
}

int alerts_tell(struct alerts *alerts)
{
	bool more;
	int rc;

	(void)pthread_mutex_lock(&alerts->telling);
	do {
		struct untold_list list = {.count = 0};

		rc = tell_some(alerts, &list);
		more = rc == 0 && list.count == AT_ONCE;
		untold_fini(&list);
	} while (more);
	(void)pthread_mutex_unlock(&alerts->telling);
	return rc;
}
